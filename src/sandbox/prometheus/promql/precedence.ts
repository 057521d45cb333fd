/** Groups a flat run of operands and operators as Prometheus' parser does. */
import { QueryError } from './query-error.ts';
import type { BinaryOperator, Expression, Matching, Selector } from './syntax.ts';

/** What a postfix adds to the selector before it. */
export type Modifier =
  | { readonly rangeMs: number }
  | { readonly offsetMs: number }
  | { readonly atMs: number | 'start' | 'end' };

interface Infix {
  readonly kind: 'infix';
  readonly position: number;
  readonly operator: BinaryOperator;
  readonly returnBool: boolean;
  readonly matching?: Matching;
}

export type Item =
  | { readonly kind: 'operand'; readonly expression: Expression }
  | { readonly kind: 'prefix'; readonly position: number; readonly operator: '-' | '+' }
  | { readonly kind: 'postfix'; readonly position: number; readonly modifier: Modifier }
  | Infix;

const levels: Readonly<Record<BinaryOperator, number>> = {
  or: 1,
  and: 2,
  unless: 2,
  '==': 3,
  '!=': 3,
  '>': 3,
  '<': 3,
  '>=': 3,
  '<=': 3,
  '+': 4,
  '-': 4,
  '*': 5,
  '/': 5,
  '%': 5,
  '^': 6,
};

/** A sign binds looser than a power and tighter than the rest: `-a ^ 2` is `-(a ^ 2)`. */
const signLevel = levels['^'];

export function group(query: string, items: readonly Item[]): Expression {
  return new Grouping(query, items).binary(1);
}

class Grouping {
  readonly #query: string;
  readonly #items: readonly Item[];
  #at = 0;

  constructor(query: string, items: readonly Item[]) {
    this.#query = query;
    this.#items = items;
  }

  /** Takes operators of this level and tighter ones. */
  binary(lowest: number): Expression {
    let left = this.#operand();
    for (;;) {
      const next = this.#items[this.#at];
      if (next?.kind !== 'infix' || levels[next.operator] < lowest) return left;
      this.#at += 1;
      left = combine(next, left, this.binary(lowestOnTheRight(next.operator)));
    }
  }

  #operand(): Expression {
    const item = this.#items[this.#at];
    this.#at += 1;
    if (item?.kind === 'prefix') {
      const { position, operator } = item;
      return { kind: 'unary', position, operator, operand: this.binary(signLevel) };
    }
    if (item?.kind !== 'operand') throw QueryError.at(this.#query, 0, 'expected an operand');
    return this.#modified(item.expression);
  }

  #modified(operand: Expression): Expression {
    let result = operand;
    for (;;) {
      const item = this.#items[this.#at];
      if (item?.kind !== 'postfix') return result;
      this.#at += 1;
      result = this.#modify(result, item.modifier);
    }
  }

  #modify(operand: Expression, modifier: Modifier): Selector {
    const refuse = (problem: string) => QueryError.at(this.#query, operand.position, problem);
    if ('rangeMs' in modifier) {
      if (operand.kind !== 'selector' || operand.rangeMs !== undefined) {
        throw refuse('ranges only allowed for vector selectors');
      }
      if (operand.offsetMs !== undefined) throw refuse('no offset modifiers allowed before range');
      if (operand.atMs !== undefined) throw refuse('no @ modifiers allowed before range');
      return { ...operand, ...modifier };
    }
    const what = 'offsetMs' in modifier ? 'offset' : '@';
    if (operand.kind !== 'selector') {
      throw refuse(`${what} modifier must be preceded by an instant or range vector selector`);
    }
    const twice = 'offsetMs' in modifier ? operand.offsetMs : operand.atMs;
    if (twice !== undefined) throw refuse(`${what} may not be set multiple times`);
    return { ...operand, ...modifier };
  }
}

/** Powers group to the right, everything else to the left. */
function lowestOnTheRight(operator: BinaryOperator): number {
  return operator === '^' ? levels[operator] : levels[operator] + 1;
}

function combine(infix: Infix, left: Expression, right: Expression): Expression {
  const { operator, returnBool, matching } = infix;
  return {
    kind: 'binary',
    position: left.position,
    operator,
    returnBool,
    left,
    right,
    ...(matching && { matching }),
  };
}
