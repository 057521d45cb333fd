/** With which flags each component is started. */
import { FAKE_LABEL } from '../fake-nodes.ts';
import {
  API_SERVER,
  ETCD_PEER_URL,
  ETCD_URL,
  FILES,
  ISSUER,
  NODE,
  POD_CIDR,
  SERVICE_CIDR,
} from '../layout.ts';

const controllers = [
  'daemonset',
  'deployment',
  'disruption',
  'endpointslice',
  'garbage-collector',
  'horizontal-pod-autoscaler',
  'namespace',
  'replicaset',
  'root-ca-certificate-publisher',
  'serviceaccount',
  'serviceaccount-token',
].map((name) => `${name}-controller`);

/** Limits that keep a person's cluster polite and a test's slow. */
const unhurried = ['--kube-api-qps=2000', '--kube-api-burst=4000'];

export const commands = {
  etcd: [FILES.etcd, ETCD_URL, ETCD_PEER_URL],
  'kube-apiserver': [
    `--etcd-servers=${ETCD_URL}`,
    `--bind-address=${API_SERVER.host}`,
    `--advertise-address=${API_SERVER.host}`,
    `--secure-port=${API_SERVER.port}`,
    `--service-cluster-ip-range=${SERVICE_CIDR}`,
    `--tls-cert-file=${FILES.certificate}`,
    `--tls-private-key-file=${FILES.key}`,
    `--token-auth-file=${FILES.tokens}`,
    '--authorization-mode=RBAC',
    `--service-account-key-file=${FILES.serviceAccountKey}`,
    `--service-account-signing-key-file=${FILES.serviceAccountKey}`,
    `--service-account-issuer=${ISSUER}`,
    // The node's name is nowhere but in the API.
    '--kubelet-preferred-address-types=InternalIP',
    // Who sets `blockOwnerDeletion` needs `update` on the owner's `finalizers`: some clusters enforce it.
    '--enable-admission-plugins=OwnerReferencesPermissionEnforcement',
    // Would wait for the node-lifecycle controller, which is not run.
    '--disable-admission-plugins=TaintNodesByCondition',
    `--audit-policy-file=${FILES.auditPolicy}`,
    `--audit-log-path=${FILES.auditLog}`,
    '--profiling=false',
  ],
  'kube-controller-manager': [
    `--kubeconfig=${FILES.componentsKubeconfig}`,
    `--controllers=${controllers.join(',')}`,
    '--leader-elect=false',
    `--service-account-private-key-file=${FILES.serviceAccountKey}`,
    `--root-ca-file=${FILES.certificate}`,
    '--bind-address=127.0.0.1',
    '--concurrent-deployment-syncs=20',
    '--concurrent-replicaset-syncs=20',
    ...unhurried,
  ],
  'kube-scheduler': [
    `--kubeconfig=${FILES.componentsKubeconfig}`,
    '--leader-elect=false',
    '--bind-address=127.0.0.1',
    ...unhurried,
  ],
  'kube-proxy': [`--config=${FILES.proxyConfig}`],
  'node-agent': [
    `--kubeconfig=${FILES.componentsKubeconfig}`,
    `--name=${NODE.name}`,
    `--address=${NODE.address}`,
    `--pod-cidr=${POD_CIDR}`,
    `--state=${FILES.node}`,
    `--tls-cert=${FILES.certificate}`,
    `--tls-key=${FILES.key}`,
  ],
  kwok: [
    `--kubeconfig=${FILES.componentsKubeconfig}`,
    '--manage-all-nodes=false',
    `--manage-nodes-with-label-selector=type=${FAKE_LABEL.type}`,
    '--node-lease-duration-seconds=0',
    '--server-address=127.0.0.1:10247',
  ],
} as const;

export type ComponentName = keyof typeof commands;

/** In the order in which they are started. */
export const componentNames = [
  'etcd',
  'kube-apiserver',
  'kube-controller-manager',
  'kube-scheduler',
  'kube-proxy',
  'node-agent',
  'kwok',
] as const satisfies readonly ComponentName[];
