/** The shape of a parsed query. `parse.ts` builds it, `check.ts` types it, `evaluate.ts` runs it. */
import type { Matcher } from '../sample-store.ts';

export type ValueType = 'scalar' | 'string' | 'vector' | 'matrix';

export type ArithmeticOperator = '+' | '-' | '*' | '/' | '%' | '^';
export type ComparisonOperator = '==' | '!=' | '>' | '<' | '>=' | '<=';
export type SetOperator = 'and' | 'or' | 'unless';
export type BinaryOperator = ArithmeticOperator | ComparisonOperator | SetOperator;

export type AggregateOperator = 'sum' | 'avg' | 'min' | 'max' | 'count' | 'topk';

/** How the two sides of a binary expression find each other. */
export interface Matching {
  readonly mode: 'on' | 'ignoring';
  readonly labels: readonly string[];
  /** Which side may have several series per match. */
  readonly many: 'neither' | 'left' | 'right';
  /** Labels that the result takes from the side that has one. */
  readonly include: readonly string[];
}

interface Node {
  /** Where in the query it starts, for messages. */
  readonly position: number;
}

export interface NumberLiteral extends Node {
  readonly kind: 'number';
  readonly value: number;
}

export interface StringLiteral extends Node {
  readonly kind: 'string';
  readonly value: string;
}

export interface Selector extends Node {
  readonly kind: 'selector';
  readonly matchers: readonly Matcher[];
  /** Present on a range vector selector. */
  readonly rangeMs?: number;
  readonly offsetMs?: number;
  /** `@`: epoch milliseconds, or the ends of the query, which for an instant query are its time. */
  readonly atMs?: number | 'start' | 'end';
}

export interface Unary extends Node {
  readonly kind: 'unary';
  readonly operator: '-' | '+';
  readonly operand: Expression;
}

export interface Binary extends Node {
  readonly kind: 'binary';
  readonly operator: BinaryOperator;
  readonly returnBool: boolean;
  readonly matching?: Matching;
  readonly left: Expression;
  readonly right: Expression;
}

export interface Aggregate extends Node {
  readonly kind: 'aggregate';
  readonly operator: AggregateOperator;
  readonly grouping: { readonly mode: 'by' | 'without'; readonly labels: readonly string[] };
  readonly parameter?: Expression;
  readonly operand: Expression;
}

export interface Call extends Node {
  readonly kind: 'call';
  readonly name: string;
  readonly args: readonly Expression[];
}

export interface Parenthesised extends Node {
  readonly kind: 'parenthesised';
  readonly inner: Expression;
}

export type Expression =
  | NumberLiteral
  | StringLiteral
  | Selector
  | Unary
  | Binary
  | Aggregate
  | Call
  | Parenthesised;
