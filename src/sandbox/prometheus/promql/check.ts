/** Types of expressions, and the rules that Prometheus checks before it evaluates anything. */
import { assertNever } from '../../../errors.ts';
import { isComparison, isSetOperator } from './binary.ts';
import { functionNamed } from './functions.ts';
import { QueryError } from './query-error.ts';
import type { Aggregate, Binary, Call, Expression, Selector, ValueType } from './syntax.ts';

const typeNames: Readonly<Record<ValueType, string>> = {
  scalar: 'scalar',
  string: 'string',
  vector: 'instant vector',
  matrix: 'range vector',
};

/** The type of an expression whose parts fit together; throws a `bad_data` QueryError otherwise. */
export function check(query: string, expression: Expression): ValueType {
  return new Checker(query).typeOf(expression);
}

/** The type of an expression that has been checked. */
export function typeOf(expression: Expression): ValueType {
  switch (expression.kind) {
    case 'number':
      return 'scalar';
    case 'string':
      return 'string';
    case 'selector':
      return expression.rangeMs === undefined ? 'vector' : 'matrix';
    case 'parenthesised':
      return typeOf(expression.inner);
    case 'unary':
      return typeOf(expression.operand);
    case 'aggregate':
      return 'vector';
    case 'call':
      return functionNamed(expression.name)?.gives ?? 'vector';
    case 'binary': {
      const sides = [typeOf(expression.left), typeOf(expression.right)];
      return sides.includes('vector') ? 'vector' : 'scalar';
    }
    default:
      return assertNever(expression, 'expression');
  }
}

class Checker {
  readonly #query: string;

  constructor(query: string) {
    this.#query = query;
  }

  typeOf(expression: Expression): ValueType {
    this.#checkParts(expression);
    return typeOf(expression);
  }

  #checkParts(expression: Expression): void {
    switch (expression.kind) {
      case 'number':
      case 'string':
        return;
      case 'selector':
        return this.#checkSelector(expression);
      case 'parenthesised':
        return this.#checkParts(expression.inner);
      case 'unary': {
        const type = this.typeOf(expression.operand);
        if (type === 'scalar' || type === 'vector') return;
        return this.#refuse(
          expression,
          `unary expression only allowed on expressions of type scalar or instant vector, got "${typeNames[type]}"`,
        );
      }
      case 'binary':
        return this.#checkBinary(expression);
      case 'aggregate':
        return this.#checkAggregate(expression);
      case 'call':
        return this.#checkCall(expression);
      default:
        return assertNever(expression, 'expression');
    }
  }

  /** A selector that every series could meet would read the whole store. */
  #checkSelector(selector: Selector): void {
    if (selector.matchers.some((matcher) => !matcher.matches(''))) return;
    this.#refuse(selector, 'vector selector must contain at least one non-empty matcher');
  }

  #checkBinary(binary: Binary): void {
    const { operator, returnBool, matching } = binary;
    const sides = [this.typeOf(binary.left), this.typeOf(binary.right)];
    const scalars = sides.filter((type) => type === 'scalar').length;
    if (sides.some((type) => type !== 'scalar' && type !== 'vector')) {
      this.#refuse(binary, 'binary expression must contain only scalar and instant vector types');
    }
    if (returnBool && !isComparison(operator)) {
      this.#refuse(binary, 'bool modifier can only be used on comparison operators');
    }
    if (isComparison(operator) && !returnBool && scalars === 2) {
      this.#refuse(binary, 'comparisons between scalars must use BOOL modifier');
    }
    if (isSetOperator(operator) && scalars > 0) {
      this.#refuse(binary, `set operator "${operator}" not allowed in binary scalar expression`);
    }
    if (isSetOperator(operator) && (matching?.many ?? 'neither') !== 'neither') {
      this.#refuse(binary, `no grouping allowed for "${operator}" operation`);
    }
    if (scalars > 0 && (matching?.labels.length ?? 0) > 0) {
      this.#refuse(binary, 'vector matching only allowed between instant vectors');
    }
    const twice = matching?.include.find((label) => matching.labels.includes(label));
    if (matching?.mode === 'on' && twice !== undefined) {
      this.#refuse(binary, `label "${twice}" must not occur in ON and GROUP clause at once`);
    }
  }

  #checkAggregate({ operand, parameter, operator }: Aggregate): void {
    this.#expect(operand, 'vector', 'aggregation expression');
    if (parameter !== undefined) this.#expect(parameter, 'scalar', `parameter of "${operator}"`);
  }

  #checkCall(call: Call): void {
    const known = functionNamed(call.name);
    if (known === undefined) this.#refuse(call, `function is not supported: ${call.name}`);
    const { takes, optional = 0 } = known;
    const count = call.args.length;
    if (count > takes.length || count < takes.length - optional) {
      const bound = optional === 0 ? '' : count > takes.length ? 'at most ' : 'at least ';
      const wanted = count > takes.length ? takes.length : takes.length - optional;
      this.#refuse(
        call,
        `expected ${bound}${wanted} argument(s) in call to "${call.name}", got ${count}`,
      );
    }
    call.args.forEach((argument, at) => {
      const wanted = takes[at];
      if (wanted !== undefined) this.#expect(argument, wanted, `call to function "${call.name}"`);
    });
  }

  #expect(expression: Expression, wanted: ValueType, where: string): void {
    const type = this.typeOf(expression);
    if (type === wanted) return;
    this.#refuse(
      expression,
      `expected type ${typeNames[wanted]} in ${where}, got ${typeNames[type]}`,
    );
  }

  #refuse({ position }: Expression, problem: string): never {
    throw QueryError.at(this.#query, position, problem);
  }
}
