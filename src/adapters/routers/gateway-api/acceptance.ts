/**
 * Whether the gateways have taken over what was written, from `status.parents`.
 */

import type { HttpRoute, RouteReference } from '../../../api/object.ts';
import type { Acceptance } from '../../../ports/traffic-router.ts';

type ParentStatus = NonNullable<NonNullable<HttpRoute['status']>['parents']>[number];

const order: Readonly<Record<Acceptance['kind'], number>> = { accepted: 0, pending: 1, refused: 2 };

/** Over all parents the worst answer counts; a parent that reports nothing is not waited for. */
export function acceptanceOf(route: HttpRoute): Acceptance {
  const { parents = [] } = route.status ?? {};
  const generation = route.metadata.generation ?? 0;
  const namespace = route.metadata.namespace ?? '';
  const answers = (route.spec.parentRefs ?? []).flatMap((parent): Acceptance[] => {
    const key = parentKey(parent, namespace);
    const entries = parents.filter(({ parentRef }) => parentKey(parentRef, namespace) === key);
    const newest = Math.max(...entries.map(seenGeneration));
    return entries
      .filter((entry) => seenGeneration(entry) === newest)
      .map((entry) => judge(entry, generation));
  });
  return worst(answers);
}

/** One text per parent: two references with it mean the same listener. */
export function parentKey(parent: RouteReference, namespace: string): string {
  return JSON.stringify([
    parent.group ?? 'gateway.networking.k8s.io',
    parent.kind ?? 'Gateway',
    parent.namespace ?? namespace,
    parent.name,
    parent.sectionName ?? '',
    parent.port ?? 0,
  ]);
}

function judge(entry: ParentStatus, generation: number): Acceptance {
  const parent = entry.parentRef.name;
  const accepted = acceptedCondition(entry);
  if (seenGeneration(entry) < generation) {
    return { kind: 'pending', why: `${parent} has not seen generation ${generation} yet` };
  }
  if (accepted?.status === 'True') return { kind: 'accepted' };
  const words = `${accepted?.reason ?? 'no reason given'}: ${accepted?.message ?? 'no message'}`;
  return accepted?.status === 'False'
    ? { kind: 'refused', why: `${parent} does not accept the route (${words})` }
    : { kind: 'pending', why: `${parent} has not decided about the route (${words})` };
}

function seenGeneration(entry: ParentStatus): number {
  return acceptedCondition(entry)?.observedGeneration ?? 0;
}

function acceptedCondition(entry: ParentStatus) {
  return entry.conditions?.find(({ type }) => type === 'Accepted');
}

function worst(answers: readonly Acceptance[]): Acceptance {
  const [first, ...others] = answers;
  if (first === undefined) return { kind: 'accepted' };
  return others.reduce(
    (left, right) => (order[right.kind] > order[left.kind] ? right : left),
    first,
  );
}
