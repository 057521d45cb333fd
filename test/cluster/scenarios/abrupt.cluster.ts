import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { APP } from './manifests.ts';
import { contour, kubernetes, type PlaneInUse, traefik } from './plane.ts';
import { blame } from './load.ts';
import { report, requests, shares } from './report.ts';
import { Stage } from './stage.ts';

const FIRST = 'serin.dev/demo:1.0.0-abrupt';
const NEXT = 'serin.dev/demo:1.1.0-abrupt';
const MINUTE = 60_000;
/** A connection that broke is noticed when it is used again; the operator's own scale-down comes later than that. */
const LATE_MS = 2_000;

/** When the primary was given a version, and when the last of its pods with the one before was gone. */
function rollingUpdate(stage: Stage, from: number): readonly [number, number] {
  const written = stage.chronicle
    .changes('Deployment', `${APP}-primary`)
    .find(
      ({ at, object }) => at >= from && object.spec.template.spec.containers[0]?.image === NEXT,
    );
  const gone = stage.chronicle
    .changes('Pod')
    .filter(({ type, object }) => type === 'DELETED' && object.spec.containers[0]?.image === FIRST);
  return [written?.at ?? NaN, (gone.at(-1)?.at ?? NaN) + LATE_MS];
}

function describeAbrupt(plane: PlaneInUse): void {
  describe.concurrent(`pods that end at once behind ${plane.name}`, () => {
    let stage: Stage;

    beforeAll(async () => {
      stage = await Stage.open(plane, 'abrupt');
      await stage.initialise(FIRST, 60);
    });
    afterAll(() => stage.close());

    it('cost no request but in the rolling update of the primary itself', async () => {
      const from = await stage.release(NEXT);
      if (plane.provider === 'kubernetes') await stage.alsoUseCanary(from);
      await stage.until('Succeeded', 2 * MINUTE, from);
      await stage.chronicle.until('the canary is gone', MINUTE, () => {
        const { spec, status } = stage.target ?? {};
        return spec?.replicas === 0 && (status?.replicas ?? 0) === 0;
      });
      await sleep(3_000);
      const [written, gone] = rollingUpdate(stage, from);
      const during = stage.failed(written, gone);
      const others = stage.failed(from).filter((record) => !during.includes(record));
      report(
        `${plane.name}, promotion with abrupt pods`,
        requests(
          others.length === 0 ? stage.requests(from).filter((r) => !during.includes(r)) : others,
        ),
        `rolling update of the primary: ${requests(stage.requests(written, gone))}`,
        shares(stage.shares(from)),
      );
      expect(written).toBeGreaterThan(from);
      expect(gone).toBeGreaterThan(written);
      expect(blame(others)).toEqual([]);
      expect((await stage.next()).versions).toEqual(['1.1.0-abrupt']);
    });
  });
}

for (const plane of [traefik, contour, kubernetes]) describeAbrupt(plane);
