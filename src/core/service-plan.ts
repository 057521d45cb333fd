/**
 * What the Services of a canary depend on, and what is to be done about them.
 */

import type { KubernetesObject } from '../api/object.ts';
import type { ResolvedService } from '../api/resolved.ts';
import type { Owner } from './owners.ts';
import type { ContainerPortName } from './service-ports.ts';

/** Labels, annotations, selectors. */
export type StringMap = Readonly<Record<string, string>>;

/** Everything the Services of one canary depend on. */
export interface ServicePlan {
  readonly namespace: string;
  readonly service: ResolvedService;
  /** The pod label that tells the two sides apart, with the target's value. */
  readonly label: { readonly key: string; readonly value: string };
  /** Ports of the target's containers; only looked at with `portDiscovery`. */
  readonly discovered: readonly ContainerPortName[];
  /** Labels of the target's pods. */
  readonly podLabels: StringMap;
  readonly canary: Owner;
  /** `undefined` while there is none. */
  readonly target: Owner | undefined;
  /** Whether what we make outlives the Canary; not so with `revertOnDeletion: false`. */
  readonly keptByTarget: boolean;
  /** Which side the apex selects. */
  readonly side: 'primary' | 'canary';
  /** Whether a run is under way: then Flux leaves alone what we adopted, too. */
  readonly running: boolean;
  /** Whether other Services that select the target's pods alone follow the apex; differs by API group. */
  readonly adoptsOtherServices: boolean;
}

export type ServiceRole = 'primary' | 'canary' | 'apex' | 'follower';

/** One write that is due; without `before` a creation. */
export interface ServiceChange {
  readonly role: ServiceRole;
  readonly before?: KubernetesObject;
  readonly after: KubernetesObject;
}

/** Something to tell users about one Service. */
export interface ServiceRemark {
  readonly reason: string;
  readonly service: string;
  readonly message: string;
}

export interface DesiredServices {
  /** The sides first, then the apex, then what follows it. Empty when all is as it should be. */
  readonly changes: readonly ServiceChange[];
  readonly warnings: readonly ServiceRemark[];
  /** Why nothing may be written at all. */
  readonly refusals: readonly ServiceRemark[];
}

/** The selector of one side. */
export function selectorOf(
  { key, value }: ServicePlan['label'],
  side: 'primary' | 'canary',
): StringMap {
  return { [key]: side === 'primary' ? `${value}-primary` : value };
}
