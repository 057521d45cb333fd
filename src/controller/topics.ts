/**
 * Which canaries a changed object concerns, without looking at all of them.
 *
 * A pass leaves behind the topics it depends on; a change of an object names the topics it touches. Where they meet,
 * the canary is looked at again.
 */
import { groupOf } from '../api/group.ts';
import { asService, member } from '../api/narrow.ts';
import { refKey, refOf, type KubernetesObject } from '../api/object.ts';
import { keyString, type CanaryKey } from './ports.ts';
import type { Seen } from './observe.ts';

/** What one canary depends on. */
export function topicsOf(seen: Seen): readonly string[] {
  const { key, observation, routeTarget, label, objects } = seen;
  const { spec, run } = observation;
  const target = spec?.target ?? run?.target;
  const topics = [`canaries-of ${key.namespace}/${target?.name}`];
  if (target !== undefined) {
    for (const name of [target.name, `${target.name}-primary`]) {
      topics.push(
        refKey({
          apiVersion: target.apiVersion,
          kind: target.kind,
          namespace: key.namespace,
          name,
        }),
      );
    }
  }
  if (routeTarget !== undefined) {
    for (const name of [routeTarget.apex, routeTarget.primaryService, routeTarget.canaryService]) {
      topics.push(`service ${key.namespace}/${name}`);
    }
  }
  if (label !== undefined) {
    topics.push(
      `selects ${key.namespace}/${label.key}=${label.value}`,
      `selects ${key.namespace}/${label.key}=${label.value}-primary`,
    );
  }
  topics.push(...objects.routes.map((route) => refKey(refOf(route))));
  // Whose route is in the way is for the refusal to say: until it is gone, any may be the one.
  if (observation.refusals.length > 0) topics.push(`routes ${key.namespace}`);
  for (const { templateRef } of spec?.metrics ?? [])
    if (templateRef !== undefined)
      topics.push(`MetricTemplate ${templateRef.namespace}/${templateRef.name}`);
  for (const { providerRef } of spec?.alerts ?? [])
    topics.push(`AlertProvider ${providerRef.namespace}/${providerRef.name}`);
  return topics;
}

/** What one change touches; both the object as it is and as it was count. */
export function topicsOfChange(
  object: KubernetesObject,
  old: KubernetesObject | undefined,
): ReadonlySet<string> {
  return new Set([object, ...(old === undefined ? [] : [old])].flatMap(topicsOfObject));
}

function topicsOfObject(object: KubernetesObject): readonly string[] {
  const { kind, metadata } = object;
  const at = `${metadata.namespace ?? ''}/${metadata.name}`;
  switch (kind) {
    case 'Canary': {
      const target = member(member(object['spec'], 'targetRef'), 'name');
      return [`canaries-of ${metadata.namespace}/${String(target)}`];
    }
    case 'Service': {
      const { selector = {} } = asService(object).spec;
      return [
        `service ${at}`,
        ...Object.entries(selector).map(
          ([key, value]) => `selects ${metadata.namespace}/${key}=${value}`,
        ),
      ];
    }
    case 'HTTPRoute':
      return [
        refKey(refOf(object)),
        `routes ${metadata.namespace}`,
        ...backendsOf(object).map((name) => `service ${metadata.namespace}/${name}`),
      ];
    case 'MetricTemplate':
    case 'AlertProvider':
      return [`${kind} ${at}`];
    default:
      return [refKey(refOf(object))];
  }
}

/** Names of the Services that a route sends to. What is not a list is somebody's mistake, and names none. */
function backendsOf(route: KubernetesObject): readonly string[] {
  return listOf(member(route['spec'], 'rules')).flatMap((rule) =>
    listOf(member(rule, 'backendRefs')).map((backend) => String(member(backend, 'name'))),
  );
}

function listOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}

/** The Canary itself, when the object is one. */
export function keyOfCanary(object: KubernetesObject): CanaryKey | undefined {
  const group = object.kind === 'Canary' ? groupOf(object.apiVersion) : undefined;
  if (group === undefined) return undefined;
  return { group, namespace: object.metadata.namespace ?? '', name: object.metadata.name };
}

/** Which canaries wait for which topic. */
export class Topics {
  readonly #byTopic = new Map<string, Set<string>>();
  readonly #byKey = new Map<string, readonly string[]>();

  set(id: string, topics: readonly string[]): void {
    const before = this.#byKey.get(id);
    if (
      before !== undefined &&
      before.length === topics.length &&
      before.every((topic, index) => topic === topics[index])
    )
      return;
    this.forget(id);
    this.#byKey.set(id, topics);
    for (const topic of topics) {
      const waiting = this.#byTopic.get(topic) ?? new Set();
      this.#byTopic.set(topic, waiting.add(id));
    }
  }

  forget(id: string): void {
    for (const topic of this.#byKey.get(id) ?? []) {
      const waiting = this.#byTopic.get(topic);
      waiting?.delete(id);
      if (waiting?.size === 0) this.#byTopic.delete(topic);
    }
    this.#byKey.delete(id);
  }

  *concerned(object: KubernetesObject, old: KubernetesObject | undefined): Iterable<string> {
    const canary = keyOfCanary(object);
    if (canary !== undefined) yield keyString(canary);
    for (const topic of topicsOfChange(object, old)) yield* this.#byTopic.get(topic) ?? [];
  }
}
