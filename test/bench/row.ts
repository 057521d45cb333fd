/** One row of the table: what is measured, what it must reach, what it reached. */
export interface Figure {
  readonly measure: string;
  readonly mustReach: string;
  readonly measured: string;
  readonly reached: boolean;
  /** What the measured text is made of, for the JSON; the unit is in each name. */
  readonly values: Readonly<Record<string, number>>;
  /** What the peer reached on the same kind of machine, where it was measured. */
  readonly peer?: string;
  /** Printed below the table: counts by verb and resource, what was shortened. */
  readonly remarks?: readonly string[];
}

export interface Bench {
  /** Shorter waits and smaller numbers; each figure says so in its remarks. */
  readonly quick: boolean;
  /** Tells the person in front of the terminal what is going on. */
  readonly say: (text: string) => void;
}

/** A file in `rows/`. One run may give several figures. */
export interface Row {
  readonly name: string;
  readonly run: (bench: Bench) => Promise<readonly Figure[]>;
}
