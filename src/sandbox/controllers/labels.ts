import type { Labels, Selector } from './objects.ts';

/** Whether every pair of `selector` is among `labels`: how Services select. */
export function hasAll(labels: Labels | undefined, selector: Labels): boolean {
  for (const key in selector) if (labels?.[key] !== selector[key]) return false;
  return true;
}

/** Label selectors as workloads have them. An empty one selects nothing here: no workload may have it. */
export function selects(selector: Selector, labels: Labels | undefined): boolean {
  const { matchLabels = {}, matchExpressions = [] } = selector;
  if (Object.keys(matchLabels).length + matchExpressions.length === 0) return false;
  if (!hasAll(labels, matchLabels)) return false;
  return matchExpressions.every(({ key, operator, values = [] }) => {
    const value = labels?.[key];
    switch (operator) {
      case 'In':
        return value !== undefined && values.includes(value);
      case 'NotIn':
        return value === undefined || !values.includes(value);
      case 'Exists':
        return value !== undefined;
      case 'DoesNotExist':
        return value === undefined;
      default:
        return false;
    }
  });
}
