/**
 * Reads Prometheus' text exposition format, version 0.0.4.
 *
 * One wrong line makes the whole answer wrong, as in Prometheus: half a scrape would look like
 * series that have ended.
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
  return text.split('\n').flatMap((line, at) => {
    try {
      const sample = parseLine(line);
      return sample === undefined ? [] : [sample];
    } catch (error) {
      if (!(error instanceof TextFormatError)) throw error;
      throw new TextFormatError(`line ${at + 1}: ${error.message}`);
    }
  });
}

function parseLine(line: string): ExposedSample | undefined {
  const text = line.replace(/^[ \t]+/, '');
  if (text === '') return undefined;
  if (text.startsWith('#')) return checkComment(text);
  const name = take(text, 0, /[a-zA-Z_:][a-zA-Z0-9_:]*/y);
  if (name === undefined) throw new TextFormatError(`expected a metric name: ${text}`);
  const labels = takeLabels(text, name.end);
  return {
    labels: { ...labels.values, [metricName]: name.text },
    ...parseNumbers(text, labels.end),
  };
}

/** Help texts and types are of no use here, but a broken one means that the target is broken. */
function checkComment(text: string): undefined {
  const type = /^#[ \t]+TYPE[ \t]+\S+[ \t]+(\S+)[ \t]*$/.exec(text)?.[1];
  const isType = /^#[ \t]+TYPE[ \t]/.test(text);
  if (isType && !metricTypes.includes(type ?? '')) {
    throw new TextFormatError(`unknown metric type: ${text}`);
  }
}

interface Token {
  readonly text: string;
  readonly end: number;
}

function take(text: string, from: number, sticky: RegExp): Token | undefined {
  sticky.lastIndex = from;
  const match = sticky.exec(text);
  return match === null ? undefined : { text: match[1] ?? match[0], end: sticky.lastIndex };
}

interface LabelBlock {
  readonly values: Readonly<Record<string, string>>;
  readonly end: number;
}

function takeLabels(text: string, from: number): LabelBlock {
  const open = take(text, from, /[ \t]*\{[ \t]*/y);
  if (open === undefined) return { values: {}, end: from };
  const values = new Map<string, string>();
  let end = open.end;
  for (;;) {
    const close = take(text, end, /[ \t]*\}/y);
    if (close !== undefined) return { values: Object.fromEntries(values), end: close.end };
    const name = take(text, end, /[ \t]*([a-zA-Z_][a-zA-Z0-9_]*)[ \t]*=[ \t]*/y);
    const value = name && take(text, name.end, /"((?:[^"\\]|\\.)*)"[ \t]*/y);
    if (name === undefined || value === undefined) {
      throw new TextFormatError(`expected a label, "=" and a quoted value: ${text.slice(end)}`);
    }
    if (values.has(name.text)) throw new TextFormatError(`label ${name.text} is there twice`);
    values.set(name.text, unescape(value.text));
    end = endOfLabel(text, value.end);
  }
}

/** After a value comes a comma or the closing brace; a comma before the brace is allowed. */
function endOfLabel(text: string, from: number): number {
  const comma = take(text, from, /,[ \t]*/y);
  if (comma !== undefined) return comma.end;
  if (text.charAt(from) === '}') return from;
  throw new TextFormatError(`expected "," or "}": ${text.slice(from)}`);
}

/** Three escapes are known; a backslash before anything else stands for itself. */
function unescape(text: string): string {
  return text.replace(/\\([\\"n])/g, (_all, letter: string) => (letter === 'n' ? '\n' : letter));
}

function parseNumbers(text: string, from: number): Pick<ExposedSample, 'value' | 'tMs'> {
  const [written = '', timestamp, ...rest] = text
    .slice(from)
    .split(/[ \t\r]+/)
    .filter((word) => word !== '');
  const value = parseFloatText(written);
  if (value === undefined) throw new TextFormatError(`expected a number: ${text.slice(from)}`);
  if (timestamp === undefined) return { value };
  if (!/^-?\d+$/.test(timestamp) || rest.length > 0) {
    throw new TextFormatError(`expected a timestamp in milliseconds: ${text.slice(from)}`);
  }
  return { value, tMs: Number(timestamp) };
}
