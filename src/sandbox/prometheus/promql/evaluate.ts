/**
 * Answers an instant query from a store: store, query and time in, result out.
 *
 * The subset follows Prometheus 2.42. `test/fixtures/prometheus` holds answers recorded from the
 * real binary that this evaluator must give, too.
 */
import { assertNever, DefectError } from '../../../errors.ts';
import { keyOf, metricName, omit } from '../labels.ts';
import type { Sample, SampleStore } from '../sample-store.ts';
import { aggregate } from './aggregate.ts';
import {
  applySetOperator,
  applyToScalars,
  applyToVectorAndScalar,
  applyToVectors,
  isSetOperator,
} from './binary.ts';
import { check, typeOf } from './check.ts';
import { functionNamed, type Arguments } from './functions.ts';
import { parse } from './parse.ts';
import { QueryError } from './query-error.ts';
import type { Aggregate, Binary, Call, Expression, Selector } from './syntax.ts';
import type { QueryResult, RangeVector, VectorSample } from './value.ts';

/** How far back a selector looks for the newest sample of a series. */
const lookbackMs = 5 * 60_000;

/** Throws a QueryError for a query that is wrong, not supported, or does not fit the data. */
export function evaluate(store: SampleStore, query: string, atMs: number): QueryResult {
  const expression = parse(query);
  const type = check(query, expression);
  const evaluation = new Evaluation(store, atMs);
  switch (type) {
    case 'scalar':
      return { type, value: evaluation.scalar(expression) };
    case 'string':
      return { type, value: textOf(expression) };
    case 'vector':
      return { type, samples: evaluation.vector(expression) };
    case 'matrix':
      return { type, series: evaluation.range(expression).series };
    default:
      return assertNever(type, 'value type');
  }
}

class Evaluation {
  readonly #store: SampleStore;
  readonly #atMs: number;

  constructor(store: SampleStore, atMs: number) {
    this.#store = store;
    this.#atMs = atMs;
  }

  scalar(expression: Expression): number {
    switch (expression.kind) {
      case 'number':
        return expression.value;
      case 'parenthesised':
        return this.scalar(expression.inner);
      case 'unary':
        return this.scalar(expression.operand) * (expression.operator === '-' ? -1 : 1);
      case 'binary': {
        const { operator, left, right } = expression;
        if (isSetOperator(operator)) throw mistyped(expression);
        return applyToScalars(operator, this.scalar(left), this.scalar(right));
      }
      case 'call': {
        const called = functionNamed(expression.name);
        if (called?.gives !== 'scalar') throw mistyped(expression);
        return called.call(this.#arguments(expression));
      }
      case 'string':
      case 'selector':
      case 'aggregate':
        throw mistyped(expression);
      default:
        return assertNever(expression, 'expression');
    }
  }

  vector(expression: Expression): readonly VectorSample[] {
    switch (expression.kind) {
      case 'parenthesised':
        return this.vector(expression.inner);
      case 'selector':
        return this.#instant(expression);
      case 'unary':
        return this.#unary(expression.operator, this.vector(expression.operand));
      case 'binary':
        return withoutTwins(this.#binary(expression));
      case 'aggregate':
        return this.#aggregate(expression);
      case 'call': {
        const called = functionNamed(expression.name);
        if (called?.gives !== 'vector') throw mistyped(expression);
        return withoutTwins(called.call(this.#arguments(expression)));
      }
      case 'number':
      case 'string':
        throw mistyped(expression);
      default:
        return assertNever(expression, 'expression');
    }
  }

  range(expression: Expression): RangeVector {
    const selector = unwrap(expression);
    if (selector.kind !== 'selector' || selector.rangeMs === undefined) throw mistyped(selector);
    const endMs = this.#timeOf(selector);
    const startMs = endMs - selector.rangeMs;
    const series = this.#store.select(selector.matchers).flatMap(({ labels, samples }) => {
      const points = samples.filter(({ tMs, stale }) => tMs >= startMs && tMs <= endMs && !stale);
      return points.length === 0 ? [] : [{ labels, points }];
    });
    return { series, startMs, endMs };
  }

  #instant(selector: Selector): readonly VectorSample[] {
    const timeMs = this.#timeOf(selector);
    return this.#store.select(selector.matchers).flatMap(({ labels, samples }) => {
      const newest = newestUntil(samples, timeMs);
      if (newest === undefined || newest.stale || newest.tMs < timeMs - lookbackMs) return [];
      return [{ labels, value: newest.value }];
    });
  }

  #timeOf({ atMs = this.#atMs, offsetMs = 0 }: Selector): number {
    return (typeof atMs === 'number' ? atMs : this.#atMs) - offsetMs;
  }

  #unary(operator: '-' | '+', operand: readonly VectorSample[]): readonly VectorSample[] {
    if (operator === '+') return operand;
    const negated = operand.map(({ labels, value }) => ({
      labels: omit(labels, [metricName]),
      value: -value,
    }));
    return withoutTwins(negated);
  }

  #binary(binary: Binary): readonly VectorSample[] {
    const { operator, left, right, matching } = binary;
    if (isSetOperator(operator)) {
      return applySetOperator(operator, this.vector(left), this.vector(right), matching);
    }
    const operation = { operator, returnBool: binary.returnBool };
    if (typeOf(left) === 'scalar') {
      return applyToVectorAndScalar(operation, this.vector(right), this.scalar(left), 'left');
    }
    if (typeOf(right) === 'scalar') {
      return applyToVectorAndScalar(operation, this.vector(left), this.scalar(right), 'right');
    }
    return applyToVectors(operation, this.vector(left), this.vector(right), matching);
  }

  #aggregate(expression: Aggregate): readonly VectorSample[] {
    const parameter = expression.parameter && this.scalar(expression.parameter);
    return aggregate(expression, this.vector(expression.operand), parameter);
  }

  #arguments(call: Call): Arguments {
    const argument = (index: number): Expression => {
      const expression = call.args[index];
      if (expression === undefined) throw mistyped(call);
      return expression;
    };
    return {
      count: call.args.length,
      atMs: this.#atMs,
      expression: argument,
      scalar: (index) => this.scalar(argument(index)),
      vector: (index) => this.vector(argument(index)),
      range: (index) => this.range(argument(index)),
      text: (index) => textOf(argument(index)),
    };
  }
}

function newestUntil(samples: readonly Sample[], timeMs: number): Sample | undefined {
  return samples.findLast(({ tMs }) => tMs <= timeMs);
}

/** Dropping the metric name can make two series one; Prometheus refuses to choose between them. */
function withoutTwins(vector: readonly VectorSample[]): readonly VectorSample[] {
  if (new Set(vector.map(({ labels }) => keyOf(labels))).size === vector.length) return vector;
  throw QueryError.execution('vector cannot contain metrics with the same labelset');
}

function unwrap(expression: Expression): Expression {
  return expression.kind === 'parenthesised' ? unwrap(expression.inner) : expression;
}

function textOf(expression: Expression): string {
  const literal = unwrap(expression);
  if (literal.kind !== 'string') throw mistyped(literal);
  return literal.value;
}

function mistyped({ kind }: Expression): DefectError {
  return new DefectError(`${kind} where the check lets none through`, {
    reason: 'InternalError',
  });
}
