/** The columns `kubectl get` shows for built-in kinds. */

import { isArray, isObject, valueAt, textOf } from '../json.ts';
import type { KubeObject } from '../object.ts';
import type { Column } from '../resource-type.ts';
import { ageOf } from '../durations.ts';

export const NAME: Column = {
  name: 'Name',
  type: 'string',
  format: 'name',
  description: 'Name of the object.',
  cell: ({ metadata }) => metadata.name,
};

export const AGE: Column = {
  name: 'Age',
  type: 'string',
  description: 'Time since it was created.',
  cell: ({ metadata }, now) => ageOf(metadata.creationTimestamp, now),
};

function number(path: string): (object: KubeObject) => number {
  const keys = path.split('.');
  return (object) => {
    const value = valueAt(object, keys);
    return typeof value === 'number' ? value : 0;
  };
}

function words(path: string, absent = '<none>'): (object: KubeObject) => string {
  const keys = path.split('.');
  return (object) => {
    const value = valueAt(object, keys);
    return typeof value === 'string' && value !== '' ? value : absent;
  };
}

function column(name: string, cell: Column['cell'], priority = 0, type = 'string'): Column {
  return { name, type, cell, priority };
}

function countOf(path: string): (object: KubeObject) => number {
  return (object) => {
    const value = valueAt(object, path.split('.'));
    return isObject(value) ? Object.keys(value).length : 0;
  };
}

function containersOf(object: KubeObject): readonly unknown[] {
  const list =
    valueAt(object, ['spec', 'template', 'spec', 'containers']) ??
    valueAt(object, ['spec', 'containers']);
  return isArray(list) ? list : [];
}

const containerColumns: readonly Column[] = [
  column(
    'Containers',
    (object) =>
      containersOf(object)
        .map((one) => String(valueAt(one, ['name'])))
        .join(','),
    1,
  ),
  column(
    'Images',
    (object) =>
      containersOf(object)
        .map((one) => String(valueAt(one, ['image'])))
        .join(','),
    1,
  ),
  column('Selector', (object) => pairs(valueAt(object, ['spec', 'selector', 'matchLabels'])), 1),
];

function pairs(labels: unknown): string {
  if (!isObject(labels)) return '<none>';
  return Object.entries(labels)
    .map(([key, value]) => `${key}=${String(value)}`)
    .sort()
    .join(',');
}

function restarts(pod: KubeObject): number {
  const statuses = valueAt(pod, ['status', 'containerStatuses']);
  if (!isArray(statuses)) return 0;
  return statuses.reduce<number>(
    (sum, one) => sum + Number(valueAt(one, ['restartCount']) ?? 0),
    0,
  );
}

function podReady(pod: KubeObject): string {
  const statuses = valueAt(pod, ['status', 'containerStatuses']);
  const ready = isArray(statuses) ? statuses.filter((one) => valueAt(one, ['ready']) === true) : [];
  return `${ready.length}/${containersOf(pod).length}`;
}

function podStatus(pod: KubeObject): string {
  if (pod.metadata.deletionTimestamp !== undefined) return 'Terminating';
  const statuses = valueAt(pod, ['status', 'containerStatuses']);
  const waiting = isArray(statuses)
    ? statuses
        .map((one) => valueAt(one, ['state', 'waiting', 'reason']))
        .find((reason) => reason !== undefined)
    : undefined;
  return textOf(
    waiting ?? valueAt(pod, ['status', 'reason']) ?? valueAt(pod, ['status', 'phase']) ?? 'Unknown',
  );
}

function servicePorts(service: KubeObject): string {
  const ports = valueAt(service, ['spec', 'ports']);
  if (!isArray(ports) || ports.length === 0) return '<none>';
  return ports
    .map((port) => {
      const node = valueAt(port, ['nodePort']);
      const shown = node === undefined ? '' : `:${textOf(node)}`;
      return `${String(valueAt(port, ['port']))}${shown}/${String(valueAt(port, ['protocol']))}`;
    })
    .join(',');
}

function endpoints(slice: KubeObject): string {
  const list = slice['endpoints'];
  const all = isArray(list) ? list.flatMap((one) => valueAt(one, ['addresses']) ?? []) : [];
  if (all.length === 0) return '<unset>';
  const more = all.length > 3 ? ` + ${all.length - 3} more...` : '';
  return all.slice(0, 3).map(String).join(',') + more;
}

function slicePorts(slice: KubeObject): string {
  const ports = slice['ports'];
  if (!isArray(ports) || ports.length === 0) return '<unset>';
  return ports.map((port) => textOf(valueAt(port, ['port']), '*')).join(',');
}

function eventObject(event: KubeObject): string {
  const kind = textOf(valueAt(event, ['involvedObject', 'kind'])).toLowerCase();
  return `${kind}/${textOf(valueAt(event, ['involvedObject', 'name']))}`;
}

function eventAge(event: KubeObject, now: number): string {
  const when = event['lastTimestamp'] ?? event['eventTime'] ?? event.metadata.creationTimestamp;
  return ageOf(typeof when === 'string' ? when : undefined, now);
}

const COLUMNS: Readonly<Record<string, readonly Column[]>> = {
  Namespace: [NAME, column('Status', words('status.phase')), AGE],
  ConfigMap: [
    NAME,
    column('Data', (object) => countOf('data')(object) + countOf('binaryData')(object)),
    AGE,
  ],
  Secret: [NAME, column('Type', words('type')), column('Data', countOf('data')), AGE],
  Event: [
    column('Last Seen', eventAge),
    column('Type', words('type', '')),
    column('Reason', words('reason', '')),
    column('Object', eventObject),
    column('Subobject', words('involvedObject.fieldPath', ''), 1),
    column('Source', words('source.component', ''), 1),
    column('Message', words('message', '')),
    column('First Seen', (event, now) => ageOf(text(event['firstTimestamp']), now), 1),
    column('Count', (event) => Number(event['count'] ?? 1), 1),
    { ...NAME, priority: 1 },
  ],
  Pod: [
    NAME,
    column('Ready', podReady),
    column('Status', podStatus),
    column('Restarts', (pod) => String(restarts(pod))),
    AGE,
    column('IP', words('status.podIP'), 1),
    column('Node', words('spec.nodeName'), 1),
    column('Nominated Node', words('status.nominatedNodeName'), 1),
    column('Readiness Gates', () => '<none>', 1),
  ],
  Deployment: [
    NAME,
    column(
      'Ready',
      (object) => `${number('status.readyReplicas')(object)}/${number('spec.replicas')(object)}`,
    ),
    column('Up-to-date', number('status.updatedReplicas')),
    column('Available', number('status.availableReplicas')),
    AGE,
    ...containerColumns,
  ],
  ReplicaSet: [
    NAME,
    column('Desired', number('spec.replicas'), 0, 'integer'),
    column('Current', number('status.replicas'), 0, 'integer'),
    column('Ready', number('status.readyReplicas'), 0, 'integer'),
    AGE,
    ...containerColumns,
  ],
  Service: [
    NAME,
    column('Type', words('spec.type')),
    column('Cluster-IP', words('spec.clusterIP')),
    column('External-IP', words('spec.externalName')),
    column('Port(s)', servicePorts),
    AGE,
    column('Selector', (object) => pairs(valueAt(object, ['spec', 'selector'])), 1),
  ],
  EndpointSlice: [
    NAME,
    column('AddressType', words('addressType')),
    column('Ports', slicePorts),
    column('Endpoints', endpoints),
    AGE,
  ],
  Lease: [NAME, column('Holder', words('spec.holderIdentity', '')), AGE],
  CustomResourceDefinition: [
    NAME,
    column('Created At', ({ metadata }) => metadata.creationTimestamp, 0, 'date'),
  ],
};

function text(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined;
}

export function columnsOf(kind: string): readonly Column[] {
  return COLUMNS[kind] ?? [NAME, AGE];
}
