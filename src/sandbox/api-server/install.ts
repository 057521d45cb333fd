/** Puts a CustomResourceDefinition in place when a server starts, with the work of checking it done once. */

import type { ServerContext } from './context.ts';
import { newUid } from './context.ts';
import { put } from './commit.ts';
import { establish } from './custom-resources.ts';
import { invalid } from './faults.ts';
import { copyReusing, freezeJson, withKeys } from './json.ts';
import { crdBehaviour } from './kinds/crd-kind.ts';
import { asKubeObject, timestamp, type KubeObject } from './object.ts';

const CRDS = 'customresourcedefinitions.apiextensions.k8s.io';

const prepared = new WeakMap<object, KubeObject>();

/** Throws when the definition is not acceptable. */
export function install(context: ServerContext, definition: object): void {
  const type = context.registry.ofResource(CRDS);
  if (type === undefined) return;
  let template = prepared.get(definition);
  if (template === undefined) {
    const copy = type.definition.schema.normalize(
      copyReusing(definition, undefined),
      undefined,
      [],
    );
    const object = asKubeObject(copy);
    template = freezeJson(crdBehaviour.prepareCreate?.(object) ?? object);
    const causes = [
      ...type.definition.schema.validate(template, undefined),
      ...(crdBehaviour.validate?.(template, undefined) ?? []),
    ];
    const subject = { group: 'apiextensions.k8s.io', kind: 'CustomResourceDefinition' };
    if (causes.length > 0) throw invalid({ ...subject, name: template.metadata.name }, causes);
    prepared.set(definition, template);
  }
  const metadata = {
    ...template.metadata,
    uid: newUid(context.random),
    generation: 1,
    creationTimestamp: timestamp(context.now()),
    resourceVersion: '',
  };
  const stored = put(context, type, withKeys(template, { metadata }), undefined);
  establish(context, stored);
}
