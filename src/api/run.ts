/**
 * `status.run`: what the next pass, perhaps of another process, needs to continue.
 *
 * Users can write to a status, so it is parsed before it is trusted; what does not parse is as good as absent
 * and is rebuilt from the live objects. Times are RFC 3339 texts.
 */
import * as z from 'zod';

const Time = z.iso.datetime();

/** A message or a hook call that still has to reach its receiver: one fact for one receiver. */
export const OutboxEntry = z.object({
  id: z.string(),
  kind: z.enum(['alert', 'hook']),
  /** `global`, `<namespace>/<name>` of an AlertProvider, or the name of a `post-rollout` hook. */
  receiver: z.string(),
  severity: z.enum(['info', 'warn', 'error']),
  text: z.string(),
  fields: z.array(z.object({ title: z.string(), value: z.string() })).default([]),
  /** The phase that a hook is told. */
  phase: z.string().default(''),
  since: Time,
  attempts: z.int().default(0),
  nextTryAt: Time.optional(),
});
export type OutboxEntry = z.infer<typeof OutboxEntry>;

export const Round = z.object({
  at: Time,
  verdict: z.enum(['passed', 'failed', 'held']),
});
export type Round = z.infer<typeof Round>;

export const Run = z.object({
  /** Made of the Canary's uid, the revision and a count; on routes it tells our writes from other people's. */
  id: z.string(),
  /** The revision under test; between runs, the one that was tested last. */
  revision: z.string(),
  /** How many runs there were before, so that the same revision pushed again is another run. */
  count: z.int().default(0),
  startedAt: Time.optional(),

  /** What abort and deletion need; they read these, never the spec. */
  provider: z.string(),
  apex: z.string(),
  port: z.int(),
  routes: z.array(z.string()).default([]),
  target: z.object({
    apiVersion: z.string(),
    kind: z.string(),
    name: z.string(),
    uid: z.string(),
    generation: z.int(),
    /** The hash seen at that uid and generation: another one there is a new algorithm, not a new revision. */
    revision: z.string(),
  }),
  threshold: z.int(),
  intervalMs: z.int(),
  progressDeadlineMs: z.int(),
  holdDeadlineMs: z.int(),
  canaryReadyPercent: z.int().default(100),
  primaryReadyPercent: z.int().default(100),

  /** The weight that passed rounds have earned, and our last write of it. */
  weight: z.int().default(0),
  raisedAt: Time.optional(),
  /** The first raise of this run: since then users meet the canary. */
  exposedSince: Time.optional(),
  preRolloutPassed: z.boolean().default(false),
  /** A round is due one interval after this. */
  roundSince: Time.optional(),
  lastRound: Round.optional(),
  /** When the `rollout` hooks that are being asked were started. */
  hooksSince: Time.optional(),
  /** First held round since the last conclusive one, and why. */
  heldSince: Time.optional(),
  heldReason: z.string().optional(),

  canaryNotReadySince: Time.optional(),
  canaryReadySince: Time.optional(),
  primaryNotReadySince: Time.optional(),
  primaryReadySince: Time.optional(),
  invalidSince: Time.optional(),
  notAcceptedSince: Time.optional(),
  /** The gate that is waited for, and since when. */
  gate: z.enum(['confirm-rollout', 'confirm-traffic-increase', 'confirm-promotion']).optional(),
  gateSince: Time.optional(),
  suspendedAt: Time.optional(),
  deletionSince: Time.optional(),
  /** Pods that a lowering left behind: scaled down once no gateway sends to them. */
  scaleDownSince: Time.optional(),

  /** Written before the primary is. */
  intent: z.object({ revision: z.string(), at: Time }).optional(),
  /** After the promotion was written the primary did not come up: all traffic stays on the canary. */
  stay: z.boolean().default(false),
  /** Why the run failed, or why initialisation stands still. */
  reason: z.string().optional(),
  /** Facts that are told once. */
  told: z.array(z.string()).default([]),
  /** How often somebody else took a field back from us in this run, by field. */
  contested: z.record(z.string(), z.int()).default({}),
  outbox: z.array(OutboxEntry).default([]),
  dropped: z.int().default(0),
});
export type Run = z.infer<typeof Run>;

/** `undefined`: absent or not ours; then it is rebuilt. */
export function parseRun(value: unknown): Run | undefined {
  return Run.safeParse(value).data;
}
