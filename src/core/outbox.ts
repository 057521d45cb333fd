/**
 * Messages and hooks that wait for delivery, kept in the status.
 *
 * They are queued in the patch that carries the decision they tell of, so that neither can be lost without the other.
 * An entry is one fact for one receiver; its id is made of uid, run and fact, so a receiver can drop repeats.
 */
import type { ResolvedSpec } from '../api/resolved.ts';
import type { OutboxEntry } from '../api/run.ts';
import type { Pass } from './pass.ts';

/** What fits into a status. An error is never dropped for it. */
export const maxEntries = 20;
/** After this an entry is given up, counted and shown. */
export const giveUpMs = 24 * 60 * 60 * 1000;

export interface Alert {
  /** Names the fact, once per run. */
  readonly fact: string;
  readonly severity: 'info' | 'warn' | 'error';
  readonly text: string;
  readonly fields?: readonly { readonly title: string; readonly value: string }[];
  /** Tells what happens again in the same run from what happened before. */
  readonly since?: string | undefined;
}

const rank = { info: 0, warn: 1, error: 2 } as const;

/** Queues an alert for everybody who asked for its severity. A fact is queued once per receiver and run. */
export function queueAlert(pass: Pass, alert: Alert): void {
  const { run, seen } = pass;
  if (run === undefined) return;
  const told = `alert:${alert.fact}`;
  if (run.told.includes(told)) return;
  run.told = [...run.told, told];
  const fields = [
    ...(seen.settings.clusterName === undefined
      ? []
      : [{ title: 'Cluster', value: seen.settings.clusterName }]),
    ...(alert.fields ?? []),
  ];
  for (const receiver of receiversOf(seen.spec, alert.severity, seen.settings.hasGlobalNotifier)) {
    enqueue(pass, {
      id: `${run.id}/${alert.fact}${alert.since === undefined ? '' : `@${alert.since}`}/${receiver}`,
      kind: 'alert',
      receiver,
      severity: alert.severity,
      text: alert.text,
      fields,
      phase: pass.phase,
      since: pass.nowText,
      attempts: 0,
    });
  }
}

/** Queues the `post-rollout` hooks for the phase that was just reached. */
export function queuePostRollout(pass: Pass): void {
  const { run, seen } = pass;
  if (run === undefined) return;
  for (const hook of seen.spec?.webhooks ?? []) {
    if (hook.type !== 'post-rollout') continue;
    enqueue(pass, {
      id: `${run.id}/${pass.phase}/${hook.name}`,
      kind: 'hook',
      receiver: hook.name,
      severity: 'error',
      text: '',
      fields: [],
      phase: pass.phase,
      since: pass.nowText,
      attempts: 0,
    });
  }
}

/** Names of the AlertProviders (`namespace/name`) to tell, or `global`. */
function receiversOf(
  spec: ResolvedSpec | undefined,
  severity: Alert['severity'],
  hasGlobal: boolean,
): readonly string[] {
  const alerts = spec?.alerts ?? [];
  if (alerts.length === 0) return hasGlobal ? ['global'] : [];
  const wanted = alerts.filter((alert) => rank[severity] >= rank[alert.severity]);
  return [
    ...new Set(wanted.map(({ providerRef }) => `${providerRef.namespace}/${providerRef.name}`)),
  ];
}

function enqueue(pass: Pass, entry: OutboxEntry): void {
  const { run } = pass;
  if (run === undefined || run.outbox.some(({ id }) => id === entry.id)) return;
  const outbox = [...run.outbox, entry];
  run.outbox = outbox;
  if (outbox.length <= maxEntries) return;
  const victim =
    outbox.find(({ severity }) => severity === 'info') ??
    outbox.find(({ severity }) => severity === 'warn');
  if (victim === undefined) return;
  run.outbox = outbox.filter((candidate) => candidate !== victim);
  run.dropped += 1;
}

/** What a delivery led to; taken into the status with the next patch. */
export interface Delivery {
  readonly id: string;
  readonly outcome: 'delivered' | 'refused' | 'failed';
  readonly attempts: number;
  readonly nextTryAt?: string;
}

/** Takes delivered entries out, and notes failed attempts. Gives up after a day. */
export function acknowledge(pass: Pass, deliveries: readonly Delivery[]): void {
  const { run } = pass;
  if (run === undefined || run.outbox.length === 0) return;
  const byId = new Map(deliveries.map((delivery) => [delivery.id, delivery]));
  run.outbox = run.outbox.flatMap((entry) => {
    const delivery = byId.get(entry.id);
    if (delivery?.outcome === 'delivered') return [];
    const age = Math.max(0, pass.time.now - Date.parse(entry.since));
    if (age >= giveUpMs) {
      run.dropped += 1;
      pass.tell(
        'Warning',
        'NotificationLost',
        `gave up telling ${entry.receiver} after a day: ${entry.text || entry.phase}`,
      );
      return [];
    }
    if (delivery === undefined) return [entry];
    return [
      {
        ...entry,
        attempts: delivery.attempts,
        ...(delivery.nextTryAt === undefined ? {} : { nextTryAt: delivery.nextTryAt }),
      },
    ];
  });
}
