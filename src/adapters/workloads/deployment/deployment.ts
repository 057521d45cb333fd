/**
 * Deployments: the primary is a copy of the target under another selector label.
 *
 * The copy can be undone: `templateOf` gives back the very template a primary was made from, and that is how we
 * know which revision it holds. The note of that revision on the primary, and its owners, are the caller's.
 */

import { isFluxKey, isMark, kubectlLastApplied } from '../../../api/marks.ts';
import { asDeployment } from '../../../api/narrow.ts';
import type { Deployment, KubernetesObject, PodTemplate } from '../../../api/object.ts';
import type {
  CopyOptions,
  DiscoveredPort,
  SelectorLabel,
  WorkloadKind,
} from '../../../ports/workload.ts';
import { primaryName, targetName, toPrimary, toTarget, type Naming } from './primary-template.ts';
import { danger, isRecreate, safeStrategy } from './strategy.ts';

export const deployment: WorkloadKind = {
  apiVersion: 'apps/v1',
  kind: 'Deployment',

  view(object, hash) {
    const { metadata, spec, status = {} } = asDeployment(object);
    return {
      name: metadata.name,
      uid: metadata.uid ?? '',
      generation: metadata.generation ?? 0,
      observedGeneration: status.observedGeneration ?? 0,
      revision: hash(spec.template),
      replicas: spec.replicas ?? 1,
      status: {
        replicas: status.replicas ?? 0,
        updated: status.updatedReplicas ?? 0,
        available: status.availableReplicas ?? 0,
      },
      paused: spec.paused ?? false,
      progressDeadlineExceeded: (status.conditions ?? []).some(
        ({ type, reason }) => type === 'Progressing' && reason === 'ProgressDeadlineExceeded',
      ),
      deleting: metadata.deletionTimestamp !== undefined,
      annotations: metadata.annotations ?? {},
    };
  },

  selectorLabel(object, selectorLabels) {
    const { matchLabels = {} } = asDeployment(object).spec.selector;
    return selectorLabels.flatMap((key): SelectorLabel[] => {
      const value = matchLabels[key];
      return value === undefined ? [] : [{ key, value }];
    })[0];
  },

  ports: (object) => portsOf(asDeployment(object)),

  createPrimary(target, label, options) {
    const { metadata, spec } = asDeployment(target);
    const replicas = Math.max(1, spec.replicas ?? 1);
    return {
      apiVersion: 'apps/v1',
      kind: 'Deployment',
      metadata: {
        name: primaryName(metadata.name),
        namespace: metadata.namespace,
        labels: { ...included(metadata.labels, options), ...labelOfPrimary(label) },
        ...annotationsOfNew(metadata.annotations),
      },
      spec: {
        replicas,
        selector: { matchLabels: labelOfPrimary(label) },
        ...copiedSpec(asDeployment(target), namingOf(metadata.name, label, options)),
        ...(danger(spec.strategy, replicas) === undefined ? {} : { strategy: safeStrategy }),
      },
    };
  },

  promote(primary, target, label, options) {
    const [live, wanted] = [asDeployment(primary), asDeployment(target)];
    const former = live.spec.replicas ?? 1;
    const replicas = Math.max(former, wanted.spec.replicas ?? 1);
    const { strategy } = wanted.spec;
    // The old pods leave while the new number may not be reached yet, so that both numbers have to be safe.
    const why = danger(strategy, former) ?? danger(strategy, replicas);
    const naming = namingOf(wanted.metadata.name, label, options);
    return {
      object: {
        ...live,
        metadata: promotedMetadata(live, wanted, label, options),
        spec: {
          ...withoutCopied(live.spec),
          replicas,
          ...copiedSpec(wanted, naming),
          ...(why === undefined ? {} : { strategy: safeStrategy }),
        },
      },
      safer: why && `${why}: ${live.metadata.name} is updated with 25 %/25 % instead`,
    };
  },

  templateOf(object, label, side, options) {
    const { metadata, spec } = asDeployment(object);
    if (side === 'target') return spec.template;
    return remembered(spec.template, namingOf(targetName(metadata.name), label, options));
  },

  unsafe(target) {
    const { metadata, spec } = asDeployment(target);
    if (!isRecreate(spec.strategy)) return undefined;
    return `Deployment ${metadata.name} has strategy Recreate, which would stop every pod at once: use RollingUpdate`;
  },
};

/** What a promotion copies as it is; what the target does not set is not set on the primary either. */
const copiedFields = [
  'progressDeadlineSeconds',
  'minReadySeconds',
  'revisionHistoryLimit',
  'strategy',
] as const;

function copiedSpec({ spec }: Deployment, naming: Naming) {
  const fields = copiedFields.flatMap((field) =>
    spec[field] === undefined ? [] : [[field, spec[field]] as const],
  );
  return { ...Object.fromEntries(fields), template: toPrimary(spec.template, naming) };
}

function withoutCopied(spec: Deployment['spec']) {
  const copied = new Set<string>(copiedFields);
  return Object.fromEntries(Object.entries(spec).filter(([field]) => !copied.has(field)));
}

/** Of the labels and annotations, those of the included prefixes follow the target; the others stay. */
function promotedMetadata(
  { metadata }: Deployment,
  target: Deployment,
  label: SelectorLabel,
  options: CopyOptions,
): KubernetesObject['metadata'] {
  const { labels: _labels, annotations: _annotations, ...rest } = metadata;
  const annotations = follow(metadata.annotations, target.metadata.annotations, options);
  return {
    ...rest,
    labels: {
      ...follow(metadata.labels, target.metadata.labels, options),
      ...labelOfPrimary(label),
    },
    ...(Object.keys(annotations).length > 0 ? { annotations } : {}),
  };
}

type StringMap = Readonly<Record<string, string>> | undefined;

function follow(current: StringMap, wanted: StringMap, options: CopyOptions) {
  const others = Object.entries(current ?? {}).filter(([key]) => !isIncluded(key, options));
  return { ...Object.fromEntries(others), ...included(wanted, options) };
}

function included(map: StringMap, options: CopyOptions): Record<string, string> {
  return Object.fromEntries(Object.entries(map ?? {}).filter(([key]) => isIncluded(key, options)));
}

function isIncluded(key: string, { includeLabelPrefixes }: CopyOptions): boolean {
  if (!mayTravel(key)) return false;
  return includeLabelPrefixes.some((prefix) => prefix === '*' || key.startsWith(prefix));
}

function annotationsOfNew(annotations: StringMap) {
  const kept = Object.entries(annotations ?? {}).filter(([key]) => mayTravel(key));
  return kept.length > 0 ? { annotations: Object.fromEntries(kept) } : {};
}

/** Notes that controllers and kubectl keep about one object are wrong on its copy. */
function mayTravel(key: string): boolean {
  const noted = isMark(key) || key === kubectlLastApplied;
  return !noted && !isFluxKey(key) && !key.startsWith('deployment.kubernetes.io/');
}

function labelOfPrimary({ key, value }: SelectorLabel): Record<string, string> {
  return { [key]: primaryName(value) };
}

function namingOf(target: string, label: SelectorLabel, options: CopyOptions): Naming {
  return { target, label, selectorLabels: options.selectorLabels };
}

/** Sidecars of a mesh answer on ports that are none of the application's. */
const sidecars = ['istio-proxy', 'envoy'];

function portsOf({ spec }: Deployment): readonly DiscoveredPort[] {
  const { containers = [] } = spec.template.spec ?? {};
  return containers
    .filter(({ name }) => !sidecars.includes(name))
    .flatMap((container) =>
      (container.ports ?? [])
        .map((port, index) => ({ ...port, name: port.name ?? `tcp-${container.name}-${index}` }))
        .filter(({ protocol = 'TCP' }) => protocol === 'TCP')
        .map(({ name, containerPort }) => ({ name, port: containerPort })),
    );
}

const renamed = new WeakMap<PodTemplate, Map<string, PodTemplate>>();

/** The same object for the same template, so that its hash is computed once and not in every pass. */
function remembered(template: PodTemplate, naming: Naming): PodTemplate {
  const { target, label, selectorLabels } = naming;
  const key = JSON.stringify([target, label.key, label.value, selectorLabels]);
  const known = renamed.get(template) ?? new Map<string, PodTemplate>();
  renamed.set(template, known);
  const original = known.get(key) ?? toTarget(template, naming);
  known.set(key, original);
  return original;
}
