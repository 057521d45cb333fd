/**
 * A target's pod template under the primary's names, and back.
 *
 * What tells the two apart is one pod label. Anti-affinity and spread rules that speak of it are turned around by
 * exchanging the two names: "away from my own kind" and "away from the other side" keep their meaning, and the
 * exchange undoes itself, so that nothing of the original is lost.
 */

import { flaggerId, isFluxKey } from '../../../api/marks.ts';
import type { LabelSelector, PodTemplate } from '../../../api/object.ts';
import { isObject } from '../../../api/narrow.ts';
import type { CopyOptions, SelectorLabel } from '../../../ports/workload.ts';

const suffix = '-primary';

/** Which names are exchanged: those of the target, as labels of its pods. */
export interface Naming {
  /** Name of the target workload. */
  readonly target: string;
  readonly label: SelectorLabel;
  readonly selectorLabels: CopyOptions['selectorLabels'];
}

/** `cart` is `cart-primary`. */
export function primaryName(name: string): string {
  return `${name}${suffix}`;
}

/** The target's name, from that of its primary. */
export function targetName(primary: string): string {
  return primary.endsWith(suffix) ? primary.slice(0, -suffix.length) : primary;
}

/** The template of the primary: the target's, whole, under the primary's names and without Flux's annotations. */
export function toPrimary(template: PodTemplate, naming: Naming): PodTemplate {
  const { key, value } = naming.label;
  const { labels, annotations = {}, ...metadata } = template.metadata ?? {};
  const kept = Object.entries(annotations).filter(
    ([name]) => !isFluxKey(name) && name !== flaggerId,
  );
  return {
    ...template,
    metadata: {
      ...metadata,
      labels: { ...labels, [key]: primaryName(value) },
      ...(kept.length > 0 ? { annotations: Object.fromEntries(kept) } : {}),
    },
    spec: withExchangedNames(template.spec, naming),
  };
}

/** The template that a primary's was made from. */
export function toTarget(template: PodTemplate, naming: Naming): PodTemplate {
  const { key, value } = naming.label;
  const { labels = {}, ...metadata } = template.metadata ?? {};
  // Any other value is somebody's edit, and has to count as a difference.
  const restored = labels[key] === primaryName(value) ? { ...labels, [key]: value } : labels;
  return {
    ...template,
    metadata: { ...metadata, labels: restored },
    spec: withExchangedNames(template.spec, naming),
  };
}

type PodSpec = PodTemplate['spec'];

function withExchangedNames(spec: PodSpec, naming: Naming): PodSpec {
  if (spec === undefined) return undefined;
  const { affinity, topologySpreadConstraints } = spec;
  return {
    ...spec,
    ...(isObject(affinity) ? { affinity: turnedAffinity(affinity, naming) } : {}),
    ...(Array.isArray(topologySpreadConstraints)
      ? { topologySpreadConstraints: topologySpreadConstraints.map((rule) => turned(rule, naming)) }
      : {}),
  };
}

interface AntiAffinity {
  readonly requiredDuringSchedulingIgnoredDuringExecution?: readonly Term[];
  readonly preferredDuringSchedulingIgnoredDuringExecution?: readonly {
    readonly podAffinityTerm?: Term;
  }[];
}

interface Term {
  readonly labelSelector?: LabelSelector;
}

function turnedAffinity(affinity: { readonly podAntiAffinity?: AntiAffinity }, naming: Naming) {
  const { podAntiAffinity } = affinity;
  if (podAntiAffinity === undefined) return affinity;
  const {
    requiredDuringSchedulingIgnoredDuringExecution: required,
    preferredDuringSchedulingIgnoredDuringExecution: preferred,
  } = podAntiAffinity;
  return {
    ...affinity,
    podAntiAffinity: {
      ...podAntiAffinity,
      ...(required === undefined
        ? {}
        : {
            requiredDuringSchedulingIgnoredDuringExecution: required.map((term) =>
              turned(term, naming),
            ),
          }),
      ...(preferred === undefined
        ? {}
        : {
            preferredDuringSchedulingIgnoredDuringExecution: preferred.map((weighted) =>
              weighted.podAffinityTerm === undefined
                ? weighted
                : { ...weighted, podAffinityTerm: turned(weighted.podAffinityTerm, naming) },
            ),
          }),
    },
  };
}

function turned<T extends Term>(term: T, naming: Naming): T {
  if (term.labelSelector === undefined) return term;
  const { matchLabels, matchExpressions, ...rest } = term.labelSelector;
  return {
    ...term,
    labelSelector: {
      ...rest,
      ...(matchLabels === undefined
        ? {}
        : {
            matchLabels: Object.fromEntries(
              Object.entries(matchLabels).map(([key, value]) => [
                key,
                exchanged(key, value, naming),
              ]),
            ),
          }),
      ...(matchExpressions === undefined
        ? {}
        : {
            matchExpressions: matchExpressions.map((expression) =>
              expression.values === undefined
                ? expression
                : {
                    ...expression,
                    values: expression.values.map((value) =>
                      exchanged(expression.key, value, naming),
                    ),
                  },
            ),
          }),
    },
  };
}

function exchanged(key: string, value: string, { target, label, selectorLabels }: Naming): string {
  if (key !== label.key && !selectorLabels.includes(key)) return value;
  const own = key === label.key ? label.value : target;
  if (value === own) return primaryName(own);
  return value === primaryName(own) ? own : value;
}
