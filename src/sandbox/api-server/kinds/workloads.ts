/** How Deployments, ReplicaSets and Pods behave besides being stored. */

import type { Cause } from '../faults.ts';
import {
  equalJson,
  isArray,
  isObject,
  valueAt,
  withKeys,
  type JsonObject,
  textOf,
} from '../json.ts';
import { labelCauses } from '../metadata.ts';
import type { KubeObject } from '../object.ts';
import type { Behaviour } from '../resource-type.ts';
import { invalidValue, required, unsupportedValue } from '../schema/field-errors.ts';

type SpecChange = (spec: JsonObject) => JsonObject;

function withSpec(object: KubeObject, change: SpecChange): KubeObject {
  const spec = object['spec'];
  if (!isObject(spec)) return object;
  const next = change(spec);
  return next === spec ? object : withKeys(object, { spec: next });
}

function withTemplateDefaults(spec: JsonObject): JsonObject {
  const { template } = spec;
  const podSpec = isObject(template) ? template['spec'] : undefined;
  if (!isObject(template) || !isObject(podSpec)) return spec;
  const next = withPodDefaults(podSpec);
  return next === podSpec ? spec : withKeys(spec, { template: withKeys(template, { spec: next }) });
}

/** Defaults that depend on other fields; the plain ones are in the schema. */
function withPodDefaults(spec: JsonObject): JsonObject {
  const changes: Record<string, unknown> = {};
  for (const key of ['containers', 'initContainers']) {
    const { [key]: list } = spec;
    if (!isArray(list)) continue;
    const next = list.map((container) =>
      isObject(container) ? withPullPolicy(container) : container,
    );
    if (next.some((container, index) => container !== list[index])) changes[key] = next;
  }
  const account = spec['serviceAccountName'] ?? spec['serviceAccount'];
  if (account !== undefined && spec['serviceAccountName'] !== spec['serviceAccount'])
    Object.assign(changes, { serviceAccountName: account, serviceAccount: account });
  return Object.keys(changes).length === 0 ? spec : withKeys(spec, changes);
}

function withPullPolicy(container: JsonObject): JsonObject {
  if (container['imagePullPolicy'] !== undefined) return container;
  const image = textOf(container['image']);
  const tag = /:([^/:@]+)$/.exec(image)?.[1];
  const isMoving = !image.includes('@') && (tag === undefined || tag === 'latest');
  return withKeys(container, { imagePullPolicy: isMoving ? 'Always' : 'IfNotPresent' });
}

function withStrategy(spec: JsonObject): JsonObject {
  const strategy = isObject(spec['strategy']) ? spec['strategy'] : {};
  const type = strategy['type'] ?? 'RollingUpdate';
  if (type !== 'RollingUpdate')
    return strategy['type'] === type ? spec : withKeys(spec, { strategy: { ...strategy, type } });
  const bounds = isObject(strategy['rollingUpdate']) ? strategy['rollingUpdate'] : {};
  if (
    bounds['maxSurge'] !== undefined &&
    bounds['maxUnavailable'] !== undefined &&
    strategy['type']
  )
    return spec;
  const rollingUpdate = { maxUnavailable: '25%', maxSurge: '25%', ...bounds };
  return withKeys(spec, { strategy: { ...strategy, type, rollingUpdate } });
}

/** Their status is a structure, not a pointer to one: empty it is there. */
const withStatus = (object: KubeObject, empty: JsonObject) =>
  object['status'] === undefined ? withKeys(object, { status: empty }) : object;

const deploymentDefaults = (object: KubeObject) =>
  withSpec(object, (spec) => withStrategy(withTemplateDefaults(spec)));

const replicaSetDefaults = (object: KubeObject) => withSpec(object, withTemplateDefaults);

export const deploymentBehaviour: Behaviour = {
  generation: 'specOrAnnotations',
  unconditionalUpdate: true,
  prepareCreate: (object) => withStatus(deploymentDefaults(object), {}),
  prepareUpdate: deploymentDefaults,
  validate: (object, previous) => [...workloadCauses(object, previous), ...strategyCauses(object)],
};

export const replicaSetBehaviour: Behaviour = {
  generation: 'spec',
  unconditionalUpdate: true,
  prepareCreate: (object) => withStatus(replicaSetDefaults(object), { replicas: 0 }),
  prepareUpdate: replicaSetDefaults,
  validate: workloadCauses,
};

function workloadCauses(object: KubeObject, previous: KubeObject | undefined): readonly Cause[] {
  const causes: Cause[] = [];
  const replicas = valueAt(object, ['spec', 'replicas']);
  if (typeof replicas === 'number' && replicas < 0)
    causes.push(invalidValue('spec.replicas', replicas, 'must be greater than or equal to 0'));
  if (object['spec'] === previous?.['spec']) return causes;
  causes.push(...selectorCauses(object, previous), ...templateCauses(object));
  return causes;
}

function selectorCauses(object: KubeObject, previous: KubeObject | undefined): readonly Cause[] {
  const selector = valueAt(object, ['spec', 'selector']);
  const old = valueAt(previous, ['spec', 'selector']);
  if (previous !== undefined && !equalJson(selector, old))
    return [invalidValue('spec.selector', selector, 'field is immutable')];
  const matchLabels = valueAt(selector, ['matchLabels']);
  const expressions = valueAt(selector, ['matchExpressions']);
  const isEmpty = !isObject(matchLabels) && !isArray(expressions);
  if (isEmpty)
    return [
      invalidValue('spec.selector', selector ?? {}, 'empty selector is invalid for deployment'),
    ];
  const labels = valueAt(object, ['spec', 'template', 'metadata', 'labels']);
  const given: JsonObject = isObject(labels) ? labels : {};
  const wanted: JsonObject = isObject(matchLabels) ? matchLabels : {};
  const matches =
    Object.entries(wanted).every(([key, value]) => given[key] === value) &&
    (isArray(expressions) ? expressions : []).every((one) => holds(one, given));
  if (matches) return [];
  const detail = '`selector` does not match template `labels`';
  return [invalidValue('spec.template.metadata.labels', given, detail)];
}

function holds(expression: unknown, labels: JsonObject): boolean {
  if (!isObject(expression)) return false;
  const { key, operator, values } = expression;
  const value = labels[String(key)];
  const isListed = isArray(values) && values.includes(value);
  if (operator === 'In') return isListed;
  if (operator === 'NotIn') return !isListed;
  return (operator === 'Exists') === (value !== undefined);
}

function templateCauses(object: KubeObject): readonly Cause[] {
  const labels = valueAt(object, ['spec', 'template', 'metadata', 'labels']);
  const causes: Cause[] = [];
  if (isObject(labels)) causes.push(...labelCauses('spec.template.metadata.labels', labels));
  const podSpec = valueAt(object, ['spec', 'template', 'spec']);
  if (!isObject(podSpec)) return causes;
  causes.push(...podCauses(podSpec, 'spec.template.spec'));
  const policy = podSpec['restartPolicy'];
  if (policy !== 'Always')
    causes.push(unsupportedValue('spec.template.spec.restartPolicy', policy, ['Always']));
  return causes;
}

function podCauses(spec: JsonObject, field: string): readonly Cause[] {
  const { containers } = spec;
  if (!isArray(containers) || containers.length === 0) return [required(`${field}.containers`)];
  const causes: Cause[] = [];
  const seen = new Set<unknown>();
  for (const [index, container] of containers.entries()) {
    if (!isObject(container)) continue;
    const at = `${field}.containers[${index}]`;
    const { name, image } = container;
    if (seen.has(name))
      causes.push({
        reason: 'FieldValueDuplicate',
        message: `Duplicate value: ${JSON.stringify(name)}`,
        field: `${at}.name`,
      });
    seen.add(name);
    if (image === undefined || image === '') causes.push(required(`${at}.image`));
  }
  return causes;
}

function strategyCauses(object: KubeObject): readonly Cause[] {
  const strategy = valueAt(object, ['spec', 'strategy']);
  const type = valueAt(strategy, ['type']);
  if (type !== 'Recreate' && type !== 'RollingUpdate')
    return [
      unsupportedValue('spec.strategy', { Type: type, RollingUpdate: null }, [
        'Recreate',
        'RollingUpdate',
      ]),
    ];
  if (type === 'Recreate' && valueAt(strategy, ['rollingUpdate']) !== undefined)
    return [
      {
        reason: 'FieldValueForbidden',
        message: "Forbidden: may not be specified when strategy `type` is 'Recreate'",
        field: 'spec.strategy.rollingUpdate',
      },
    ];
  return [];
}

/** A pod that runs on a node is given time; one that does not is gone at once. */
function podGrace(pod: KubeObject, asked: number | undefined): number {
  const node = valueAt(pod, ['spec', 'nodeName']);
  const phase = valueAt(pod, ['status', 'phase']);
  if (typeof node !== 'string' || node === '') return 0;
  if (phase === 'Succeeded' || phase === 'Failed') return 0;
  const own = valueAt(pod, ['spec', 'terminationGracePeriodSeconds']);
  return asked ?? (typeof own === 'number' ? own : 30);
}

export const podBehaviour: Behaviour = {
  generation: 'spec',
  unconditionalUpdate: true,
  returnsDeleted: true,
  graceSeconds: podGrace,
  prepareCreate: (object) => {
    const defaulted = withSpec(object, (spec) =>
      withKeys(withPodDefaults(spec), {
        enableServiceLinks: spec['enableServiceLinks'] ?? true,
        preemptionPolicy: spec['preemptionPolicy'] ?? 'PreemptLowerPriority',
        priority: spec['priority'] ?? 0,
      }),
    );
    return withKeys(defaulted, {
      status: { phase: 'Pending', qosClass: 'BestEffort' },
    });
  },
  validate: (object, previous) => {
    const spec = object['spec'];
    if (!isObject(spec) || spec === previous?.['spec']) return [];
    return [...podCauses(spec, 'spec'), ...podImmutability(spec, previous)];
  },
};

const MUTABLE_POD_FIELDS = ['activeDeadlineSeconds', 'tolerations', 'nodeName', 'schedulingGates'];

function podImmutability(spec: JsonObject, previous: KubeObject | undefined): readonly Cause[] {
  const old = previous?.['spec'];
  if (!isObject(old)) return [];
  if (equalJson(fixedPart(spec), fixedPart(old))) return [];
  return [
    {
      reason: 'FieldValueForbidden',
      message:
        'Forbidden: pod updates may not change fields other than `spec.containers[*].image`,`spec.initContainers[*].image`,`spec.activeDeadlineSeconds`,`spec.tolerations` (only additions to existing tolerations),`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was previously negative)',
      field: 'spec',
    },
  ];
}

/** What of a pod's spec cannot change. */
function fixedPart(spec: JsonObject): JsonObject {
  return withKeys(spec, {
    ...Object.fromEntries(MUTABLE_POD_FIELDS.map((key) => [key, undefined])),
    containers: imagesAside(spec['containers']),
    initContainers: imagesAside(spec['initContainers']),
  });
}

function imagesAside(containers: unknown): unknown {
  if (!isArray(containers)) return containers;
  return containers.map((item) => (isObject(item) ? withKeys(item, { image: '' }) : item));
}
