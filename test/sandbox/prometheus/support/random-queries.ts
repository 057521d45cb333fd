/** Queries drawn at random from what the evaluator has, over the series of `series.ts`. */
import type { Question } from './queries.ts';
import { epochMs, seeded } from './series.ts';

/** The same seed draws the same questions. */
export function randomQuestions(seed: number, count: number): readonly Question[] {
  const draw = new Draw(seeded(seed));
  return Array.from({ length: count }, () => ({
    query: draw.number() < 0.8 ? draw.vector(3) : draw.unparenthesised(),
    atMs: epochMs + Math.floor(draw.number() * 17 * 60_000) - 10_000,
  }));
}

const metrics = [
  'temperature',
  'http_request_duration_seconds_count',
  'http_request_duration_seconds_sum',
  'floor_area',
  'lonely',
  'odd',
];
const matchers = [
  'room="hall"',
  'room!="attic"',
  'side=~"x|y"',
  'floor!~"[12]"',
  'kubernetes_namespace=~"(healthy|mixed|g.*)"',
  'kubernetes_pod_name!~".*primary.*"',
  'status=~"5.."',
  'status!="200"',
  'kind!~"huge|tiny"',
  'missing=""',
];
const labels = ['room', 'side', 'floor', 'status', 'kubernetes_namespace', 'kind', '__name__'];
const ranges = ['14s', '15s', '31s', '1m', '1m7s', '2m', '5m', '11m'];
const overTimes = [
  'rate',
  'irate',
  'increase',
  'delta',
  'avg_over_time',
  'max_over_time',
  'min_over_time',
  'sum_over_time',
  'count_over_time',
];

class Draw {
  readonly number: () => number;

  constructor(number: () => number) {
    this.number = number;
  }

  vector(depth: number): string {
    if (depth === 0) return this.#selector('');
    const deeper = () => this.vector(depth - 1);
    switch (Math.floor(this.number() * 9)) {
      case 0:
      case 1:
        return `${this.#one(overTimes)}(${this.#selector(`[${this.#one(ranges)}]`)})`;
      case 2:
      case 3:
        return `${this.#one(['sum', 'avg', 'min', 'max', 'count'])} ${this.#grouping()} (${deeper()})`;
      case 4:
        return `(${deeper()}) ${this.#one(['+', '-', '*', '/', '%', '^'])} ${this.#scalar()}`;
      case 5:
        return `(${deeper()}) ${this.#one(['==', '!=', '>', '<=', '> bool', '< bool'])} ${this.#scalar()}`;
      case 6:
        return `(${deeper()}) ${this.#one(['and', 'or', 'unless'])} ${this.#matching()} (${deeper()})`;
      case 7: {
        const operator = this.#one(['+', '-', '*', '/', '>', '<= bool']);
        return `(${deeper()}) ${operator} ${this.#matching()} (${deeper()})`;
      }
      default:
        return this.#one([
          `abs(${deeper()})`,
          `-(${deeper()})`,
          `round(${deeper()}, 0.5)`,
          `clamp_min(${deeper()}, ${this.#scalar()})`,
          `vector(scalar(${deeper()}))`,
          `absent(${deeper()})`,
        ]);
    }
  }

  /** Only the rules of precedence say how this is to be read. */
  unparenthesised(): string {
    const operands = ['2', '3', '0.5', 'lonely', 'lonely offset 30s', 'twin_a', '1e2'];
    const operators = ['+', '-', '*', '/', '%', '^', '== bool', '> bool', '<= bool', '^'];
    const more = Array.from({ length: 1 + Math.floor(this.number() * 5) }, () => {
      const sign = this.number() < 0.25 ? '-' : '';
      return `${this.#one(operators)} ${sign}${this.#one(operands)}`;
    });
    const sign = this.number() < 0.3 ? '-' : '';
    return `${sign}${this.#one(operands)} ${more.join(' ')}`;
  }

  #selector(range: string): string {
    const chosen = matchers.filter(() => this.number() < 0.12);
    const offset =
      this.number() < 0.15 ? this.#one([' offset 20s', ' offset -1m', ' offset 4m']) : '';
    return `${this.#one(metrics)}{${chosen.join(',')}}${range}${offset}`;
  }

  #scalar(): string {
    return this.#one(['0', '1', '-2.5', '100', '0.001', 'NaN', 'Inf', 'scalar(lonely)', 'time()']);
  }

  #grouping(): string {
    const mode = this.#one(['by', 'without', '']);
    return mode === '' ? '' : `${mode} (${this.#labels()})`;
  }

  #matching(): string {
    const mode = this.#one(['on', 'ignoring', '']);
    return mode === '' ? '' : `${mode} (${this.#labels()})`;
  }

  #labels(): string {
    return labels.filter(() => this.number() < 0.3).join(', ');
  }

  #one<T>(choices: readonly T[]): T {
    const choice = choices[Math.floor(this.number() * choices.length)];
    if (choice === undefined) throw new Error('nothing to choose from');
    return choice;
  }
}
