import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { APP, canary } from './manifests.ts';
import { contour, kubernetes, type PlaneInUse, traefik } from './plane.ts';
import { blame } from './load.ts';
import { report, requests } from './report.ts';
import { Stage } from './stage.ts';

const IMAGE = 'serin.dev/demo:1.0.0';
const MINUTE = 60_000;
const PROXY_MS = 5_000;
const inTurn = { concurrent: false } as const;

async function deleteCanary(stage: Stage): Promise<number> {
  const at = Date.now();
  await stage.api.delete('Canary', stage.namespace, APP);
  await stage.chronicle.until('the Canary is gone', MINUTE, () => stage.canary === undefined);
  await stage.chronicle.until('the primary is gone', MINUTE, () => stage.primary === undefined);
  return at;
}

function describeDeletion(plane: PlaneInUse): void {
  const isSwitch = plane.provider === 'kubernetes';

  describe.concurrent(`deletion of a Canary behind ${plane.name}`, () => {
    let stage: Stage;

    beforeAll(async () => {
      stage = await Stage.open(plane, 'deletion');
      await stage.initialise(IMAGE, 50, { spec: { revertOnDeletion: true } });
    });
    afterAll(() => stage.close());

    it(
      'with revertOnDeletion: true costs no request; what was made serves the target',
      inTurn,
      async () => {
        const from = await deleteCanary(stage);
        await sleep(PROXY_MS * 2);
        report(`${plane.name}, deletion, revertOnDeletion: true`, requests(stage.requests(from)));
        expect(stage.failures()).toEqual([]);
        expect(stage.target?.status?.availableReplicas).toBe(2);
        expect((await stage.next()).sides).toEqual(['canary']);
        expect(stage.chronicle.names('Service')).toEqual([APP]);
        expect(stage.chronicle.names('HTTPRoute')).toEqual(isSwitch ? [] : [APP]);
        const owners = stage.chronicle.latest('Service', APP)?.metadata.ownerReferences ?? [];
        expect(owners.map(({ kind, name }) => `${kind} ${name}`)).toEqual([`Deployment ${APP}`]);
      },
    );

    it(
      'with an explicit false gives back what was adopted, and leaves the target as it is',
      inTurn,
      async () => {
        const again = Date.now();
        const options = { spec: { revertOnDeletion: false } };
        await stage.create(canary(stage.namespace, plane, options));
        await stage.until('Initialized', 2 * MINUTE, again);
        const from = await deleteCanary(stage);
        await sleep(2_000);
        const before = stage.failed(0, from);
        report(
          `${plane.name}, deletion, revertOnDeletion: false`,
          `until then ${requests(stage.requests(again, from))}`,
          `afterwards ${requests(stage.requests(from))}`,
        );
        expect(blame(before)).toEqual([]);
        expect(stage.target?.spec.replicas).toBe(0);
        expect(stage.chronicle.names('Service')).toEqual([APP]);
        expect(stage.chronicle.latest('Service', APP)?.spec.selector).toEqual({ app: APP });
      },
    );
  });
}

for (const plane of [traefik, contour, kubernetes]) describeDeletion(plane);
