/** Binary operators between numbers and vectors, with Prometheus' matching rules. */
import { keyOf, labelsOf, metricName, omit, pick, showLabels, type Labels } from '../labels.ts';
import { QueryError } from './query-error.ts';
import type {
  ArithmeticOperator,
  BinaryOperator,
  ComparisonOperator,
  Matching,
  SetOperator,
} from './syntax.ts';
import type { VectorSample } from './value.ts';

type ValueOperator = Exclude<BinaryOperator, SetOperator>;

const arithmetic: Readonly<Record<ArithmeticOperator, (a: number, b: number) => number>> = {
  '+': (a, b) => a + b,
  '-': (a, b) => a - b,
  '*': (a, b) => a * b,
  '/': (a, b) => a / b,
  '%': (a, b) => a % b,
  '^': power,
};

const comparisons: Readonly<Record<ComparisonOperator, (a: number, b: number) => boolean>> = {
  '==': (a, b) => a === b,
  '!=': (a, b) => a !== b,
  '>': (a, b) => a > b,
  '<': (a, b) => a < b,
  '>=': (a, b) => a >= b,
  '<=': (a, b) => a <= b,
};

/** Go, unlike JavaScript, has 1 for one to the power of anything, and for minus one to an infinite one. */
function power(base: number, exponent: number): number {
  if (base === 1) return 1;
  if (base === -1 && (exponent === Infinity || exponent === -Infinity)) return 1;
  return base ** exponent;
}

export function isComparison(operator: BinaryOperator): operator is ComparisonOperator {
  return operator in comparisons;
}

export function isSetOperator(operator: BinaryOperator): operator is SetOperator {
  return operator === 'and' || operator === 'or' || operator === 'unless';
}

/** A comparison between two numbers always answers 1 or 0. */
export function applyToScalars(operator: ValueOperator, a: number, b: number): number {
  if (isComparison(operator)) return comparisons[operator](a, b) ? 1 : 0;
  return arithmetic[operator](a, b);
}

interface Operation {
  readonly operator: ValueOperator;
  /** Comparisons answer 1 or 0 instead of leaving out what does not meet them. */
  readonly returnBool: boolean;
}

/** `element` is the vector's value that a filtering comparison lets through. */
function apply(
  { operator, returnBool }: Operation,
  a: number,
  b: number,
  element: number,
): number | undefined {
  if (!isComparison(operator)) return arithmetic[operator](a, b);
  const holds = comparisons[operator](a, b);
  if (returnBool) return holds ? 1 : 0;
  return holds ? element : undefined;
}

/** A value that was computed is no longer the metric; one that was let through still is. */
function keepsName({ operator, returnBool }: Operation): boolean {
  return isComparison(operator) && !returnBool;
}

export function applyToVectorAndScalar(
  operation: Operation,
  vector: readonly VectorSample[],
  scalar: number,
  scalarSide: 'left' | 'right',
): readonly VectorSample[] {
  return vector.flatMap(({ labels, value: element }) => {
    const [a, b] = scalarSide === 'left' ? [scalar, element] : [element, scalar];
    const value = apply(operation, a, b, element);
    if (value === undefined) return [];
    return [{ labels: keepsName(operation) ? labels : omit(labels, [metricName]), value }];
  });
}

const everything: Matching = { mode: 'ignoring', labels: [], many: 'neither', include: [] };

/** The labels by which a series finds its partner. */
function signature({ mode, labels: names }: Matching, labels: Labels): string {
  return keyOf(mode === 'on' ? pick(labels, names) : omit(labels, [...names, metricName]));
}

export function applyToVectors(
  operation: Operation,
  left: readonly VectorSample[],
  right: readonly VectorSample[],
  matching: Matching = everything,
): readonly VectorSample[] {
  if (left.length === 0 || right.length === 0) return [];
  const [many, one] = matching.many === 'right' ? [right, left] : [left, right];
  const partners = uniquePartners(one, matching);
  const taken = new Map<string, Set<string>>();
  return many.flatMap((sample) => {
    const key = signature(matching, sample.labels);
    const partner = partners.get(key);
    if (partner === undefined) return [];
    const [a, b] = matching.many === 'right' ? [partner, sample] : [sample, partner];
    const value = apply(operation, a.value, b.value, a.value);
    if (value === undefined) return [];
    const labels = resultLabels(operation, matching, sample.labels, partner.labels);
    const results = taken.get(key) ?? new Set();
    refuseSecond(matching, results, keyOf(labels));
    taken.set(key, results.add(keyOf(labels)));
    return [{ labels, value }];
  });
}

function uniquePartners(
  one: readonly VectorSample[],
  matching: Matching,
): ReadonlyMap<string, VectorSample> {
  const partners = new Map<string, VectorSample>();
  for (const sample of one) {
    const key = signature(matching, sample.labels);
    const other = partners.get(key);
    if (other !== undefined) {
      const side = matching.many === 'right' ? 'left' : 'right';
      throw QueryError.execution(
        `found duplicate series for the match group on the ${side} hand-side of the operation: ` +
          `[${showLabels(sample.labels)}, ${showLabels(other.labels)}]; ` +
          'many-to-many matching not allowed: matching labels must be unique on one side',
      );
    }
    partners.set(key, sample);
  }
  return partners;
}

function refuseSecond({ many }: Matching, results: ReadonlySet<string>, result: string): void {
  if (many === 'neither' && results.size > 0) {
    throw QueryError.execution(
      'multiple matches for labels: many-to-one matching must be explicit (group_left/group_right)',
    );
  }
  if (results.has(result)) {
    throw QueryError.execution(
      'multiple matches for labels: grouping labels must ensure unique matches',
    );
  }
}

function resultLabels(
  operation: Operation,
  { mode, labels: names, many, include }: Matching,
  manySide: Labels,
  oneSide: Labels,
): Labels {
  const kept = keepsName(operation) ? manySide : omit(manySide, [metricName]);
  if (many === 'neither') return mode === 'on' ? pick(kept, names) : omit(kept, names);
  const included = include.map((name): [string, string] => [name, oneSide.get(name) ?? '']);
  return labelsOf([...kept, ...included]);
}

export function applySetOperator(
  operator: SetOperator,
  left: readonly VectorSample[],
  right: readonly VectorSample[],
  matching: Matching = everything,
): readonly VectorSample[] {
  const signatureOf = ({ labels }: VectorSample) => signature(matching, labels);
  if (operator === 'or') {
    const present = new Set(left.map(signatureOf));
    return [...left, ...right.filter((sample) => !present.has(signatureOf(sample)))];
  }
  const present = new Set(right.map(signatureOf));
  return left.filter((sample) => present.has(signatureOf(sample)) === (operator === 'and'));
}
