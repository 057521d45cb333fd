/** What can be seen of canaries from outside, and what a gateway answers to a route. A canary goes by its namespace. */
import * as z from 'zod';

export const WeightSeen = z.object({ atMs: z.number(), canary: z.string(), weight: z.number() });
export type WeightSeen = z.infer<typeof WeightSeen>;

export const PhaseSeen = z.object({ atMs: z.number(), canary: z.string(), phase: z.string() });
export type PhaseSeen = z.infer<typeof PhaseSeen>;

const Condition = z.looseObject({
  type: z.string(),
  status: z.string(),
  observedGeneration: z.int().optional(),
});

export const routeSchema = z.object({
  metadata: z.object({ namespace: z.string(), name: z.string(), generation: z.int() }),
  spec: z.object({
    parentRefs: z.array(z.looseObject({ name: z.string() })).default([]),
    rules: z.array(
      z.object({
        backendRefs: z
          .array(z.object({ name: z.string(), weight: z.number().default(1) }))
          .default([]),
      }),
    ),
  }),
  status: z
    .object({ parents: z.array(z.object({ conditions: z.array(Condition).default([]) })) })
    .optional(),
});
export type Route = z.infer<typeof routeSchema>;

/** The status with which a gateway takes this generation over; `undefined` when it has. */
export function acceptedBy({ metadata, spec, status }: Route, now: string): object | undefined {
  const { generation } = metadata;
  const conditions = status?.parents.flatMap((parent) => parent.conditions) ?? [];
  const isAccepted = conditions.some(
    ({ type, observedGeneration }) => type === 'Accepted' && observedGeneration === generation,
  );
  if (isAccepted || spec.parentRefs.length === 0) return undefined;
  return {
    parents: spec.parentRefs.map((parentRef) => ({
      parentRef,
      controllerName: 'example.com/bench',
      conditions: [
        {
          type: 'Accepted',
          status: 'True',
          reason: 'Accepted',
          message: '',
          observedGeneration: generation,
          lastTransitionTime: now,
        },
      ],
    })),
  };
}

/** How many canaries reached the phase. */
export function reached(phases: readonly PhaseSeen[], phase: string): number {
  return new Set(phases.filter((seen) => seen.phase === phase).map(({ canary }) => canary)).size;
}

/** When each canary's weight went to 0 for the first time. */
export function backAtZero(weights: readonly WeightSeen[]): readonly number[] {
  const first = new Map<string, number>();
  for (const { canary, weight, atMs } of weights) {
    if (weight === 0 && !first.has(canary)) first.set(canary, atMs);
  }
  return [...first.values()];
}

/** How many canaries took their first step in each tenth of the interval. */
export function spreadOf(weights: readonly WeightSeen[], intervalMs: number): readonly number[] {
  const first = new Map<string, number>();
  for (const { canary, weight, atMs } of weights) {
    if (weight > 0 && !first.has(canary)) first.set(canary, atMs);
  }
  const tenths = Array.from({ length: 10 }, () => 0);
  for (const atMs of first.values()) {
    const tenth = Math.floor(((atMs % intervalMs) / intervalMs) * 10);
    tenths[tenth] = (tenths[tenth] ?? 0) + 1;
  }
  return tenths;
}
