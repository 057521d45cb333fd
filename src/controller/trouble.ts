/**
 * Shows an error that a person has to deal with on the Canary itself: a role that is missing, an object that the API
 * server refuses. The next pass that gets through writes its own conditions, and so takes it back.
 */
import { parseStatus, type CanaryStatus } from '../api/canary-status.ts';
import type { Condition, KubernetesObject } from '../api/object.ts';
import { asOperatorError, type OperatorError } from '../errors.ts';
import { equal } from '../core/owners.ts';
import type { Ports } from './ports.ts';

/** Never throws: who may not even write a status has said so in the log. */
export async function showTrouble(
  canary: KubernetesObject,
  error: OperatorError,
  { cluster, clock, log }: Ports,
  signal: AbortSignal,
): Promise<void> {
  const { status } = parseStatus(canary['status']);
  const next = inTrouble(status, error, canary.metadata.generation ?? 0, clock.now());
  if (isShown(status, next)) return;
  try {
    await cluster.updateStatus(canary, next, signal);
  } catch (thrown) {
    const { message } = asOperatorError(thrown);
    log.debug({ canary: canary.metadata.name, why: message }, 'trouble not shown');
  }
}

function inTrouble(
  status: CanaryStatus,
  { reason, message }: OperatorError,
  observedGeneration: number,
  now: number,
): CanaryStatus {
  const at = new Date(now).toISOString();
  const before = status.conditions ?? [];
  const condition = (type: string, value: 'True' | 'False'): Condition => {
    const old = before.find((other) => other.type === type);
    const lastTransitionTime = (old?.status === value ? old.lastTransitionTime : undefined) ?? at;
    return {
      type,
      status: value,
      reason,
      message,
      observedGeneration,
      lastUpdateTime: at,
      lastTransitionTime,
    };
  };
  return {
    ...status,
    phase: status.phase === undefined || status.phase === '' ? 'Initializing' : status.phase,
    message,
    conditions: [
      condition('Ready', 'False'),
      condition('Stalled', 'True'),
      ...before.filter(({ type }) => type === 'Promoted'),
    ],
  };
}

/** The same words with other times are no news. */
function isShown(before: CanaryStatus, after: CanaryStatus): boolean {
  return equal(wordsOf(before), wordsOf(after));
}

function wordsOf({ conditions = [] }: CanaryStatus): unknown {
  return conditions.map(({ type, status, reason, message }) => ({ type, status, reason, message }));
}
