/** One way to some programs or manifests: what it gives, and the entry of the cache that holds it. */
import type { Recipe } from './cache.ts';
import type { Lane } from './lanes.ts';
import type { Name } from './names.ts';

export interface Source {
  readonly gives: readonly Name[];
  readonly lane: Lane;
  /** Said before it is made; undefined for what is there at once. */
  readonly announcement?: string;
  readonly recipe: Recipe;
}
