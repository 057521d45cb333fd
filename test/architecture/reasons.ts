/**
 * Finds the words that the operator gives as reasons: in conditions, in Kubernetes Events, in errors that are logged.
 *
 * Read from the sources, because a reason that the pages do not explain is one that somebody looks up in vain.
 */
import { globSync, readFileSync } from 'node:fs';

import { isNode, nameOf, nodesOf, type Node } from './source.ts';

/** `shown`: a condition or an Event may carry it. `logged`: only a log line does. */
export type Reach = 'shown' | 'logged';

/** Where the argument that is a reason stands, by the name of what is called. */
const calls: Readonly<Record<string, number>> = {
  say: 0,
  wait: 0,
  tell: 1,
  tellOnce: 2,
  rollBack: 1,
  failed: 1,
  waitToFollow: 1,
  asRefusal: 0,
};

/** What `controller/error-policy.ts` tells users of; the other kinds of error are logged. */
const toldErrors: readonly string[] = ['InvalidError', 'DeniedError', 'DefectError'];
const allErrors: readonly string[] = [
  ...toldErrors,
  'WaitingError',
  'ConflictError',
  'UnavailableError',
];

/** Errors from here end no pass: they become the answer of a check or a delivery, or end the process at its start. */
const besideThePass =
  /^src\/(adapters\/(metrics|notifiers|gates|http)\/|adapters\/kubernetes\/(http-transport|lease-lock)\.ts|controller\/(courier|metrics-desk|secrets)\.ts|ports\/registry\.ts)/;

/** Reasons that are put together at run time, by what of them stands in the source. */
const composed: Readonly<Record<string, readonly string[]>> = {
  '*NotFound': ['MetricTemplateNotFound', 'AlertProviderNotFound'],
  'Invalid*': ['InvalidMetricTemplate', 'InvalidAlertProvider'],
};

/** Folders whose reasons users meet. */
const sources = 'src/{core,controller,adapters,ports,api}/**/*.ts';

/** Every reason in the sources, and how far it reaches at most. */
export function reasonsInSources(): ReadonlyMap<string, Reach> {
  const found = new Map<string, Reach>();
  for (const file of globSync([sources, 'src/operator.ts'])) {
    for (const { reason, reach } of reasonsOf(file, readFileSync(file, 'utf8'))) {
      for (const whole of composed[reason] ?? [reason])
        if (found.get(whole) !== 'shown') found.set(whole, reach);
    }
  }
  return found;
}

/** The reasons in one source text; `*` stands for what is put in at run time. */
export function reasonsOf(
  file: string,
  text: string,
): readonly { readonly reason: string; readonly reach: Reach }[] {
  const inErrors = new Map<Node, string>();
  const found: { reason: string; reach: Reach }[] = [];
  for (const node of nodesOf(file, text)) {
    const error = errorMadeBy(node);
    if (error !== undefined) for (const inner of propertiesOf(node)) inErrors.set(inner, error);
    const name = inErrors.get(node);
    // What an adapter works out beforehand is for the error that it throws.
    const beforehand = node.type === 'VariableDeclarator' && file.startsWith('src/adapters/');
    const reach = name === undefined ? (beforehand ? 'logged' : 'shown') : reachOf(file, name);
    for (const reason of textsOf(reasonIn(node))) found.push({ reason, reach });
  }
  return found.filter(({ reason }) => /^[A-Z*][A-Za-z]+\*?$/.test(reason));
}

function reachOf(file: string, error: string): Reach {
  return toldErrors.includes(error) && !besideThePass.test(file) ? 'shown' : 'logged';
}

function errorMadeBy({ type, callee }: Node): string | undefined {
  if (type !== 'NewExpression' || !isNode(callee)) return undefined;
  const name = String(callee['name']);
  return allErrors.includes(name) ? name : undefined;
}

/** The properties of the facts that an error is made of. */
function propertiesOf(made: Node): readonly Node[] {
  const [, facts] = nodesIn(made['arguments']);
  return facts === undefined ? [] : nodesIn(facts['properties']);
}

/** What `node` gives as a reason, if it does. */
function reasonIn(node: Node): unknown {
  switch (node.type) {
    case 'Property':
      return nameOf(node['key']) === 'reason' ? node['value'] : undefined;
    case 'VariableDeclarator':
      return reasonOfVariable(node);
    case 'AssignmentExpression':
      return isNode(node['left']) && nameOf(node['left']['property']) === 'reason'
        ? node['right']
        : undefined;
    case 'CallExpression': {
      const position = calls[calledName(node['callee'])];
      return position === undefined ? undefined : nodesIn(node['arguments'])[position];
    }
    default:
      return undefined;
  }
}

/** `const reason = …`, and a table of them: `const heldReasons = { … }`. */
function reasonOfVariable({ id, init }: Node): unknown {
  const name = nameOf(id);
  return name === 'reason' || name.endsWith('Reasons') ? init : undefined;
}

function calledName(callee: unknown): string {
  if (!isNode(callee)) return '';
  return callee.type === 'MemberExpression' ? nameOf(callee['property']) : nameOf(callee);
}

/** The texts that an expression may be: both ways of a condition, the values of a table. */
function textsOf(expression: unknown): readonly string[] {
  if (!isNode(expression)) return [];
  switch (expression.type) {
    case 'Literal':
      return typeof expression['value'] === 'string' ? [expression['value']] : [];
    case 'TemplateLiteral':
      return [nodesIn(expression['quasis']).map(cookedText).join('*')];
    case 'ConditionalExpression':
      return [...textsOf(expression['consequent']), ...textsOf(expression['alternate'])];
    case 'LogicalExpression':
      return [...textsOf(expression['left']), ...textsOf(expression['right'])];
    case 'ObjectExpression':
      return nodesIn(expression['properties']).flatMap(({ value }) => textsOf(value));
    case 'TSAsExpression':
    case 'TSSatisfiesExpression':
      return textsOf(expression['expression']);
    default:
      return [];
  }
}

function cookedText({ value }: Node): string {
  return typeof value === 'object' && value !== null ? String(Reflect.get(value, 'cooked')) : '';
}

function nodesIn(value: unknown): readonly Node[] {
  return Array.isArray(value) ? value.filter(isNode) : [];
}
