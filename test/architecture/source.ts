/** Reads what a source file imports and what it reaches for without being handed it. */
import path from 'node:path';

import { parseSync } from 'oxc-parser';

export interface Import {
  /** As written. */
  readonly specifier: string;
  /** `import type`, `export type` or a type query: gone at run time. */
  readonly typeOnly: boolean;
  /** The names that are taken; empty for a whole module. */
  readonly names: readonly string[];
}

/** A node of the syntax tree, as the parser gives it. */
export interface Node {
  readonly type: string;
  readonly [key: string]: unknown;
}

/** Every import of a source text, re-exports and `import()` included. */
export function importsOf(file: string, text: string): readonly Import[] {
  const imports: Import[] = [];
  walk(parse(file, text), (node) => {
    const from = sourceOf(node);
    if (from === undefined) return;
    const typeOnly =
      node.type === 'TSImportType' ||
      node['importKind'] === 'type' ||
      node['exportKind'] === 'type';
    imports.push({ specifier: from, typeOnly, names: namesOf(node) });
  });
  return imports;
}

/** The globals through which a pure function would stop being one. */
const impureGlobals: ReadonlySet<string> = new Set([
  'performance',
  'setTimeout',
  'setInterval',
  'setImmediate',
  'queueMicrotask',
  'fetch',
  'process',
  'console',
  'crypto',
  'globalThis',
  'global',
  'require',
  'WebSocket',
  'EventSource',
  'Worker',
]);

/** What a source text uses of clocks, randomness and the outside world. */
export function impuritiesOf(file: string, text: string): readonly string[] {
  const found: string[] = [];
  walk(parse(file, text), (node, key, parent) => {
    const isName = node.type === 'Identifier' && !isOnlyALabel(key, parent);
    const name = String(node['name']);
    if (isName && impureGlobals.has(name)) found.push(name);
    const called = node['callee'];
    if (isNode(called) && called.type === 'Identifier' && called['name'] === 'Date') {
      const args = node['arguments'];
      const hasArguments = Array.isArray(args) && args.length > 0;
      if (node.type === 'CallExpression' || !hasArguments) found.push('the current Date');
    }
    const member = memberOf(node);
    if (member === 'Math.random' || member === 'Date.now') found.push(member);
  });
  return found;
}

/** The file that a relative specifier means; `undefined` for a package. */
export function fileOf(importer: string, specifier: string): string | undefined {
  return specifier.startsWith('.')
    ? path.posix.join(path.posix.dirname(importer), specifier)
    : undefined;
}

/** The package that a specifier means: `@scope/name/deep` is `@scope/name`. */
export function packageOf(specifier: string): string {
  if (specifier.startsWith('node:')) return specifier;
  return specifier
    .split('/')
    .slice(0, specifier.startsWith('@') ? 2 : 1)
    .join('/');
}

/** The first way found to come back to where one started, or `undefined`. */
export function cycleIn(graph: ReadonlyMap<string, readonly string[]>): string[] | undefined {
  const done = new Set<string>();
  const visit = (file: string, trail: readonly string[]): string[] | undefined => {
    const start = trail.indexOf(file);
    if (start >= 0) return [...trail.slice(start), file];
    if (done.has(file)) return undefined;
    for (const next of graph.get(file) ?? []) {
      const cycle = visit(next, [...trail, file]);
      if (cycle !== undefined) return cycle;
    }
    done.add(file);
    return undefined;
  };
  for (const file of graph.keys()) {
    const cycle = visit(file, []);
    if (cycle !== undefined) return cycle;
  }
  return undefined;
}

/** Every node of a source text, a parent before its children. */
export function nodesOf(file: string, text: string): readonly Node[] {
  const nodes: Node[] = [];
  walk(parse(file, text), (node) => nodes.push(node));
  return nodes;
}

function parse(file: string, text: string): Node {
  const { program, errors } = parseSync(file, text);
  if (errors[0] !== undefined) throw new Error(`${file}: ${errors[0].message}`);
  return { ...program };
}

export function isNode(value: unknown): value is Node {
  return typeof value === 'object' && value !== null && 'type' in value;
}

/** The name that a node is; empty when it is none. */
export function nameOf(node: unknown): string {
  const name = isNode(node) ? node['name'] : undefined;
  return typeof name === 'string' ? name : '';
}

function walk(
  node: Node,
  visit: (node: Node, key: string, parent: Node | undefined) => void,
  key = '',
  parent?: Node,
): void {
  visit(node, key, parent);
  for (const [name, value] of Object.entries(node)) {
    for (const child of Array.isArray(value) ? value : [value]) {
      if (isNode(child)) walk(child, visit, name, node);
    }
  }
}

/** The text after `from`, or between the brackets of `import()`. */
function sourceOf(node: Node): string | undefined {
  if (!/^(Import|Export.*|TSImport)(Declaration|Expression|Type)$/.test(node.type))
    return undefined;
  const { source } = node;
  if (!isNode(source)) return undefined;
  if (typeof source['value'] === 'string') return source['value'];
  // A computed import cannot be judged, so no rule allows it.
  return node.type === 'ImportExpression' ? '(computed)' : undefined;
}

function namesOf({ specifiers }: Node): readonly string[] {
  if (!Array.isArray(specifiers)) return [];
  return specifiers.flatMap((specifier: unknown) => {
    const imported = isNode(specifier) ? specifier['imported'] : undefined;
    return isNode(imported) ? [String(imported['name'])] : [];
  });
}

/** The name after a dot and the key of a property are nobody's global. */
function isOnlyALabel(key: string, parent: Node | undefined): boolean {
  return (key === 'property' || key === 'key') && parent?.['computed'] !== true;
}

function memberOf({ type, object, property }: Node): string | undefined {
  if (type !== 'MemberExpression' || !isNode(object) || !isNode(property)) return undefined;
  return `${String(object['name'])}.${String(property['name'] ?? property['value'])}`;
}
