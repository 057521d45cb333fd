export interface Raise {
  readonly canary: string;
  readonly atMs: number;
}

/** How much later than one interval after the last one each raise came. Raises of one canary are in order. */
export function latenessOf(raises: readonly Raise[], intervalMs: number): readonly number[] {
  return [...Map.groupBy(raises, ({ canary }) => canary).values()].flatMap((own) =>
    own.slice(1).map(({ atMs }, index) => atMs - (own[index]?.atMs ?? atMs) - intervalMs),
  );
}
