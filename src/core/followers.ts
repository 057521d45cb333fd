/**
 * Other Services that select the pods of a target.
 *
 * One that selects them alone would stand before nothing once the target goes to 0, so that it follows the apex;
 * one that selects both sides by other labels goes past the weights.
 */

import { marks } from '../api/marks.ts';
import type { Service } from '../api/object.ts';
import { adoptedBy, equal, otherOwner, ownedBy } from './owners.ts';
import { adoptService, formerSelector, giveBack } from './service-adoption.ts';
import {
  selectorOf,
  type DesiredServices,
  type ServicePlan,
  type ServiceRemark,
  type StringMap,
} from './service-plan.ts';

/** What is due to `others`: every Service of the namespace but our three. */
export function judgeOthers(plan: ServicePlan, others: readonly Service[]): DesiredServices {
  const parts = others
    .toSorted((left, right) => (left.metadata.name < right.metadata.name ? -1 : 1))
    .map((service) => judge(plan, service));
  return {
    changes: parts.flatMap(({ changes = [] }) => changes),
    warnings: parts.flatMap(({ warnings = [] }) => warnings),
    refusals: parts.flatMap(({ refusals = [] }) => refusals),
  };
}

function judge(plan: ServicePlan, service: Service): Partial<DesiredServices> {
  const follows = service.metadata.annotations?.[marks.follow] !== 'none';
  if (adoptedBy(service, plan.canary)) {
    return follows && plan.adoptsOtherServices ? follow(plan, service) : letGo(plan, service);
  }
  if (ownedBy(service, plan.canary) || !follows) return {};
  const reach = reachOf(plan, service);
  if (reach === 'both') return bypasses(service) ? { warnings: [bypassWarning(service)] } : {};
  if (reach === 'neither') return {};
  if (!plan.adoptsOtherServices) return { warnings: [leftAloneWarning(plan, service)] };
  const owner = otherOwner(service, plan.canary);
  if (owner !== undefined) return { refusals: [sharedRefusal(service, owner)] };
  return { ...follow(plan, service), warnings: [adoptedWarning(service)] };
}

function follow(plan: ServicePlan, service: Service): Partial<DesiredServices> {
  const { key } = plan.label;
  const former = formerSelector(service) ?? service.spec.selector ?? {};
  const selector = { ...former, [key]: selectorOf(plan.label, plan.side)[key] ?? '' };
  const after = adoptService(plan, service, selector);
  return equal(service, after) ? {} : { changes: [{ role: 'follower', before: service, after }] };
}

function letGo({ label }: ServicePlan, service: Service): Partial<DesiredServices> {
  return { changes: [{ role: 'follower', before: service, after: giveBack(service, label) }] };
}

function reachOf(
  { label, podLabels }: ServicePlan,
  { spec }: Service,
): 'target' | 'both' | 'neither' {
  const { selector = {}, type } = spec;
  if (Object.keys(selector).length === 0 || type === 'ExternalName') return 'neither';
  if (!selects(selector, podLabels)) return 'neither';
  return selects(selector, { ...podLabels, ...selectorOf(label, 'primary') }) ? 'both' : 'target';
}

function selects(selector: StringMap, labels: StringMap): boolean {
  return Object.entries(selector).every(([key, value]) => labels[key] === value);
}

/** Without a cluster address it only lists pods, as monitoring wants it. */
function bypasses({ spec }: Service): boolean {
  return spec.clusterIP !== 'None';
}

function bypassWarning({ metadata: { name } }: Service): ServiceRemark {
  return {
    reason: 'ServiceBypassesWeights',
    service: name,
    message: `Service ${name} selects pods of both sides: requests to it are not split by weight`,
  };
}

function leftAloneWarning(
  { service: { name: apex } }: ServicePlan,
  service: Service,
): ServiceRemark {
  const { name } = service.metadata;
  return {
    reason: 'TargetSharedByService',
    service: name,
    message: `Service ${name} selects the target's pods alone and has none while no run is under way: send to Service ${apex} instead`,
  };
}

function adoptedWarning({ metadata: { name } }: Service): ServiceRemark {
  return {
    reason: 'ServiceFollowsApex',
    service: name,
    message: `Service ${name} selects the target's pods alone and now follows the apex Service; the annotation ${marks.follow}: none leaves it alone`,
  };
}

function sharedRefusal({ metadata: { name } }: Service, owner: string): ServiceRemark {
  return {
    reason: 'TargetSharedByService',
    service: name,
    message: `Service ${name} selects the target's pods alone and belongs to ${owner}: change its selector, or set the annotation ${marks.follow}: none`,
  };
}
