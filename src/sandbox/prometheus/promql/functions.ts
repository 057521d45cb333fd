/** The functions a query may call: what they take, what they give, how they work. */
import { labelsOf, metricName, omit, type Labels } from '../labels.ts';
import { histogramQuantile } from './histogram.ts';
import { replaceLabel } from './label-replace.ts';
import { overTime, type OverTime } from './over-time.ts';
import type { Expression, ValueType } from './syntax.ts';
import type { RangeVector, VectorSample } from './value.ts';

/** The arguments of one call, evaluated when asked for. */
export interface Arguments {
  readonly count: number;
  /** When the query is asked. */
  readonly atMs: number;
  expression(index: number): Expression;
  scalar(index: number): number;
  vector(index: number): readonly VectorSample[];
  range(index: number): RangeVector;
  text(index: number): string;
}

interface Signature {
  readonly takes: readonly ValueType[];
  /** How many of the last arguments may be left out. */
  readonly optional?: number;
}

export type PromFunction = Signature &
  (
    | { readonly gives: 'scalar'; call(args: Arguments): number }
    | { readonly gives: 'vector'; call(args: Arguments): readonly VectorSample[] }
  );

/** `undefined` for a function that this evaluator does not have. */
export function functionNamed(name: string): PromFunction | undefined {
  return Object.hasOwn(functions, name) ? functions[name] : undefined;
}

const functions: Readonly<Record<string, PromFunction>> = {
  ...Object.fromEntries(
    Object.entries(overTime).map(([name, compute]) => [name, overRange(compute)]),
  ),
  abs: onEachValue(() => Math.abs),
  ceil: onEachValue(() => Math.ceil),
  floor: onEachValue(() => Math.floor),
  round: onEachValue(roundTo, { takes: ['vector', 'scalar'], optional: 1 }),
  clamp_min: onEachValue((args) => (value) => goMax(args.scalar(1), value), {
    takes: ['vector', 'scalar'],
  }),
  clamp_max: onEachValue((args) => (value) => goMin(args.scalar(1), value), {
    takes: ['vector', 'scalar'],
  }),
  histogram_quantile: {
    takes: ['scalar', 'vector'],
    gives: 'vector',
    call: (args) => histogramQuantile(args.scalar(0), args.vector(1)),
  },
  label_replace: {
    takes: ['vector', 'string', 'string', 'string', 'string'],
    gives: 'vector',
    call: (args) =>
      replaceLabel(args.vector(0), {
        target: args.text(1),
        replacement: args.text(2),
        source: args.text(3),
        pattern: args.text(4),
      }),
  },
  absent: {
    takes: ['vector'],
    gives: 'vector',
    call: (args) =>
      args.vector(0).length > 0 ? [] : [{ labels: labelsAskedFor(args.expression(0)), value: 1 }],
  },
  scalar: {
    takes: ['vector'],
    gives: 'scalar',
    call: (args) => {
      const [only, ...others] = args.vector(0);
      return only === undefined || others.length > 0 ? Number.NaN : only.value;
    },
  },
  vector: {
    takes: ['scalar'],
    gives: 'vector',
    call: (args) => [{ labels: labelsOf([]), value: args.scalar(0) }],
  },
  time: { takes: [], gives: 'scalar', call: ({ atMs }) => atMs / 1000 },
};

function overRange(compute: OverTime): PromFunction {
  return {
    takes: ['matrix'],
    gives: 'vector',
    call: (args) => {
      const { series, ...window } = args.range(0);
      return series.flatMap(({ labels, points }) => {
        const value = compute(points, window);
        return value === undefined ? [] : [{ labels: omit(labels, [metricName]), value }];
      });
    },
  };
}

function onEachValue(
  change: (args: Arguments) => (value: number) => number,
  signature: Signature = { takes: ['vector'] },
): PromFunction {
  return {
    ...signature,
    gives: 'vector',
    call: (args) => {
      const changed = change(args);
      return args.vector(0).map(({ labels, value }) => ({
        labels: omit(labels, [metricName]),
        value: changed(value),
      }));
    },
  };
}

/** Halves go up. Multiplying by the inverse is what Prometheus does, and decides the last digit. */
function roundTo(args: Arguments): (value: number) => number {
  const inverse = 1 / (args.count > 1 ? args.scalar(1) : 1);
  return (value) => Math.floor(value * inverse + 0.5) / inverse;
}

/** In Go an infinity wins over NaN. */
function goMax(a: number, b: number): number {
  return a === Infinity || b === Infinity ? Infinity : Math.max(a, b);
}

function goMin(a: number, b: number): number {
  return a === -Infinity || b === -Infinity ? -Infinity : Math.min(a, b);
}

/** `absent(x{job="a"})` answers with the labels that the selector fixes to one value. */
function labelsAskedFor(expression: Expression): Labels {
  if (expression.kind === 'parenthesised') return labelsAskedFor(expression.inner);
  if (expression.kind !== 'selector') return labelsOf([]);
  const asked = new Map<string, string>();
  for (const { label, operator, value } of expression.matchers) {
    if (label === metricName) continue;
    if (operator === '=' && !asked.has(label)) asked.set(label, value);
    else asked.delete(label);
  }
  return labelsOf(asked);
}
