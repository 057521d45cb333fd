/** Pods and a driver for tests of the runner; nothing here needs an API server. */
import { setTimeout as sleep } from 'node:timers/promises';

import type { Container, Labels, Pod } from '../../../src/sandbox/controllers/objects.ts';
import type { PodReport } from '../../../src/sandbox/controllers/pod-driver.ts';
import { Addresses } from '../../../src/sandbox/runner/addresses.ts';
import { ProcessPods } from '../../../src/sandbox/runner/process-pods.ts';

export function pod(name: string, image: string, more: Partial<Container> = {}): Pod {
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name, namespace: 'shop', uid: `uid-of-${name}`, labels: { app: 'cart' } },
    spec: {
      containers: [
        {
          name: 'app',
          image,
          ports: [{ name: 'http', containerPort: 8080 }],
          readinessProbe: { httpGet: { path: '/readyz', port: 'http' }, periodSeconds: 1 },
          ...more,
        },
      ],
    },
  };
}

/** A driver whose reports can be waited for. */
export async function startRunner(configs: Readonly<Record<string, Labels>> = {}) {
  const addresses = await Addresses.reserve();
  const seen: PodReport[] = [];
  const driver = new ProcessPods({
    addresses,
    readConfig: (kind, namespace, name) => configs[`${kind} ${namespace}/${name}`],
    wake: () => seen.push(...driver.poll()),
  });
  return {
    driver,
    seen,
    async next<K extends PodReport['kind']>(kind: K): Promise<Extract<PodReport, { kind: K }>> {
      for (;;) {
        const at = seen.findIndex((report) => report.kind === kind);
        const [report] = at < 0 ? [] : seen.splice(0, at + 1).slice(-1);
        if (report !== undefined && isOfKind(report, kind)) return report;
        await sleep(5);
      }
    },
    async close() {
      await driver.close();
      addresses.close();
    },
  };
}

function isOfKind<K extends PodReport['kind']>(
  report: PodReport,
  kind: K,
): report is Extract<PodReport, { kind: K }> {
  return report.kind === kind;
}
