/**
 * What counts as a revision: everything in the pod template that is not a note of ours.
 */

import { createHash } from 'node:crypto';

import { flaggerId, isFluxKey, isMark } from '../api/marks.ts';
import { isObject, member } from '../api/narrow.ts';

const computed = new WeakMap<object, string>();

/**
 * The revision of a pod template, `sha256:<hex>`.
 *
 * Left out are our own annotations, Flux's (which promotion does not copy, and which say nothing about what
 * runs), and the label `pod-template-hash`. The order of keys, and fields that are null or absent, do not count.
 * Remembered per object: templates come from a cache and are never changed in place.
 */
export function revisionOf(template: unknown): string {
  if (!isObject(template)) return hashOf(template);
  const known = computed.get(template);
  if (known !== undefined) return known;
  const revision = hashOf(withoutNotes(template));
  computed.set(template, revision);
  return revision;
}

/** How a primary that Flagger made compares with its target. */
export interface PrimaryComparison {
  /** Apart from what Flagger changes in its copy, the two are equal. */
  readonly same: boolean;
  /** The `-primary` copies of ConfigMaps and Secrets that the primary uses. */
  readonly configCopies: readonly string[];
}

/**
 * Compares the target's pod template with that of a primary made by Flagger, whose own changes are undone: the
 * selector label, the names of config copies, `flagger-id`, and the selectors of anti-affinity and spread rules.
 */
export function sameAsPrimary(
  target: unknown,
  primary: unknown,
  label: { readonly key: string },
): PrimaryComparison {
  const undone = undo(primary, target, '', `/metadata/labels/${label.key}`);
  return {
    same: revisionOf(undone) === revisionOf(target),
    configCopies: configCopies(target, primary),
  };
}

/**
 * Names of the `-primary` copies of ConfigMaps and Secrets that a primary made by Flagger uses. Empty for a primary
 * that we have written: that one carries no `flagger-id` and shares its configuration with the target.
 */
export function configCopies(target: unknown, primary: unknown): readonly string[] {
  const annotations = member(member(primary, 'metadata'), 'annotations');
  if (member(annotations, flaggerId) === undefined) return [];
  const shared = new Set(configNames(target));
  const copies = configNames(primary).filter((name) => name.endsWith(suffix) && !shared.has(name));
  return [...new Set(copies)].sort();
}

const suffix = '-primary';

/** Where a pod template names ConfigMaps and Secrets; positions in lists are left out of a path. */
const configPath =
  /^\/spec\/(volumes\/(configMap\/name|secret\/secretName|projected\/sources\/(configMap|secret)\/name)|(containers|initContainers)\/(env\/valueFrom\/(configMapKeyRef|secretKeyRef)|envFrom\/(configMapRef|secretRef))\/name)$/;

/** Where a pod template selects its neighbours by label. */
const neighbourPath =
  /^\/spec\/(affinity\/podAntiAffinity\/.+\/|topologySpreadConstraints\/)labelSelector\/match(Labels\/.+|Expressions\/values)$/;

/** `copy` with each text that is `-primary` longer than the one in `original` made equal to it, where Flagger does that. */
function undo(copy: unknown, original: unknown, path: string, labelPath: string): unknown {
  if (typeof copy === 'string') {
    const renamed = typeof original === 'string' && copy === original + suffix;
    const expected = path === labelPath || configPath.test(path) || neighbourPath.test(path);
    return renamed && expected ? original : copy;
  }
  if (Array.isArray(copy)) {
    const originals: readonly unknown[] = Array.isArray(original) ? original : [];
    return copy.map((item, index) => undo(item, originals[index], path, labelPath));
  }
  if (!isObject(copy)) return copy;
  return Object.fromEntries(
    Object.entries(copy).map(([key, value]) => [
      key,
      undo(value, member(original, key), `${path}/${key}`, labelPath),
    ]),
  );
}

function configNames(value: unknown, path = ''): string[] {
  if (typeof value === 'string') return configPath.test(path) ? [value] : [];
  if (Array.isArray(value)) return value.flatMap((item) => configNames(item, path));
  if (!isObject(value)) return [];
  return Object.entries(value).flatMap(([key, item]) => configNames(item, `${path}/${key}`));
}

function withoutNotes(template: object): unknown {
  const metadata = member(template, 'metadata');
  if (!isObject(metadata)) return template;
  const kept = {
    ...metadata,
    labels: filtered(member(metadata, 'labels'), (key) => key !== 'pod-template-hash'),
    annotations: filtered(
      member(metadata, 'annotations'),
      (key) => key !== flaggerId && !isMark(key) && !isFluxKey(key),
    ),
  };
  return { ...template, metadata: unlessEmpty(kept) };
}

function filtered(map: unknown, keep: (key: string) => boolean): object | undefined {
  if (!isObject(map)) return undefined;
  return unlessEmpty(Object.fromEntries(Object.entries(map).filter(([key]) => keep(key))));
}

/** An API server stores no empty maps here, so that an empty one and none have to be the same. */
function unlessEmpty<T extends object>(map: T): T | undefined {
  return Object.values(map).some((value) => value !== undefined && value !== null)
    ? map
    : undefined;
}

function hashOf(value: unknown): string {
  return `sha256:${createHash('sha256').update(canonical(value)).digest('hex')}`;
}

/** JSON with sorted keys, without members that are null. */
function canonical(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonical).join(',')}]`;
  if (!isObject(value)) return JSON.stringify(value) ?? 'null';
  const members = Object.entries(value)
    .filter(([, item]) => item !== undefined && item !== null)
    .sort(([left], [right]) => (left < right ? -1 : 1))
    .map(([key, item]) => `${JSON.stringify(key)}:${canonical(item)}`);
  return `{${members.join(',')}}`;
}
