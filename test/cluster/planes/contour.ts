/** Envoy under Contour: two Deployments of the cluster, following the Gateway API. */
import {
  configMap,
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

const space = 'projectcontour';
const contour = { name: 'contour', namespace: space } as const;
const envoy = { name: 'envoy', namespace: space } as const;

/** How Envoy finds Contour. Between two pods of one machine it is not encrypted. */
const xdsPort = 8001;
const statsPort = 8002;
/** Contour binds a listener's port 80 as this one. */
const httpPort = 8080;

const gatewayKinds = [
  'backendtlspolicies',
  'gatewayclasses',
  'gateways',
  'grpcroutes',
  'httproutes',
  'referencegrants',
  'tcproutes',
  'tlsroutes',
];
const ownKinds = ['contourconfigurations', 'extensionservices', 'httpproxies'];

const rules = [
  {
    apiGroups: [''],
    resources: ['configmaps', 'namespaces', 'secrets', 'services'],
    verbs: look,
  },
  { apiGroups: ['discovery.k8s.io'], resources: ['endpointslices'], verbs: look },
  { apiGroups: ['networking.k8s.io'], resources: ['ingresses'], verbs: look },
  {
    apiGroups: ['projectcontour.io'],
    resources: [...ownKinds, 'tlscertificatedelegations'],
    verbs: look,
  },
  {
    apiGroups: ['projectcontour.io'],
    resources: ownKinds.map((kind) => `${kind}/status`),
    verbs: ['create', 'get', 'update'],
  },
  { apiGroups: ['gateway.networking.k8s.io'], resources: gatewayKinds, verbs: look },
  {
    apiGroups: ['gateway.networking.k8s.io'],
    resources: gatewayKinds.map((kind) => `${kind}/status`),
    verbs: ['update'],
  },
];

const settings = `
gateway:
  gatewayRef:
    name: public
    namespace: ${space}
accesslog-level: error
`;

const contourContainer = {
  name: 'contour',
  image: 'ghcr.io/projectcontour/contour:v1.33.8',
  args: [
    'serve',
    '--incluster',
    '--insecure',
    '--xds-address=0.0.0.0',
    `--xds-port=${xdsPort}`,
    '--config-path=/config/contour.yaml',
    '--disable-leader-election',
    `--envoy-service-name=${envoy.name}`,
    `--envoy-service-namespace=${space}`,
  ],
  ports: [
    { name: 'xds', containerPort: xdsPort },
    { name: 'debug', containerPort: 8000 },
  ],
  readinessProbe: { tcpSocket: { port: 'xds' }, ...patient },
  volumeMounts: [{ name: 'config', mountPath: '/config', readOnly: true }],
};

const bootstrap = {
  name: 'bootstrap',
  image: contourContainer.image,
  args: [
    'bootstrap',
    '/config/envoy.json',
    `--xds-address=${contour.name}`,
    `--xds-port=${xdsPort}`,
    '--xds-resource-version=v3',
    '--admin-address=/admin/admin.sock',
  ],
  volumeMounts: [
    { name: 'config', mountPath: '/config' },
    { name: 'admin', mountPath: '/admin' },
  ],
};

const envoyContainer = {
  name: 'envoy',
  image: 'envoyproxy/envoy:v1.40.0',
  args: [
    '-c',
    '/config/envoy.json',
    '--service-cluster',
    space,
    '--service-node',
    'envoy',
    '--concurrency',
    '1',
    // Shares memory by a number that two clusters on one machine would both take.
    '--disable-hot-restart',
    '--log-level',
    'warning',
  ],
  ports: [
    { name: 'http', containerPort: httpPort },
    { name: 'stats', containerPort: statsPort },
  ],
  readinessProbe: { httpGet: { path: '/ready', port: 'stats' }, ...patient },
  volumeMounts: bootstrap.volumeMounts,
};

export const contourAndEnvoy: readonly Manifest[] = [
  namespaceOf(space),
  ...serviceAccount(contour, rules),
  configMap({ name: 'contour', namespace: space }, { 'contour.yaml': settings }),
  gatewayClass('contour', 'projectcontour.io/gateway-controller'),
  gateway({ name: 'public', namespace: space }, 'contour', 80),
  deployment(contour, {
    serviceAccountName: contour.name,
    containers: [contourContainer],
    volumes: [{ name: 'config', configMap: { name: 'contour' } }],
  }),
  service(contour, xdsPort, xdsPort),
  deployment(
    envoy,
    {
      initContainers: [bootstrap],
      containers: [envoyContainer],
      volumes: [
        { name: 'config', emptyDir: {} },
        { name: 'admin', emptyDir: {} },
      ],
    },
    scraped(statsPort, '/stats/prometheus'),
  ),
  service(envoy, 80, httpPort),
];
