/**
 * One pass over one canary: observe, ask, decide, act, record.
 *
 * Effects run before the status is written: the status says what has been done. If the process dies in between, the
 * next pass finds the write on the object itself and completes it.
 */
import { whenAnswered } from '../core/answered.ts';
import { decide } from '../core/decide.ts';
import type { Decision } from '../core/effects.ts';
import { freshMemory, type Memory, type Time } from '../core/observation.ts';
import { equal } from '../core/owners.ts';
import { isUnderWay } from '../core/phases.ts';
import { dueQuestions, type Questions } from '../core/questions.ts';
import { ConflictError } from '../errors.ts';
import { act } from './act.ts';
import { ask } from './ask.ts';
import type { Courier } from './courier.ts';
import type { EventTeller } from './event-teller.ts';
import type { HookDesk } from './hook-desk.ts';
import type { MetricsDesk } from './metrics-desk.ts';
import { observe, type Seen } from './observe.ts';
import type { Patience } from './patience.ts';
import { keyString, type CanaryKey, type Ports } from './ports.ts';
import { topicsOf } from './topics.ts';

export interface Outcome {
  /** Absent: nothing to do until something changes. */
  readonly lookAgainAfterMs?: number;
  /** The Canary is gone. */
  readonly gone?: true;
  /** A run is being worked on. */
  readonly underWay?: boolean;
  /** What a change of which concerns this canary. */
  readonly topics: readonly string[];
}

export interface Desks {
  readonly hooks: HookDesk;
  readonly metrics: MetricsDesk;
  readonly courier: Courier;
  readonly teller: EventTeller;
  readonly patience: Patience;
  /** Of this process, by key. */
  readonly memories: Map<string, Memory>;
}

export async function reconcile(
  key: CanaryKey,
  desks: Desks,
  ports: Ports,
  signal: AbortSignal,
): Promise<Outcome> {
  const id = keyString(key);
  const before = await observe(key, ports, signal);
  if (before === undefined) return gone(key, desks, ports);
  const memory = desks.memories.get(id) ?? freshMemory;
  const questions = dueQuestions(before.observation, memory, timeOf(ports), desks.hooks.known(id));
  const asked = await ask(questions, before, desks, ports, signal);
  // Asking takes seconds, and a side may have gone meanwhile: what is decided is decided from what is known now.
  const seen = takesTime(questions) ? await observe(key, ports, signal) : before;
  if (seen === undefined) return gone(key, desks, ports);
  const time = timeOf(ports);
  const decided = decide(
    seen.observation,
    asked.answers,
    memory,
    time,
    desks.courier.deliveries(id),
  );
  const { effects, waitMs } = desks.patience.due(id, decided.effects, time.monotonic);
  const { warnings } = await act(effects, seen, asked, ports, signal);
  const decision = whenAnswered(decided, time, timeOf(ports));
  await record(seen, decision, ports, signal);
  desks.memories.set(id, decision.memory);
  tell(seen, decision, warnings, desks.teller, ports);
  const nextDelivery = desks.courier.send(
    seen,
    decision.status.run === undefined ? [] : outboxOf(decision),
  );
  const lookAgainAfterMs = soonest(decision.lookAgainAfterMs, nextDelivery, waitMs);
  return {
    topics: topicsOf(seen),
    underWay: isUnderWay(decision.status.phase ?? ''),
    ...(lookAgainAfterMs === undefined ? {} : { lookAgainAfterMs }),
  };
}

function takesTime({ metrics, apexEndpoints, promotedTemplate }: Questions): boolean {
  return metrics.length > 0 || apexEndpoints || promotedTemplate;
}

function timeOf({ clock }: Ports): Time {
  return { now: clock.now(), monotonic: clock.monotonic() };
}

async function record(
  seen: Seen,
  { status, effects }: Decision,
  { cluster }: Ports,
  signal: AbortSignal,
): Promise<void> {
  if (status === seen.observation.status) return;
  const { canary } = seen.objects;
  // The finalizer may have been set in this very pass: the status goes to the object as it is now.
  const live = cluster.get(seen.reference);
  if (live === undefined || live.metadata.uid !== canary.metadata.uid) return;
  if (effects.some(({ type }) => type === 'removeFinalizer')) return;
  if (!equal(live['status'], canary['status']))
    throw new ConflictError(`the status of ${seen.name} was written meanwhile`, {
      reason: 'Conflict',
    });
  await cluster.updateStatus(live, status, signal);
}

function outboxOf({ status }: Decision) {
  const run = status.run as
    | { readonly outbox?: NonNullable<Seen['observation']['run']>['outbox'] }
    | undefined;
  return run?.outbox ?? [];
}

/** Words go out last: an event that cannot be written must not stop what it tells of. */
function tell(
  seen: Seen,
  decision: Decision,
  warnings: readonly { readonly reason: string; readonly message: string }[],
  teller: EventTeller,
  ports: Ports,
): void {
  const { events, log, telemetry } = ports;
  const { status } = decision;
  const told = [
    ...decision.events,
    ...warnings.map((warning) => ({ type: 'Warning' as const, ...warning })),
  ];
  for (const event of told) {
    events.record({ about: seen.reference, ...event });
    teller.tell(seen, event);
  }
  const before = seen.observation.status;
  if (status.phase !== before.phase || status.canaryWeight !== before.canaryWeight) {
    log.info(
      {
        canary: seen.name,
        from: before.phase ?? '',
        to: status.phase,
        canaryWeight: status.canaryWeight,
        reason: status.conditions?.find(({ type }) => type === 'Ready')?.reason,
      },
      status.phase === before.phase ? 'traffic shifted' : 'phase changed',
    );
  }
  const target =
    seen.observation.spec?.target.name ?? seen.observation.run?.target.name ?? seen.key.name;
  telemetry.observed(seen.key, {
    phase: status.phase ?? '',
    weight: status.canaryWeight ?? 0,
    target,
  });
  if (decision.outcome !== undefined) {
    const since = seen.observation.run?.exposedSince;
    telemetry.finished(
      seen.key,
      decision.outcome,
      since === undefined ? undefined : Math.max(0, ports.clock.now() - Date.parse(since)),
      seen.observation.spec?.strategy.kind === 'blueGreen' ? 'blue-green' : 'canary',
    );
  }
}

function gone(key: CanaryKey, desks: Desks, ports: Ports): Outcome {
  forget(key, desks, ports);
  return { gone: true, topics: [] };
}

function forget(
  key: CanaryKey,
  { hooks, courier, patience, memories }: Desks,
  { telemetry }: Ports,
): void {
  const id = keyString(key);
  hooks.forget(id);
  courier.forget(id);
  patience.forget(id);
  memories.delete(id);
  telemetry.forgotten(key);
}

function soonest(...times: readonly (number | undefined)[]): number | undefined {
  const known = times.filter((ms) => ms !== undefined);
  return known.length === 0 ? undefined : Math.min(...known);
}
