/**
 * No mesh and no gateway: the selector of the apex Service is the route, and says 0 or 100 only.
 */

import { marks } from '../../api/marks.ts';
import { asService } from '../../api/narrow.ts';
import type { KubernetesObject } from '../../api/object.ts';
import { DefectError, WaitingError } from '../../errors.ts';
import type { RouteTarget, TrafficRouter } from '../../ports/traffic-router.ts';

export const kubernetes: TrafficRouter = {
  names: ['kubernetes'],
  capabilities: { weights: 'switch', mirroring: false, headerMatching: false },
  kind: undefined,
  select: (_target, { apex }) => (apex === undefined ? [] : [apex]),
  observe(target, object) {
    // Before it is ours it selects the target, which then is not a canary but all there is.
    if (!isOurs(object)) return undefined;
    const { selector = {} } = asService(object).spec;
    if (selects(selector, target.canarySelector)) return { primary: 0, canary: 100 };
    return selects(selector, target.primarySelector) ? { primary: 100, canary: 0 } : undefined;
  },
  render(target, { canary }, object) {
    if (canary !== 0 && canary !== 100) {
      throw new DefectError(`a Service cannot give ${canary} % to the canary`, {
        reason: 'InternalError',
      });
    }
    if (object === undefined) {
      throw new WaitingError(`Service ${target.apex} is not there yet`, {
        reason: 'ServiceMissing',
        retryAfterMs: 1_000,
      });
    }
    return selecting(object, canary === 100 ? target.canarySelector : target.primarySelector);
  },
  prepare: (_target, object) => object,
  // Between runs the apex stays on the primary; its former selector is given back with the Service itself.
  release: (target, object) => selecting(object, target.primarySelector),
  isByApex: () => true,
  // Who stands behind it is read from the EndpointSlices.
  acceptance: () => ({ kind: 'accepted' }),
  shadowedBy: () => undefined,
  unsupported: () => undefined,
};

type Selector = RouteTarget['primarySelector'];

function isOurs({ metadata }: KubernetesObject): boolean {
  const made = (metadata.ownerReferences ?? []).some(
    (owner) => owner.controller && owner.kind === 'Canary',
  );
  return made || metadata.annotations?.[marks.adoptedBy] !== undefined;
}

function selecting(object: KubernetesObject, selector: Selector): KubernetesObject {
  const { spec } = asService(object);
  const { selector: current = {} } = spec;
  const same =
    selects(current, selector) && Object.keys(current).length === Object.keys(selector).length;
  return same ? object : { ...object, spec: { ...spec, selector: { ...selector } } };
}

/** Whether `selector` asks for all that `side` asks for. */
function selects(selector: Selector, side: Selector): boolean {
  return Object.entries(side).every(([key, value]) => selector[key] === value);
}
