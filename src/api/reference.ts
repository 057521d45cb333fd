/**
 * How one object names another.
 */

import * as z from 'zod';

import { objectName, oneOf, text } from './schema.ts';

/** A workload or route of one of `kinds`, in the Canary's namespace. */
export function typedReference<const K extends readonly string[]>(what: string, kinds: K) {
  return z.object({
    apiVersion: text(`API version of the ${what}.`, 253),
    kind: oneOf(`Kind of the ${what}.`, kinds),
    name: objectName(`Name of the ${what}, in the namespace of the Canary.`),
  });
}

/** An object that may stand in another namespace. */
export function namespacedReference(what: string) {
  return z.object({
    name: objectName(`Name of the ${what}.`),
    namespace: objectName(
      `Namespace of the ${what}. The namespace of the Canary when not set.`,
    ).optional(),
  });
}

/** A Secret next to the object that names it. */
export function secretReference(description: string) {
  return z
    .object({ name: objectName('Name of the Secret, in the same namespace as this object.') })
    .meta({ description });
}
