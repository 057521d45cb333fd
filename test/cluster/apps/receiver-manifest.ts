/** The receiver as a workload of the cluster, and how the operator reaches it. */
import { deployment, type Manifest, namespaceOf, patient, service } from '../planes/manifest.ts';

const at = { name: 'receiver', namespace: 'tools' } as const;

const container = {
  name: 'receiver',
  image: 'serin.dev/receiver:1',
  ports: [{ name: 'http', containerPort: 8080 }],
  readinessProbe: { httpGet: { path: '/healthz', port: 'http' }, ...patient },
};

export const receiver: readonly Manifest[] = [
  namespaceOf(at.namespace),
  deployment(at, { containers: [container] }),
  service(at, 80, 8080),
];

/** Address within the cluster. */
export const RECEIVER_URL = `http://${at.name}.${at.namespace}`;
export const RECEIVER = at;
