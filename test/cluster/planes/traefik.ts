/** Traefik as a Deployment of the cluster, following the Gateway API with the settings it ships with. */
import {
  deployment,
  gateway,
  gatewayClass,
  look,
  type Manifest,
  namespaceOf,
  patient,
  scraped,
  service,
  serviceAccount,
} from './manifest.ts';

const at = { name: 'traefik', namespace: 'traefik' } as const;
/** Traefik serves a listener where an entry point has the same port. */
const port = 8000;
const adminPort = 8080;

const gatewayKinds = [
  'backendtlspolicies',
  'gatewayclasses',
  'gateways',
  'grpcroutes',
  'httproutes',
  'listenersets',
  'referencegrants',
  'tcproutes',
  'tlsroutes',
];

const rules = [
  {
    apiGroups: [''],
    resources: ['configmaps', 'namespaces', 'nodes', 'secrets', 'services'],
    verbs: look,
  },
  { apiGroups: ['discovery.k8s.io'], resources: ['endpointslices'], verbs: look },
  { apiGroups: ['gateway.networking.k8s.io'], resources: gatewayKinds, verbs: look },
  {
    apiGroups: ['gateway.networking.k8s.io'],
    resources: gatewayKinds.map((kind) => `${kind}/status`),
    verbs: ['update'],
  },
];

const args = [
  '--providers.kubernetesgateway=true',
  '--providers.kubernetesgateway.statusaddress.service.name=traefik',
  '--providers.kubernetesgateway.statusaddress.service.namespace=traefik',
  `--entrypoints.web.address=:${port}`,
  `--entrypoints.traefik.address=:${adminPort}`,
  '--metrics.prometheus=true',
  '--ping=true',
  // Only what went wrong, with the pod it was sent to: whom a failed request is put down to.
  '--accesslog=true',
  '--accesslog.format=json',
  '--accesslog.filters.statuscodes=500-599',
];

const container = {
  name: 'traefik',
  image: 'traefik:3.7.15',
  args,
  ports: [
    { name: 'web', containerPort: port },
    { name: 'admin', containerPort: adminPort },
  ],
  readinessProbe: { httpGet: { path: '/ping', port: 'admin' }, ...patient },
};

export const traefik: readonly Manifest[] = [
  namespaceOf(at.namespace),
  ...serviceAccount(at, rules),
  deployment(at, { serviceAccountName: at.name, containers: [container] }, scraped(adminPort)),
  service(at, 80, port),
  gatewayClass('traefik', 'traefik.io/gateway-controller'),
  gateway({ name: 'public', namespace: at.namespace }, 'traefik', port),
];
