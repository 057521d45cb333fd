/**
 * Promise 9: in objects that belong to others, we write what is ours and nothing else.
 */
import type { KubernetesObject } from '../../src/api/object.ts';
import type { Write } from './judge.ts';
import { mainRule } from './mirror.ts';
import type { Plan } from './plan.ts';

/** What we changed of somebody else's; `undefined`: nothing. */
export function touchedByUs(
  { record, before, after }: Pick<Write, 'record' | 'before' | 'after'>,
  plan: Plan,
): string | undefined {
  if (before === undefined || after === undefined) return undefined;
  const { resource, name } = record;
  const notes = changedNotes(before, after);
  if (notes !== undefined) return `${resource} ${name}: ${notes}`;
  if (resource === 'deployments' && name === 'cart')
    return onlyChanged(before, after, ['replicas'], `deployments ${name}`);
  if (resource === 'services' && name === 'cart' && plan.adoptsService)
    return onlyChanged(before, after, ['selector', 'ports'], `services ${name}`);
  if (resource === 'httproutes' && plan.adoptsRoute) {
    const [was, is] = [before, after].map((route) => withoutMainRule(route));
    if (was !== is) return `httproutes ${name}: more than our rule was changed`;
  }
  return undefined;
}

function changedNotes(before: KubernetesObject, after: KubernetesObject): string | undefined {
  for (const part of ['annotations', 'labels'] as const) {
    const [was, is] = [before.metadata[part] ?? {}, after.metadata[part] ?? {}];
    for (const key of new Set([...Object.keys(was), ...Object.keys(is)])) {
      const isOurs = key.startsWith('serin.dev/') || key.includes('toolkit.fluxcd.io');
      if (!isOurs && was[key] !== is[key] && was[key] !== undefined)
        return `${part.slice(0, -1)} ${key} went from ${was[key]} to ${is[key]}`;
    }
  }
  return undefined;
}

function onlyChanged(
  before: KubernetesObject,
  after: KubernetesObject,
  fields: readonly string[],
  name: string,
): string | undefined {
  const rest = ({ spec }: KubernetesObject & { readonly spec?: object }): string =>
    JSON.stringify(Object.entries(spec ?? {}).filter(([key]) => !fields.includes(key)));
  return rest(before) === rest(after)
    ? undefined
    : `${name}: more than ${fields.join(', ')} was changed`;
}

/** The route without the backends of the rule that is ours. */
function withoutMainRule(route: KubernetesObject): string {
  const main = mainRule(route);
  const { rules = [], ...others } = (route['spec'] ?? {}) as { readonly rules?: readonly object[] };
  return JSON.stringify([
    Object.entries(others).sort(([a], [b]) => (a < b ? -1 : 1)),
    rules.map((rule) => (rule === main ? { ...rule, backendRefs: [] } : rule)),
  ]);
}
