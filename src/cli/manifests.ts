/**
 * YAML documents with the lines that their fields stand on.
 */
import {
  isMap,
  isScalar,
  isSeq,
  LineCounter,
  parseAllDocuments,
  type Document,
  type Node,
} from 'yaml';

/** One object of a file. */
export interface Manifest {
  readonly file: string;
  readonly value: Readonly<Record<string, unknown>>;
  /** The line of a field, or of the nearest thing around it that exists; counted from 1. */
  lineOf(field: string): number;
}

/** A place in a file that is no YAML. */
export interface SyntaxProblem {
  readonly file: string;
  readonly line: number;
  readonly message: string;
}

export interface Manifests {
  readonly manifests: readonly Manifest[];
  readonly problems: readonly SyntaxProblem[];
}

/** Reads every document of a text; items of a `List` become manifests of their own. */
export function readManifests(file: string, text: string): Manifests {
  const lines = new LineCounter();
  const documents = parseAllDocuments(text, { lineCounter: lines, prettyErrors: false });
  const manifests: Manifest[] = [];
  const problems: SyntaxProblem[] = [];
  if (!Array.isArray(documents)) return { manifests, problems };
  for (const document of documents) {
    for (const { message, pos } of document.errors) {
      problems.push({ file, line: lines.linePos(pos[0]).line, message });
    }
    if (document.errors.length === 0) manifests.push(...objectsOf(file, document, lines));
  }
  return { manifests, problems };
}

function objectsOf(file: string, document: Document, lines: LineCounter): readonly Manifest[] {
  const root: unknown = document.toJS();
  if (!isObject(root)) return [];
  const top = document.contents;
  const items = root['items'];
  if (root['kind'] === 'List' && Array.isArray(items)) {
    return items.filter(isObject).map((value, index) => ({
      file,
      value,
      lineOf: (field) => lineIn(top, `items[${index}].${field}`, lines),
    }));
  }
  return [{ file, value: root, lineOf: (field) => lineIn(top, field, lines) }];
}

/** Follows the field as far as the document goes. */
function lineIn(top: Node | null, field: string, lines: LineCounter): number {
  let node: unknown = top;
  let offset = top?.range?.[0] ?? 0;
  for (const step of stepsOf(field)) {
    const found = descend(node, step);
    if (found === undefined) break;
    node = found.value;
    offset = found.offset ?? offset;
  }
  return lines.linePos(offset).line;
}

interface Descent {
  readonly value: unknown;
  readonly offset: number | undefined;
}

function descend(node: unknown, step: string): Descent | undefined {
  if (isSeq(node)) {
    const item = node.items[Number(step)];
    return item === undefined ? undefined : { value: item, offset: offsetOf(item) };
  }
  if (!isMap(node)) return undefined;
  const pair = node.items.find(({ key }) => (isScalar(key) ? String(key.value) : key) === step);
  return pair === undefined ? undefined : { value: pair.value, offset: offsetOf(pair.key) };
}

function offsetOf(node: unknown): number | undefined {
  return isScalar(node) || isMap(node) || isSeq(node) ? node.range?.[0] : undefined;
}

function stepsOf(field: string): readonly string[] {
  return field.split(/\.|\[|\]/).filter((step) => step !== '');
}

/** Whether a value of a document is a mapping. */
export function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
