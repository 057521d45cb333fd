/** What the server knows of one kind in one served version. */

import type { Cause } from './faults.ts';
import { freezeJson, withKeys, type JsonObject } from './json.ts';
import { asKubeObject, type KubeObject } from './object.ts';
import type { CompiledSchema } from './schema/compiled-schema.ts';
import type { FieldReader } from './selectors.ts';
import type { Collection } from './store.ts';

/** Where `/scale` finds its numbers. */
export interface ScalePaths {
  readonly specReplicas: readonly string[];
  readonly statusReplicas: readonly string[];
  /** A text in the object, or for built-in workloads the label selector itself. */
  readonly selector: readonly string[] | undefined;
}

export interface Column {
  readonly name: string;
  readonly type: string;
  readonly format?: string;
  readonly description?: string;
  /** 0: always shown; above: only with `-o wide`. */
  readonly priority?: number;
  readonly cell: (object: KubeObject, now: number) => string | number | boolean | null;
}

/** What a kind does besides being stored. Every hook gets frozen input and returns what shall be stored. */
export interface Behaviour {
  /** Which change counts as a new generation; absent: the kind has none. */
  readonly generation?: 'spec' | 'specOrAnnotations' | 'allButMetadata' | 'allButMetadataAndStatus';
  /** PUT without a resourceVersion overwrites what is there. */
  readonly unconditionalUpdate?: boolean;
  /** PUT of a name that does not exist creates it. */
  readonly createOnPut?: boolean;
  /** DELETE answers with the object instead of a Status. */
  readonly returnsDeleted?: boolean;
  /** Seconds between the request and the removal; the kubelet (or another agent) removes it in between. */
  readonly graceSeconds?: (object: KubeObject, asked: number | undefined) => number;
  /** Who holds an object from the moment that its deletion is asked for. */
  readonly finalizersOnDelete?: readonly string[];
  /** Shows in the status that it goes; `now` is a timestamp. */
  readonly onDelete?: (object: KubeObject, now: string) => KubeObject;
  readonly prepareCreate?: (object: KubeObject) => KubeObject;
  readonly prepareUpdate?: (object: KubeObject, previous: KubeObject) => KubeObject;
  readonly validate?: (object: KubeObject, previous: KubeObject | undefined) => readonly Cause[];
  /** Names that are not DNS subdomains: those of Namespaces, Services (`dotless`) and Events (`any`). */
  readonly names?: 'subdomain' | 'label' | 'dotless' | 'any';
}

export interface ResourceDefinition {
  readonly group: string;
  readonly version: string;
  readonly plural: string;
  readonly singular: string;
  readonly kind: string;
  readonly listKind: string;
  readonly namespaced: boolean;
  readonly shortNames: readonly string[];
  readonly categories: readonly string[];
  readonly custom: boolean;
  readonly hasStatus: boolean;
  readonly scale: ScalePaths | undefined;
  readonly behaviour: Behaviour;
  readonly columns: readonly Column[];
  readonly fields: Readonly<Record<string, FieldReader>>;
  readonly schema: CompiledSchema;
  /** Why writes and reads are refused, when a CRD cannot be served. */
  readonly unavailable?: string;
  readonly deprecationWarning?: string;
}

/** One served version, bound to the objects of its resource. */
export class ResourceType {
  readonly definition: ResourceDefinition;
  readonly collection: Collection;
  /** `deployments.apps`: one name for all versions. */
  readonly resource: string;
  readonly apiVersion: string;
  readonly storageApiVersion: string;
  readonly #views = new WeakMap<KubeObject, KubeObject>();
  readonly #items = new WeakMap<KubeObject, JsonObject>();

  constructor(definition: ResourceDefinition, collection: Collection, storageVersion: string) {
    this.definition = definition;
    this.collection = collection;
    this.resource = resourceName(definition.plural, definition.group);
    this.apiVersion = apiVersionOf(definition.group, definition.version);
    this.storageApiVersion = apiVersionOf(definition.group, storageVersion);
  }

  /** A stored object in this version: converted by name only, pruned and defaulted by today's schema. */
  view(stored: KubeObject): KubeObject {
    if (!this.definition.custom) return stored;
    const known = this.#views.get(stored);
    if (known !== undefined) return known;
    const converted =
      stored.apiVersion === this.apiVersion
        ? stored
        : withKeys(stored, { apiVersion: this.apiVersion });
    const view = freezeJson(
      asKubeObject(this.definition.schema.normalize(converted, undefined, [])),
    );
    this.#views.set(stored, view);
    return view;
  }

  /** Says that `stored` was written in this version and with this schema, so its view is itself. */
  adopt(stored: KubeObject): void {
    if (this.definition.custom) this.#views.set(stored, stored);
  }

  /** How it stands in a list: Kubernetes leaves type and version out for built-in kinds. */
  item(stored: KubeObject): JsonObject {
    if (this.definition.custom) return this.view(stored);
    let item = this.#items.get(stored);
    if (item === undefined) {
      item = Object.freeze(withKeys(stored, { apiVersion: undefined, kind: undefined }));
      this.#items.set(stored, item);
    }
    return item;
  }
}

export function apiVersionOf(group: string, version: string): string {
  return group === '' ? version : `${group}/${version}`;
}

export function resourceName(plural: string, group: string): string {
  return group === '' ? plural : `${plural}.${group}`;
}
