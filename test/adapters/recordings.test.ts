import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';

import { describe, expect, it } from 'vitest';

import type { KubernetesObject } from '../../src/api/object.ts';
import {
  flaggersDoings,
  readRecording,
  recordings,
  Replay,
  type Doings,
  type Status,
} from './recordings.ts';

const missing = existsSync(recordings) ? '' : ' (skipped: ../shared is not here)';

/** Rows of `docs/flagger.md` that a difference below stands on; a row that goes takes the excuse with it. */
const rows = {
  askedSuccessRate: 'D16',
  abortMessage: 'D18',
  gatesAskedLess: 'D30',
  skippedAnalysisWaits: 'D36',
  noRandomId: 'D54',
  sharedConfigs: 'D70',
  gatePhase: 'D91',
  failedChecks: 'D92',
};

const names = [
  'gatewayapi-weights',
  'kubernetes-bluegreen',
  'abort-slack',
  'gates',
  'skip-analysis',
  'suspend',
  'revision-changed',
  'no-data',
  'metrics-down',
  'never-ready',
  'template-metric',
];

const played = new Map<string, Promise<{ readonly theirs: Doings; readonly ours: Doings }>>();

function both(name: string): Promise<{ readonly theirs: Doings; readonly ours: Doings }> {
  const known = played.get(name);
  if (known !== undefined) return known;
  const play = async () => {
    const recording = readRecording(name);
    return { theirs: flaggersDoings(recording), ours: await new Replay(recording).play() };
  };
  const playing = play();
  played.set(name, playing);
  return playing;
}

const isOurs = (key: string): boolean =>
  key.startsWith('serin.dev/') || key.startsWith('deployment.kubernetes.io/');

/** What people put there, without what a server or one of the operators adds for itself. */
function shown({ metadata, ...object }: KubernetesObject, keys: readonly string[]): unknown {
  const annotations = Object.entries(metadata.annotations ?? {}).filter(([key]) => !isOurs(key));
  const owner = metadata.ownerReferences?.find(({ controller }) => controller === true);
  const spec = object['spec'] as Readonly<Record<string, unknown>>;
  return {
    kind: object.kind,
    name: metadata.name,
    labels: metadata.labels,
    annotations: Object.fromEntries(annotations),
    owner: owner && { kind: owner.kind, name: owner.name, apiVersion: owner.apiVersion },
    spec: Object.fromEntries(keys.map((key) => [key, spec[key]])),
  };
}

const serviceKeys = ['type', 'ports', 'selector'];
const routeKeys = ['parentRefs', 'hostnames', 'rules'];
const primaryKeys = [
  'replicas',
  'selector',
  'template',
  'strategy',
  'revisionHistoryLimit',
  'progressDeadlineSeconds',
];

/** D54 and D70: no random id, no copies of ConfigMaps and Secrets. */
function withoutFlaggersOwn(primary: KubernetesObject): KubernetesObject {
  const text = JSON.stringify(primary, (key, value: unknown) =>
    key === 'flagger-id' ? undefined : value,
  );
  return JSON.parse(
    text
      .replaceAll('podinfo-env-primary', 'podinfo-env')
      .replaceAll('podinfo-secret-primary', 'podinfo-secret'),
  ) as KubernetesObject;
}

function promoted({ conditions = [] }: Status): object | undefined {
  const found = conditions.find(({ type }) => type === 'Promoted');
  return found && { status: found.status, reason: found.reason };
}

/** D16: the numerator falls back to zero wherever the denominator exists. */
function withFallback(query: string): string {
  const [numerator, denominator] = query.replace(/\*100$/, '').split(/\/(?=sum\()/);
  return denominator === undefined ? query : `(${numerator}or0*${denominator})/${denominator}*100`;
}

const phases = ({ statuses }: Doings): string[] =>
  statuses.map(({ phase }) => phase ?? '').filter((phase, index, all) => phase !== all[index - 1]);

const images = (doings: Doings): unknown[] =>
  doings.primaries.map((primary) => /podinfo:[0-9]+/.exec(JSON.stringify(primary))?.[0]);

const called = (doings: Doings): string[] => [
  ...new Set(
    doings.hooks.flatMap(({ name: hook, body }) => {
      if (hook === 'event') return [];
      const { phase, metadata, namespace, name: canary } = body;
      // D91
      const told = hook.startsWith('confirm-') ? '' : phase;
      return [JSON.stringify({ hook, told, metadata, namespace, canary })];
    }),
  ),
];

const facts = (doings: Doings): unknown => [
  ...new Set(
    doings.hooks
      .filter(({ name: hook }) => hook === 'event')
      .map(({ body }) =>
        Object.keys(body.metadata ?? {})
          .sort()
          .join(),
      ),
  ),
];

/** D18: ours says why, where and for how long. */
const told = (doings: Doings): string[] =>
  doings.alerts.map(({ receiver, text }) => {
    const about = /threshold reached|was rolled back/.test(text) ? 'aborted' : text;
    return `${receiver === 'slack' ? 'general' : receiver}: ${about}`;
  });

describe.skipIf(missing !== '')(`what Flagger wrote for the same manifests${missing}`, () => {
  it('differs from what we write only where docs/flagger.md says so', () => {
    const page = readFileSync(path.resolve(import.meta.dirname, '../../docs/flagger.md'), 'utf8');
    for (const row of Object.values(rows)) expect(page).toContain(`| ${row} |`);
  });

  describe.each(names)('%s:', (name) => {
    it('the same Services', async () => {
      const { theirs, ours } = await both(name);
      expect(Object.keys(ours.services).sort()).toEqual(Object.keys(theirs.services).sort());
      for (const [service, object] of Object.entries(theirs.services))
        expect(shown(ours.services[service] ?? object, serviceKeys)).toEqual(
          shown(object, serviceKeys),
        );
    });

    it('the same routes in the same order', async () => {
      const { theirs, ours } = await both(name);
      expect(ours.routes.map((route) => shown(route, routeKeys))).toEqual(
        theirs.routes.map((route) => shown(route, routeKeys)),
      );
    });

    it('the same primary, first and last', async () => {
      const { theirs, ours } = await both(name);
      expect([...new Set(images(ours))]).toEqual([...new Set(images(theirs))]);
      const last = theirs.primaries.at(-1);
      const mine = ours.primaries.at(-1);
      if (last === undefined || mine === undefined) throw new Error('there is no primary');
      // What the API server fills in is only in a body that Flagger read before.
      const keys = theirs.primaries.length > 1 ? primaryKeys : ['replicas', 'selector'];
      expect(shown(mine, keys)).toEqual(shown(withoutFlaggersOwn(last), keys));
    });

    it('the same phases, and the same end', async () => {
      const { theirs, ours } = await both(name);
      // D91: a gate is waited for, even if it opens at once. D36: a promotion without analysis is one.
      const extra =
        name === 'skip-analysis'
          ? ['Promoting', 'Finalising']
          : name === 'kubernetes-bluegreen'
            ? ['Waiting', 'WaitingPromotion']
            : [];
      expect(phases(ours).filter((phase) => !extra.includes(phase))).toEqual(phases(theirs));
      const [end, last] = [ours.statuses.at(-1), theirs.statuses.at(-1)];
      expect(end).toMatchObject({
        phase: last?.phase,
        canaryWeight: last?.canaryWeight,
        iterations: last?.iterations,
      });
      expect(promoted(end ?? {})).toEqual(promoted(last ?? {}));
    });

    it('the same questions to Prometheus', async () => {
      const { theirs, ours } = await both(name);
      const asked = new Set(ours.queries);
      for (const query of new Set(theirs.queries)) expect(asked).toContain(withFallback(query));
    });

    it('the same calls of hooks', async () => {
      const { theirs, ours } = await both(name);
      expect(called(ours)).toEqual(called(theirs));
    });

    it('the same facts about an event, for those who are told of all', async () => {
      const { theirs, ours } = await both(name);
      expect(facts(ours)).toEqual(facts(theirs));
    });

    it('one checksum for all calls of a run', async () => {
      const { ours } = await both(name);
      const checksums = (phase: string): string[] =>
        ours.hooks.filter(({ body }) => body.phase === phase).map(({ body }) => body.checksum);
      expect(new Set(checksums('Progressing')).size).toBeLessThanOrEqual(1);
    });

    it('the same alerts to the same people', async () => {
      const { theirs, ours } = await both(name);
      expect(told(ours)).toEqual(told(theirs));
    });
  });
});
