/**
 * Reads Prometheus' text exposition format, version 0.0.4, as leniently and as strictly as Prometheus.
 *
 * One wrong line makes the whole answer wrong: half a scrape would look like series that have ended.
 */
import { metricName } from './labels.ts';
import { parseFloatText } from './promql/go-text.ts';

export interface ExposedSample {
  /** With the metric's name under `__name__`. */
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
  /** Present when the target says itself when it measured. */
  readonly tMs?: number;
}

/** Names the line and what is wrong with it. */
export class TextFormatError extends Error {}

const metricTypes = ['counter', 'gauge', 'histogram', 'summary', 'untyped', 'unknown'];

export function parseTextFormat(text: string): readonly ExposedSample[] {
  const reader = new Reader(text);
  const samples: ExposedSample[] = [];
  while (!reader.isAtEnd()) {
    const sample = reader.line();
    if (sample !== undefined) samples.push(sample);
  }
  return samples;
}

class Reader {
  readonly #text: string;
  #at = 0;

  constructor(text: string) {
    this.#text = text;
  }

  isAtEnd(): boolean {
    return this.#at >= this.#text.length;
  }

  /** Remarks and empty lines hold no sample. */
  line(): ExposedSample | undefined {
    const remark = this.#take(/[ \t]*(#[^\n]*)?(?:\n|$)/y);
    if (remark !== undefined) return this.#checkRemark(remark);
    const name = this.#expect(/[a-zA-Z_:][a-zA-Z0-9_:]*/y, 'a metric name');
    const labels = this.#take(/[ \t]*\{/y) === undefined ? [] : this.#labels();
    const value = parseFloatText(this.#expect(/[ \t]*([^ \t\n]+)/y, 'a value'));
    if (value === undefined) this.#refuse('a number as value');
    const tMs = this.#take(/[ \t]+(\d+)/y);
    this.#expect(/[ \t]*(?:\n|$)/y, 'the end of the line');
    return {
      labels: { ...Object.fromEntries(labels), [metricName]: name },
      value,
      ...(tMs !== undefined && { tMs: Number(tMs) }),
    };
  }

  /** Help texts and types are of no use here, but a broken one means that the target is broken. */
  #checkRemark(remark: string): undefined {
    if (!/^#[ \t]+TYPE[ \t]/.test(remark)) return;
    const [, type = ''] = /^#[ \t]+TYPE[ \t]+\S+[ \t]+(.*)$/.exec(remark) ?? [];
    if (!metricTypes.includes(type)) this.#refuse('a known metric type');
  }

  #labels(): ReadonlyMap<string, string> {
    const labels = new Map<string, string>();
    while (this.#take(/[ \t]*\}/y) === undefined) {
      const name = this.#expect(/[ \t]*([a-zA-Z_][a-zA-Z0-9_]*)[ \t]*=/y, 'a label name and "="');
      const value = this.#expect(/[ \t]*"((?:[^"\\]|\\[\s\S])*)"[ \t]*/y, 'a quoted value');
      if (labels.has(name) || name === metricName) this.#refuse(`label ${name} only once`);
      labels.set(name, unescape(value));
      this.#take(/,/y);
    }
    return labels;
  }

  /** The first group, or all that was matched. */
  #take(sticky: RegExp): string | undefined {
    sticky.lastIndex = this.#at;
    const match = sticky.exec(this.#text);
    if (match === null) return undefined;
    this.#at = sticky.lastIndex;
    return match[1] ?? match[0];
  }

  #expect(sticky: RegExp, what: string): string {
    return this.#take(sticky) ?? this.#refuse(what);
  }

  #refuse(wanted: string): never {
    const line = this.#text.slice(0, this.#at).split('\n').length;
    const rest = this.#text.slice(this.#at, this.#at + 40);
    throw new TextFormatError(`line ${line}: expected ${wanted}: ${JSON.stringify(rest)}`);
  }
}

/** Three escapes are known; a backslash before anything else stands for itself. */
function unescape(text: string): string {
  return text.replace(/\\([\\"n])/g, (_all, letter: string) => (letter === 'n' ? '\n' : letter));
}
