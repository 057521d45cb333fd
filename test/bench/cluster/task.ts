/** What the outer process asks of the one inside a cluster, and what that answers. All of it travels as JSON. */
import * as z from 'zod';

export const Task = z.object({
  /** Canaries that are initialised, released, broken; or canaries that only rest. */
  kind: z.enum(['work', 'rest']),
  count: z.int().min(1),
  /** Shorter waits; only counts are judged. */
  quick: z.boolean(),
  /** Thresholds for which answers are made to break, each with a release of its own. */
  thresholds: z.array(z.int()).readonly(),
  /** A command for the shell that starts somebody else's operator; ours when absent. */
  operator: z.string().exactOptional(),
  /** The files of the Gateway API's definitions. */
  definitions: z.array(z.string()).readonly(),
});
export type Task = z.infer<typeof Task>;

/** Requests to the API server without Leases and watches, Events and lists included. */
const Counted = z.object({
  total: z.int(),
  /** There was no pause in them at the end, so that some belong to what came before or are not counted yet. */
  unfinished: z.boolean(),
  lists: z.int(),
  /** `3 patch canaries/status` and so on, most frequent first. */
  tally: z.array(z.string()).readonly(),
});
export type Counted = z.infer<typeof Counted>;

const Rest = z.object({
  requests: Counted,
  seconds: z.number(),
  cpuSeconds: z.number(),
  residentMiB: z.number(),
});
export type Rest = z.infer<typeof Rest>;

const Lateness = z.object({ steps: z.int(), p50Ms: z.number(), p99Ms: z.number() });
export type Lateness = z.infer<typeof Lateness>;

const Promotion = z.object({
  finished: z.int(),
  requests: Counted,
  cpuSeconds: z.number(),
  seconds: z.number(),
  queries: z.int(),
  /** Absent when no canary had a second step. */
  lateness: Lateness.exactOptional(),
  /** Canaries whose first step fell into each tenth of the interval. */
  spread: z.array(z.int()).readonly(),
});
export type Promotion = z.infer<typeof Promotion>;

const Abort = z.object({
  threshold: z.int(),
  /** Canaries whose route went to 0. */
  finished: z.int(),
  p50Ms: z.number().exactOptional(),
  p99Ms: z.number().exactOptional(),
  requests: Counted,
});
export type Abort = z.infer<typeof Abort>;

/** What was measured before the first failure. */
export const Findings = z.object({
  count: z.int(),
  /** Why the rest is missing. */
  failure: z.string().exactOptional(),
  /** How long each part took, in its order. */
  durations: z.array(z.object({ part: z.string(), seconds: z.number() })).readonly(),
  initialised: z.object({ finished: z.int(), seconds: z.number() }).exactOptional(),
  /** Canaries that had settled, all of them at rest, and how long that took since the operator started. */
  settled: z.object({ finished: z.int(), seconds: z.number() }).exactOptional(),
  rest: Rest.exactOptional(),
  promotion: Promotion.exactOptional(),
  aborts: z.array(Abort).readonly(),
  /** Again, after everything. */
  residentAfterMiB: z.number().exactOptional(),
  peakMiB: z.number().exactOptional(),
  /** The largest object of each kind in bytes. */
  sizes: z.record(z.string(), z.int()).exactOptional(),
});
export type Findings = z.infer<typeof Findings>;
