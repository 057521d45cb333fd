/**
 * Text to syntax tree, by Prometheus' own grammar.
 *
 * The grammar tells what the words are; it is written for editors and lets `-a ^ 2`, `a + b offset 1m`
 * or `a / b[5m]` group otherwise than the server does. So a run of operands and operators is flattened
 * here and grouped again by the server's rules (`precedence.ts`). What the evaluator does not have
 * is refused with its name.
 */
import type { SyntaxNode } from '@lezer/common';
import { parser } from '@prometheus-io/lezer-promql';

import { metricName } from '../labels.ts';
import type { Matcher } from '../sample-store.ts';
import { parseDuration, parseNumberLiteral, unquote } from './go-text.ts';
import { group, type Item, type Modifier } from './precedence.ts';
import { QueryError } from './query-error.ts';
import { compileAnchored, RegexError } from './regex.ts';
import type {
  Aggregate,
  AggregateOperator,
  BinaryOperator,
  Expression,
  Matching,
  Selector,
} from './syntax.ts';

const aggregateOperators: readonly string[] = ['sum', 'avg', 'min', 'max', 'count', 'topk'];

/** Throws a `bad_data` QueryError for what does not parse or is not supported. */
export function parse(query: string): Expression {
  const tree = parser.parse(query);
  tree.iterate({
    enter: (node) => {
      if (!node.type.isError) return;
      const found = query.slice(node.from, node.to) || query.slice(node.from, node.from + 1);
      const problem =
        query.trim() === ''
          ? 'no expression found in input'
          : found === ''
            ? 'unexpected end of input'
            : `unexpected ${JSON.stringify(found)}`;
      throw QueryError.at(query, node.from, problem);
    },
  });
  const root = children(tree.topNode)[0];
  if (root === undefined) throw QueryError.at(query, 0, 'no expression found in input');
  return new Reader(query).expression(root);
}

class Reader {
  readonly #query: string;

  constructor(query: string) {
    this.#query = query;
  }

  expression(node: SyntaxNode): Expression {
    return group(this.#query, this.#flatten(node));
  }

  #flatten(node: SyntaxNode): readonly Item[] {
    switch (node.name) {
      case 'BinaryExpr':
        return this.#binary(node);
      case 'UnaryExpr':
        return this.#unary(node);
      case 'MatrixSelector':
      case 'OffsetExpr':
      case 'StepInvariantExpr':
        return this.#modified(node);
      case 'NumberDurationLiteral':
        return this.#number(node);
      default:
        return [{ kind: 'operand', expression: this.#operand(node) }];
    }
  }

  #binary(node: SyntaxNode): readonly Item[] {
    const [left, operator, ...rest] = children(node);
    const right = rest.at(-1);
    if (left === undefined || operator === undefined || right === undefined) this.#refuse(node);
    const modifiers = rest.slice(0, -1);
    const known = modifiers.every(({ name }) =>
      ['BoolModifier', 'MatchingModifierClause'].includes(name),
    );
    if (!known) this.#unsupported(modifiers.at(-1) ?? node);
    const clause = modifiers.find(({ name }) => name === 'MatchingModifierClause');
    return [
      ...this.#flatten(left),
      {
        kind: 'infix',
        position: operator.from,
        operator: this.#binaryOperator(operator),
        returnBool: modifiers.some(({ name }) => name === 'BoolModifier'),
        ...(clause && { matching: this.#matching(clause) }),
      },
      ...this.#flatten(right),
    ];
  }

  #binaryOperator(node: SyntaxNode): BinaryOperator {
    const text = this.#text(node).toLowerCase();
    const operator = binaryOperators.find((known) => known === text);
    return operator ?? this.#unsupported(node, 'operator');
  }

  #matching(node: SyntaxNode): Matching {
    const parts = children(node);
    const [labels, include] = parts.filter(({ name }) => name === 'GroupingLabels');
    const has = (wanted: string) => parts.some(({ name }) => name === wanted);
    return {
      mode: has('On') ? 'on' : 'ignoring',
      labels: this.#labelNames(labels),
      many: has('GroupLeft') ? 'left' : has('GroupRight') ? 'right' : 'neither',
      include: this.#labelNames(include),
    };
  }

  #unary(node: SyntaxNode): readonly Item[] {
    const [sign, operand] = children(node);
    if (sign === undefined || operand === undefined) this.#refuse(node);
    const operator = this.#text(sign) === '-' ? '-' : '+';
    return [{ kind: 'prefix', position: sign.from, operator }, ...this.#flatten(operand)];
  }

  /** A signed number is a sign and a number: `-1 ^ 2` is minus one. */
  #number(node: SyntaxNode): readonly Item[] {
    const [, sign = '', digits = ''] = /^([+-]?)\s*(.*)$/s.exec(this.#text(node)) ?? [];
    const value = parseNumberLiteral(digits);
    const runsOn = /[\w.]/.test(this.#query.charAt(node.to));
    if (value === undefined || runsOn) {
      this.#refuse(node, `bad number or duration syntax: ${digits}`);
    }
    const position = node.to - digits.length;
    const literal: Item = { kind: 'operand', expression: { kind: 'number', position, value } };
    if (sign === '') return [literal];
    return [{ kind: 'prefix', position: node.from, operator: sign === '-' ? '-' : '+' }, literal];
  }

  #modified(node: SyntaxNode): readonly Item[] {
    const [inner, ...rest] = children(node);
    const value = rest.at(-1);
    if (inner === undefined || value === undefined) this.#refuse(node);
    const modifier = this.#modifier(node, value);
    return [...this.#flatten(inner), { kind: 'postfix', position: node.from, modifier }];
  }

  #modifier(node: SyntaxNode, value: SyntaxNode): Modifier {
    if (node.name === 'MatrixSelector') return { rangeMs: this.#duration(value) };
    if (node.name === 'OffsetExpr') {
      const negative = this.#text(value).startsWith('-');
      const magnitude = negative ? (children(value).at(-1) ?? value) : value;
      return { offsetMs: this.#duration(magnitude) * (negative ? -1 : 1) };
    }
    if (value.name === 'AtModifierPreprocessors') {
      return { atMs: children(value)[0]?.name === 'AtStart' ? 'start' : 'end' };
    }
    const seconds = parseNumberLiteral(this.#text(value).replace(/^([+-])\s+/, '$1'));
    if (seconds === undefined || !Number.isFinite(seconds)) {
      this.#refuse(value, `timestamp out of bounds for @ modifier: ${this.#text(value)}`);
    }
    return { atMs: Math.round(seconds * 1000) };
  }

  #duration(node: SyntaxNode): number {
    const text = this.#text(node);
    const ms = parseDuration(text);
    if (ms === undefined) this.#refuse(node, `bad or unsupported duration: ${text}`);
    if (ms === 0) this.#refuse(node, 'duration must be greater than 0');
    return ms;
  }

  #operand(node: SyntaxNode): Expression {
    const position = node.from;
    switch (node.name) {
      case 'ParenExpr': {
        const inner = children(node)[0] ?? this.#refuse(node);
        return { kind: 'parenthesised', position, inner: this.expression(inner) };
      }
      case 'StringLiteral':
        return { kind: 'string', position, value: this.#string(node) };
      case 'VectorSelector':
        return this.#selector(node);
      case 'FunctionCall': {
        const [name, body] = children(node);
        return {
          kind: 'call',
          position,
          name: name === undefined ? this.#refuse(node) : this.#text(name),
          args: children(body).map((argument) => this.expression(argument)),
        };
      }
      case 'AggregateExpr':
        return this.#aggregate(node);
      default:
        return this.#unsupported(node);
    }
  }

  #aggregate(node: SyntaxNode): Aggregate {
    const parts = children(node);
    const operatorNode = parts[0] ?? this.#refuse(node);
    const operator = this.#text(operatorNode).toLowerCase();
    if (!isAggregateOperator(operator)) this.#unsupported(operatorNode, 'aggregation operator');
    const modifier = parts.find(({ name }) => name === 'AggregateModifier');
    const [mode, labels] = children(modifier);
    const args = children(parts.find(({ name }) => name === 'FunctionCallBody'));
    const wanted = operator === 'topk' ? 2 : 1;
    if (args.length !== wanted) {
      this.#refuse(
        node,
        `wrong number of arguments for aggregate expression provided, expected ${wanted}, got ${args.length}`,
      );
    }
    const [operand, parameter] = args.map((argument) => this.expression(argument)).reverse();
    if (operand === undefined) this.#refuse(node);
    return {
      kind: 'aggregate',
      position: node.from,
      operator,
      grouping: {
        mode: mode?.name === 'Without' ? 'without' : 'by',
        labels: this.#labelNames(labels),
      },
      operand,
      ...(parameter && { parameter }),
    };
  }

  #selector(node: SyntaxNode): Selector {
    const parts = children(node);
    const identifier = parts.find(({ name }) => name === 'Identifier');
    const written = children(parts.find(({ name }) => name === 'LabelMatchers'));
    const matchers = written.map((matcher) => this.#matcher(matcher));
    const name = identifier && this.#text(identifier);
    const second = matchers.find(({ label }) => label === metricName);
    if (name !== undefined && second !== undefined) {
      this.#refuse(node, `metric name must not be set twice: "${name}" or "${second.value}"`);
    }
    const named = name === undefined ? [] : [matcherOf(metricName, '=', name)];
    return { kind: 'selector', position: node.from, matchers: [...matchers, ...named] };
  }

  #matcher(node: SyntaxNode): Matcher {
    if (node.name !== 'UnquotedLabelMatcher') this.#unsupported(node);
    const [label, operator, value] = children(node);
    if (label === undefined || operator === undefined || value === undefined) this.#refuse(node);
    try {
      return matcherOf(this.#text(label), this.#text(operator), this.#string(value));
    } catch (error) {
      if (!(error instanceof RegexError)) throw error;
      return this.#refuse(value, error.message);
    }
  }

  #labelNames(node: SyntaxNode | undefined): readonly string[] {
    return children(node).map((label) =>
      label.name === 'LabelName' ? this.#text(label) : this.#unsupported(label),
    );
  }

  #string(node: SyntaxNode): string {
    const text = unquote(this.#text(node));
    return text ?? this.#refuse(node, `invalid string literal ${this.#text(node)}`);
  }

  #text(node: SyntaxNode): string {
    return this.#query.slice(node.from, node.to);
  }

  #unsupported(node: SyntaxNode, what = constructs[node.name] ?? node.name): never {
    return this.#refuse(node, `${what} is not supported: ${this.#text(node)}`);
  }

  #refuse(node: SyntaxNode, problem = `unexpected ${node.name}`): never {
    throw QueryError.at(this.#query, node.from, problem);
  }
}

/** What people call the parts of the grammar that are refused as a whole. */
const constructs: Readonly<Record<string, string>> = {
  SubqueryExpr: 'subquery',
  AnchoredExpr: 'anchored modifier',
  SmoothedExpr: 'smoothed modifier',
  FillModifier: 'fill modifier',
  QuotedLabelName: 'quoted name',
  QuotedLabelMatcher: 'quoted name',
};

const binaryOperators: readonly BinaryOperator[] = [
  ...(['+', '-', '*', '/', '%', '^'] as const),
  ...(['==', '!=', '>', '<', '>=', '<='] as const),
  ...(['and', 'or', 'unless'] as const),
];

function isAggregateOperator(text: string): text is AggregateOperator {
  return aggregateOperators.includes(text);
}

function matcherOf(label: string, operator: string, value: string): Matcher {
  switch (operator) {
    case '=':
      return { label, operator, value, matches: (actual) => actual === value };
    case '!=':
      return { label, operator, value, matches: (actual) => actual !== value };
    case '=~': {
      const pattern = compileAnchored(value);
      return { label, operator, value, matches: (actual) => pattern.test(actual) };
    }
    default: {
      const pattern = compileAnchored(value);
      return { label, operator: '!~', value, matches: (actual) => !pattern.test(actual) };
    }
  }
}

/** Comments are nodes of the tree, too. */
function children(node: SyntaxNode | undefined): readonly SyntaxNode[] {
  const found: SyntaxNode[] = [];
  for (let child = node?.firstChild ?? null; child !== null; child = child.nextSibling) {
    if (child.name !== 'LineComment') found.push(child);
  }
  return found;
}
