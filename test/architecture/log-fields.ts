/** Finds the fields of log lines, because a field that no page explains is one that nobody can search for. */
import { globSync, readFileSync } from 'node:fs';

import { isNode, nameOf, nodesOf, type Node } from './source.ts';

const levels = ['debug', 'info', 'warn', 'error'];

/** The fields that sources give to the log; `sources` is a folder or a file, or several in braces. */
export function loggedFieldsIn(sources: string): ReadonlySet<string> {
  const fields = new Set<string>();
  for (const file of globSync([`${sources}/**/*.ts`, sources])) {
    if (!file.endsWith('.ts')) continue;
    const nodes = nodesOf(file, readFileSync(file, 'utf8'));
    const shared = sharedFieldsOf(nodes);
    for (const node of nodes) for (const name of fieldsOf(node, shared)) fields.add(name);
  }
  return fields;
}

/** `log.warn({ … }, …)`, `log[level]({ … }, …)`: the keys, and what `#fields` adds to them. */
function fieldsOf({ type, callee, arguments: args }: Node, shared: readonly string[]) {
  if (type !== 'CallExpression' || !isNode(callee) || !isLogCall(callee)) return [];
  const [fields] = Array.isArray(args) ? args.filter(isNode) : [];
  if (fields === undefined) return [];
  return fields.type === 'ObjectExpression' ? keysOf(fields, shared) : shared;
}

function isLogCall({ type, object, property, computed }: Node): boolean {
  if (type !== 'MemberExpression' || !isNode(object) || !isNode(property)) return false;
  const owner = object.type === 'MemberExpression' ? object['property'] : object;
  const isLog = isNode(owner) && /^#?log$/.test(String(owner['name']));
  return isLog && (computed === true || levels.includes(String(property['name'])));
}

function keysOf({ properties }: Node, shared: readonly string[]): readonly string[] {
  if (!Array.isArray(properties)) return [];
  return properties.filter(isNode).flatMap((property) => {
    if (property.type === 'SpreadElement') return shared;
    const { key } = property;
    return isNode(key) ? [String(key['name'] ?? key['value'])] : [];
  });
}

/** What a class gives to all of its lines: `#fields`, a property or a method that returns an object. */
function sharedFieldsOf(nodes: readonly Node[]): readonly string[] {
  return nodes.flatMap((node) => {
    if (node.type === 'MethodDefinition' && nameOf(node['key']) === 'fields') {
      const { value } = node;
      const body = isNode(value) && isNode(value['body']) ? value['body']['body'] : [];
      return (Array.isArray(body) ? body.filter(isNode) : []).flatMap(({ argument }) =>
        isNode(argument) ? keysOf(argument, []) : [],
      );
    }
    if (node.type !== 'AssignmentExpression' || !isNode(node['left'])) return [];
    const isShared = nameOf(node['left']['property']) === 'fields';
    return isShared && isNode(node['right']) ? keysOf(node['right'], []) : [];
  });
}
