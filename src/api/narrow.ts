/**
 * From any object to one of a known kind.
 */

import { DefectError } from '../errors.ts';
import type { Deployment, KubernetesObject, Service } from './object.ts';

/** The object as core Service. Throws `DefectError` for another kind: a caller mixed something up. */
export function asService(object: KubernetesObject): Service {
  if (isService(object)) return object;
  throw mixedUp(object, 'Service');
}

/** The object as Deployment. Throws `DefectError` for another kind: a caller mixed something up. */
export function asDeployment(object: KubernetesObject): Deployment {
  if (isDeployment(object)) return object;
  throw mixedUp(object, 'Deployment');
}

/** Whether a value is an object with members, lists included. */
export function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null;
}

/** One member of a value that may be anything; `undefined` where there is none. */
export function member(value: unknown, key: string): unknown {
  return isObject(value) && Object.hasOwn(value, key) ? Reflect.get(value, key) : undefined;
}

// The API server has checked the shape against the kind's own schema.
function isService(object: KubernetesObject): object is Service {
  const { apiVersion, kind, spec } = object;
  return apiVersion === 'v1' && kind === 'Service' && isObject(spec);
}

function isDeployment(object: KubernetesObject): object is Deployment {
  const { apiVersion, kind, spec } = object;
  return apiVersion === 'apps/v1' && kind === 'Deployment' && isObject(spec);
}

function mixedUp({ kind, metadata }: KubernetesObject, wanted: string): DefectError {
  return new DefectError(`${kind} ${metadata.name} was taken for a ${wanted}`, {
    reason: 'InternalError',
  });
}
