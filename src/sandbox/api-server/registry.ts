/** Which kinds are served, by group, version and plural. */

import { resourceName, ResourceType, type ResourceDefinition } from './resource-type.ts';
import type { Store } from './store.ts';

export class Registry {
  readonly #store: Store;
  readonly #types = new Map<string, ResourceType>();
  readonly #byResource = new Map<string, ResourceType>();
  /** Changes whenever what is served changes: discovery and OpenAPI are computed once per value. */
  #generation = 0;

  constructor(store: Store) {
    this.#store = store;
  }

  get generation(): number {
    return this.#generation;
  }

  register(definition: ResourceDefinition, storageVersion: string): ResourceType {
    const { group, version, plural } = definition;
    const collection = this.#store.collection(resourceName(plural, group));
    const type = new ResourceType(definition, collection, storageVersion);
    this.#types.set(keyOf(group, version, plural), type);
    const isStorage = type.apiVersion === type.storageApiVersion;
    if (isStorage || !this.#byResource.has(type.resource))
      this.#byResource.set(type.resource, type);
    this.#generation++;
    return type;
  }

  unregister(resource: string): void {
    for (const [key, type] of this.#types) if (type.resource === resource) this.#types.delete(key);
    this.#byResource.delete(resource);
    this.#generation++;
  }

  find(group: string, version: string, plural: string): ResourceType | undefined {
    return this.#types.get(keyOf(group, version, plural));
  }

  /** The type a resource is stored in, or another served one. */
  ofResource(resource: string): ResourceType | undefined {
    return this.#byResource.get(resource);
  }

  ofKind(apiVersion: string, kind: string): ResourceType | undefined {
    for (const type of this.#types.values())
      if (type.apiVersion === apiVersion && type.definition.kind === kind) return type;
    return undefined;
  }

  get types(): readonly ResourceType[] {
    return [...this.#types.values()];
  }

  /** One type per resource, so that nothing is seen twice in two versions. */
  get resources(): readonly ResourceType[] {
    return [...this.#byResource.values()];
  }
}

function keyOf(group: string, version: string, plural: string): string {
  return `${group}/${version}/${plural}`;
}
