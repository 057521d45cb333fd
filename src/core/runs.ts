/**
 * The record of a run: how it begins, starts over, and what it keeps for abort and deletion.
 */
import type { Run } from '../api/run.ts';
import type { Pass } from './pass.ts';
import type { AppliedTraffic } from './traffic.ts';

/** Made of the Canary's uid, the revision and a count: the same on every replica, another for every run. */
export function runId(uid: string, revision: string, count: number): string {
  const hash = revision.slice(revision.indexOf(':') + 1);
  return `${uid.slice(0, 8)}-${hash.slice(0, 10)}-${count}`;
}

/** What runs of this Canary have noted on its routes. */
export function notes({ seen: { uid, traffic } }: Pass): readonly AppliedTraffic[] {
  return traffic.routes.flatMap(({ applied }) =>
    applied?.run.startsWith(`${uid.slice(0, 8)}-`) === true ? applied : [],
  );
}

/** The count of the run that wrote last, from its note on the routes: a record that was lost must not use an id twice. */
function lastWritten(pass: Pass): number {
  return Math.max(0, ...notes(pass).map(({ run }) => Number(/-(\d+)$/.exec(run)?.[1] ?? 0)));
}

/** What the run keeps of spec and target, so that a spec that breaks later cannot stop an abort. */
function record(
  pass: Pass,
): Pick<
  Run,
  | 'provider'
  | 'apex'
  | 'port'
  | 'routes'
  | 'target'
  | 'threshold'
  | 'intervalMs'
  | 'progressDeadlineMs'
  | 'holdDeadlineMs'
  | 'canaryReadyPercent'
  | 'primaryReadyPercent'
> {
  const { seen, run } = pass;
  const { spec, target } = seen;
  return {
    provider: seen.provider,
    apex: spec?.service.name ?? run?.apex ?? seen.name,
    port: spec?.service.port ?? run?.port ?? 0,
    routes: seen.traffic.routes.map(({ name }) => name),
    target: {
      apiVersion: spec?.target.apiVersion ?? run?.target.apiVersion ?? 'apps/v1',
      kind: spec?.target.kind ?? run?.target.kind ?? 'Deployment',
      name: spec?.target.name ?? run?.target.name ?? seen.name,
      uid: target?.uid ?? run?.target.uid ?? '',
      generation: target?.generation ?? run?.target.generation ?? 0,
      revision: target?.revision ?? run?.target.revision ?? '',
    },
    threshold: spec?.threshold ?? run?.threshold ?? 1,
    intervalMs: spec?.intervalMs ?? run?.intervalMs ?? 60_000,
    progressDeadlineMs: spec?.progressDeadlineMs ?? run?.progressDeadlineMs ?? 600_000,
    holdDeadlineMs: spec?.holdDeadlineMs ?? run?.holdDeadlineMs ?? 3_600_000,
    canaryReadyPercent: spec?.canaryReadyPercent ?? run?.canaryReadyPercent ?? 100,
    primaryReadyPercent: spec?.primaryReadyPercent ?? run?.primaryReadyPercent ?? 100,
  };
}

/** Begins a record for `revision`. Messages that still have to be delivered, and the count of runs, are kept. */
export function beginRun(pass: Pass, revision: string): void {
  const count = (pass.run?.count ?? lastWritten(pass)) + 1;
  pass.run = {
    id: runId(pass.seen.uid, revision, count),
    revision,
    count,
    startedAt: pass.nowText,
    ...record(pass),
    weight: 0,
    preRolloutPassed: false,
    stay: false,
    told: [],
    contested: {},
    outbox: pass.run?.outbox ?? [],
    dropped: pass.run?.dropped ?? 0,
    ...(pass.run?.suspendedAt === undefined ? {} : { suspendedAt: pass.run.suspendedAt }),
  };
}

/** The record follows spec and target as long as both are sound. */
export function refreshRun(pass: Pass): void {
  const { run, seen } = pass;
  if (run === undefined || seen.spec === undefined || seen.refusals.length > 0) return;
  const next = record(pass);
  // Other generations of the same template are no news, and writing them would cost a patch each.
  const target =
    seen.target !== undefined &&
    seen.target.uid === run.target.uid &&
    seen.target.revision === run.target.revision
      ? run.target
      : next.target;
  Object.assign(run, next, { target });
}

/**
 * Another hash of the same object at the same generation is a new algorithm or a new default, not a new revision:
 * it is recorded and starts nothing.
 */
export function rerecord(pass: Pass): void {
  const { run, seen } = pass;
  const { target } = seen;
  if (run === undefined || target === undefined) return;
  const { uid, generation, revision } = run.target;
  if (target.uid !== uid || target.generation !== generation || target.revision === revision)
    return;
  if (run.revision === revision) run.revision = target.revision;
  if (pass.lastApplied === revision) pass.lastApplied = target.revision;
  if (pass.lastPromoted === revision) pass.lastPromoted = target.revision;
  if (run.intent?.revision === revision) run.intent = { ...run.intent, revision: target.revision };
  run.target = { ...run.target, revision: target.revision };
}
