/** Nodes whose pods only exist in the API: KWOK says that they run. For what is large, not for traffic. */
import { adminClient } from './admin-client.ts';

export const FAKE_LABEL = { type: 'kwok' } as const;

/** What a Deployment's pods need to be put on such a node. */
export const onFakeNodes = {
  nodeSelector: FAKE_LABEL,
  tolerations: [{ key: 'kwok.x-k8s.io/node', operator: 'Exists', effect: 'NoSchedule' }],
} as const;

export async function createFakeNodes(count: number): Promise<void> {
  const client = adminClient();
  try {
    for (let n = 1; n <= count; n++) await client.must('POST', '/api/v1/nodes', fakeNode(n));
  } finally {
    await client.close();
  }
}

function fakeNode(n: number): Readonly<Record<string, unknown>> {
  return {
    apiVersion: 'v1',
    kind: 'Node',
    metadata: {
      name: `fake-${n}`,
      labels: FAKE_LABEL,
      annotations: { 'kwok.x-k8s.io/node': 'fake' },
    },
    // Without it the scheduler would put pods there that must run.
    spec: { taints: [{ key: 'kwok.x-k8s.io/node', value: 'fake', effect: 'NoSchedule' }] },
    status: {
      allocatable: { cpu: '1000', memory: '1000Gi', pods: '10000' },
      capacity: { cpu: '1000', memory: '1000Gi', pods: '10000' },
    },
  };
}
