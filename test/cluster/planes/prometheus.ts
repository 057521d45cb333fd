/** Prometheus as a Deployment of the cluster: it finds pods by itself and asks each once a second. */
import { stringify } from 'yaml';

import {
  configMap,
  deployment,
  look,
  type Manifest,
  namespaceOf,
  patient,
  type Place,
  service,
  serviceAccount,
} from './manifest.ts';

const port = 9090;

/** Labels as the built-in checks expect them: `kubernetes_namespace`, `kubernetes_pod_name`. */
const relabelings = [
  {
    source_labels: ['__meta_kubernetes_pod_annotation_prometheus_io_scrape'],
    action: 'keep',
    regex: 'true',
  },
  {
    source_labels: ['__meta_kubernetes_pod_annotation_prometheus_io_path'],
    action: 'replace',
    target_label: '__metrics_path__',
    regex: '(.+)',
  },
  {
    source_labels: [
      '__meta_kubernetes_pod_ip',
      '__meta_kubernetes_pod_annotation_prometheus_io_port',
    ],
    action: 'replace',
    separator: ':',
    target_label: '__address__',
  },
  {
    source_labels: ['__address__'],
    action: 'keep',
    regex: '.+:[0-9]+',
  },
  { source_labels: ['__meta_kubernetes_namespace'], target_label: 'kubernetes_namespace' },
  { source_labels: ['__meta_kubernetes_pod_name'], target_label: 'kubernetes_pod_name' },
];

/** Debian's Prometheus is built without its discovery of Kubernetes: the container beside it finds the pods. */
const settings = stringify({
  global: { scrape_interval: '1s', scrape_timeout: '1s' },
  scrape_configs: [
    {
      job_name: 'kubernetes-pods',
      http_sd_configs: [{ url: 'http://127.0.0.1:9091/', refresh_interval: '1s' }],
      relabel_configs: relabelings,
    },
  ],
});

function discovery(namespaces: readonly string[]): object {
  const env = namespaces.length === 0 ? [] : [{ name: 'NAMESPACES', value: namespaces.join(',') }];
  return { name: 'discovery', image: 'serin.dev/discovery:1', env };
}

const container = {
  name: 'prometheus',
  image: 'prom/prometheus:v2.42.0',
  args: [
    '--config.file=/etc/prometheus/prometheus.yml',
    '--storage.tsdb.path=/prometheus',
    `--web.listen-address=:${port}`,
  ],
  ports: [{ name: 'web', containerPort: port }],
  readinessProbe: { httpGet: { path: '/-/ready', port: 'web' }, ...patient },
  volumeMounts: [
    { name: 'config', mountPath: '/etc/prometheus', readOnly: true },
    { name: 'data', mountPath: '/prometheus' },
  ],
};

function prometheusAt(
  at: Place,
  account: string,
  namespaces: readonly string[],
): readonly Manifest[] {
  const rules = [{ apiGroups: [''], resources: ['pods'], verbs: look }];
  return [
    ...serviceAccount({ name: account, namespace: at.namespace }, rules),
    configMap(at, { 'prometheus.yml': settings }),
    deployment(at, {
      serviceAccountName: account,
      containers: [container, discovery(namespaces)],
      volumes: [
        { name: 'config', configMap: { name: at.name } },
        { name: 'data', emptyDir: {} },
      ],
    }),
    service(at, port, port),
  ];
}

/** For the whole cluster, where the operator as shipped looks for it. */
export const prometheus: readonly Manifest[] = [
  namespaceOf('monitoring'),
  ...prometheusAt({ name: 'prometheus', namespace: 'monitoring' }, 'prometheus', []),
];

/** One for a namespace alone, that can be stopped without anybody else noticing. */
export function ownPrometheus(space: string): readonly Manifest[] {
  const at = { name: 'prometheus', namespace: space };
  return prometheusAt(at, `prometheus-${space}`, [space]);
}
