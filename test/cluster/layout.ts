/** Where things are in a test cluster. Every cluster has the same addresses and paths, in namespaces of its own. */

/** The machine's `/run`, hidden under a tmpfs that dies with the namespaces. */
export const STATE_PARENT = '/run';
export const STATE = '/run/serin-cluster';

export const NODE = { name: 'node-1', address: '10.99.0.1' } as const;
export const POD_CIDR = '10.244.0.0/16';
export const SERVICE_CIDR = '10.0.0.0/16';
/** The Service `kubernetes`: the first address of the range. */
const API_SERVICE = '10.0.0.1';

export const API_SERVER = { host: NODE.address, port: 6443 } as const;
export const API_URL = `https://${API_SERVER.host}:${API_SERVER.port}`;
export const ETCD_URL = 'http://127.0.0.1:2379';
export const ETCD_PEER_URL = 'http://127.0.0.1:2380';
export const ISSUER = 'https://kubernetes.default.svc';

/** Whom the certificate is for: the API server, the node's log endpoint, and proxies on the node. */
export const CERTIFICATE_NAMES = {
  dns: ['kubernetes', 'kubernetes.default', 'kubernetes.default.svc', 'localhost'],
  addresses: [API_SERVICE, NODE.address, '127.0.0.1'],
} as const;

export const FILES = {
  /** A person's, with all permissions. */
  kubeconfig: `${STATE}/kubeconfig`,
  /** Of controllers, scheduler, proxy and node agent: what they do is not audited. */
  componentsKubeconfig: `${STATE}/components.kubeconfig`,
  /** Certificate of every server, and the authority to trust. */
  certificate: `${STATE}/pki/server.crt`,
  key: `${STATE}/pki/server.key`,
  serviceAccountKey: `${STATE}/pki/service-accounts.key`,
  tokens: `${STATE}/pki/tokens.csv`,
  auditPolicy: `${STATE}/audit-policy.yaml`,
  /** One JSON event a line, level Metadata. */
  auditLog: `${STATE}/audit.log`,
  proxyConfig: `${STATE}/kube-proxy.yaml`,
  etcd: `${STATE}/etcd`,
  logs: `${STATE}/logs`,
  node: `${STATE}/node`,
  /** The operator, as the production build makes it. */
  bundle: `${STATE}/serin.mjs`,
  /** Answers to what the faults ask for: see `control.ts`. */
  control: `${STATE}/control.sock`,
} as const;
