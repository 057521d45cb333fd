/** The JSONPath subset of printer columns and selectable fields: names, indexes, `[*]`, `[?(@.a=="b")]`. */

import { isArray, isObject, textOf } from './json.ts';

type Step = (values: readonly unknown[]) => readonly unknown[];

/** All values a path leads to. */
export type ReadPath = (value: unknown) => readonly unknown[];

const TOKEN =
  /\.([^.[\]]+)|\[(\d+)\]|\[\*\]|\['([^']+)'\]|\["([^"]+)"\]|\[\?\(@\.([\w.]+)\s*(==|!=)\s*(?:"([^"]*)"|'([^']*)'|([^)\s]+))\)\]/gy;

/** `undefined` when the path uses something else. */
export function compileJsonPath(path: string): ReadPath | undefined {
  const text = path.startsWith('.') || path.startsWith('[') ? path : `.${path}`;
  const escaped = text.replaceAll('\\.', '\u0000');
  const steps: Step[] = [];
  TOKEN.lastIndex = 0;
  let end = 0;
  for (let match = TOKEN.exec(escaped); match; match = TOKEN.exec(escaped)) {
    end = TOKEN.lastIndex;
    steps.push(stepOf(match));
  }
  if (end !== escaped.length) return undefined;
  return (value) => steps.reduce<readonly unknown[]>((values, step) => step(values), [value]);
}

function stepOf(match: RegExpExecArray): Step {
  const name = match[1] ?? match[3] ?? match[4];
  if (match[2] !== undefined) {
    const index = Number(match[2]);
    return (values) =>
      values.flatMap((value) => (isArray(value) && index < value.length ? [value[index]] : []));
  }
  if (match[5] !== undefined) return filterStep(match);
  if (name === undefined || name === '*')
    return (values) =>
      values.flatMap((value) =>
        isArray(value) ? value : isObject(value) ? Object.values(value) : [],
      );
  const key = name.replaceAll('\u0000', '.');
  return (values) =>
    values.flatMap((value) => (isObject(value) && value[key] !== undefined ? [value[key]] : []));
}

function filterStep(match: RegExpExecArray): Step {
  const keys = (match[5] ?? '').split('.');
  const wanted = match[7] ?? match[8] ?? match[9] ?? '';
  const negated = match[6] === '!=';
  const matches = (item: unknown) => {
    let value = item;
    for (const key of keys) value = isObject(value) ? value[key] : undefined;
    return (value !== undefined && textOf(value) === wanted) !== negated;
  };
  return (values) => values.flatMap((value) => (isArray(value) ? value.filter(matches) : []));
}
