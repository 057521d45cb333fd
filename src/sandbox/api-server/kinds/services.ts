/** How Services behave: addresses are given once and kept. */

import type { Cause } from '../faults.ts';
import { isArray, isObject, withKeys, type JsonObject } from '../json.ts';
import type { KubeObject } from '../object.ts';
import type { Behaviour } from '../resource-type.ts';
import { invalidValue, required } from '../schema/field-errors.ts';

/** Addresses out of 10.96.0.0/16, one after another. */
export function serviceBehaviour(nextAddress: () => string): Behaviour {
  return {
    unconditionalUpdate: true,
    createOnPut: true,
    returnsDeleted: true,
    names: 'dotless',
    prepareCreate: (object) =>
      withKeys(
        withSpec(object, (spec) => complete(spec, undefined, nextAddress)),
        {
          status: { loadBalancer: {} },
        },
      ),
    prepareUpdate: (object, previous) => {
      const old = previous['spec'];
      return withSpec(object, (spec) => complete(spec, isObject(old) ? old : {}, nextAddress));
    },
    validate: serviceCauses,
  };
}

function withSpec(object: KubeObject, change: (spec: JsonObject) => JsonObject): KubeObject {
  const spec = isObject(object['spec']) ? object['spec'] : {};
  const next = change(spec);
  return next === spec ? object : withKeys(object, { spec: next });
}

function complete(
  spec: JsonObject,
  old: JsonObject | undefined,
  nextAddress: () => string,
): JsonObject {
  const changes: Record<string, unknown> = {};
  const ports = completePorts(spec['ports']);
  if (ports !== spec['ports']) changes['ports'] = ports;
  if (spec['type'] !== 'ExternalName') Object.assign(changes, addresses(spec, old, nextAddress));
  if (spec['type'] === 'NodePort' || spec['type'] === 'LoadBalancer')
    changes['externalTrafficPolicy'] = spec['externalTrafficPolicy'] ?? 'Cluster';
  const isChanged = Object.keys(changes).some((key) => changes[key] !== spec[key]);
  return isChanged ? withKeys(spec, changes) : spec;
}

function completePorts(ports: unknown): unknown {
  if (!isArray(ports)) return ports;
  let changed = false;
  const next = ports.map((port) => {
    if (!isObject(port) || port['targetPort'] !== undefined) return port;
    changed = true;
    return withKeys(port, { targetPort: port['port'] });
  });
  return changed ? next : ports;
}

/** Addresses that an update leaves out are kept. */
function addresses(
  spec: JsonObject,
  old: JsonObject | undefined,
  nextAddress: () => string,
): JsonObject {
  const kept = old?.['type'] === 'ExternalName' ? undefined : old?.['clusterIP'];
  const given = spec['clusterIP'];
  const clusterIP = given === undefined || given === '' ? (kept ?? nextAddress()) : given;
  // Without an address and without pods it says nothing about families.
  const isFree = clusterIP === 'None' && spec['selector'] === undefined;
  return {
    clusterIP,
    clusterIPs: spec['clusterIPs'] ??
      (kept === clusterIP ? old?.['clusterIPs'] : undefined) ?? [clusterIP],
    ipFamilies: spec['ipFamilies'] ?? old?.['ipFamilies'] ?? (isFree ? ['IPv4', 'IPv6'] : ['IPv4']),
    ipFamilyPolicy:
      spec['ipFamilyPolicy'] ??
      old?.['ipFamilyPolicy'] ??
      (isFree ? 'RequireDualStack' : 'SingleStack'),
    internalTrafficPolicy:
      spec['internalTrafficPolicy'] ?? old?.['internalTrafficPolicy'] ?? 'Cluster',
  };
}

function serviceCauses(object: KubeObject, previous: KubeObject | undefined): readonly Cause[] {
  const spec = isObject(object['spec']) ? object['spec'] : {};
  if (spec === previous?.['spec']) return [];
  return [...portCauses(spec), ...addressCauses(spec, previous)];
}

function portCauses(spec: JsonObject): readonly Cause[] {
  const { ports, type, clusterIP } = spec;
  if (!isArray(ports) || ports.length === 0)
    return type === 'ExternalName' || clusterIP === 'None' ? [] : [required('spec.ports')];
  const causes: Cause[] = [];
  const names = new Set<unknown>();
  const numbers = new Set<string>();
  for (const [index, port] of ports.entries()) {
    if (!isObject(port)) continue;
    const at = `spec.ports[${index}]`;
    const { name, port: number, protocol } = port;
    if (ports.length > 1 && name === undefined) causes.push(required(`${at}.name`));
    if (name !== undefined && names.has(name))
      causes.push({
        reason: 'FieldValueDuplicate',
        message: `Duplicate value: ${JSON.stringify(name)}`,
        field: `${at}.name`,
      });
    names.add(name);
    for (const key of ['port', 'targetPort']) {
      const value = port[key];
      if (typeof value === 'number' && (value < 1 || value > 65535))
        causes.push(invalidValue(`${at}.${key}`, value, 'must be between 1 and 65535, inclusive'));
    }
    const pair = `${String(protocol)}/${String(number)}`;
    if (numbers.has(pair))
      causes.push({
        reason: 'FieldValueDuplicate',
        message: `Duplicate value: ${JSON.stringify({ port: number, protocol })}`,
        field: at,
      });
    numbers.add(pair);
  }
  return causes;
}

function addressCauses(spec: JsonObject, previous: KubeObject | undefined): readonly Cause[] {
  const old = previous?.['spec'];
  if (!isObject(old) || old['type'] === 'ExternalName' || spec['type'] === 'ExternalName')
    return [];
  const before = old['clusterIP'];
  if (before === undefined || before === spec['clusterIP']) return [];
  return [invalidValue('spec.clusterIPs[0]', [spec['clusterIP']], 'may not change once set')];
}
