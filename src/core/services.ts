/**
 * The Services of a canary: what they must look like, beside what there is.
 *
 * Clients call the apex; `-primary` and `-canary` stand behind it. What we make is ours as a whole. Of a Service
 * that its user made only the selector changes (and a missing port comes), with a note of what was there before.
 */

import { fluxMarks, isFluxKey, isMark, kubectlLastApplied } from '../api/marks.ts';
import { asService } from '../api/narrow.ts';
import type { KubernetesObject, Service, ServicePort } from '../api/object.ts';
import type { ExtraMetadata, ResolvedService } from '../api/resolved.ts';
import { judgeOthers } from './followers.ts';
import { adoptedBy, equal, otherOwner, ownedBy, withOwners } from './owners.ts';
import { adoptService } from './service-adoption.ts';
import {
  selectorOf,
  type DesiredServices,
  type ServiceChange,
  type ServicePlan,
  type ServiceRemark,
  type ServiceRole,
  type StringMap,
} from './service-plan.ts';
import { settledPorts, sidePorts, wantedPorts, withMissing } from './service-ports.ts';

/**
 * What is due to the Services. `seen` are all Services of the namespace.
 *
 * Refused: a Service of one of our three names that somebody else runs or has adopted (`NotOurs`) or that has no
 * selector to change (`ServiceNotSplittable`), and another one on the target's pods that is not ours to take
 * (`TargetSharedByService`).
 */
export function desiredServices(
  plan: ServicePlan,
  seen: readonly KubernetesObject[],
): DesiredServices {
  const { apex, primary, canary } = serviceNames(plan.service);
  const byName = new Map(
    seen
      .filter(({ metadata }) => metadata.namespace === plan.namespace)
      .map((object) => [object.metadata.name, asService(object)]),
  );
  const wanted = wantedPorts(plan.service, plan.discovered);
  const live = byName.get(apex);
  const isAdopted = live !== undefined && !ownedBy(live, plan.canary);
  const ports = isAdopted ? withMissing(live.spec.ports ?? [], wanted) : wanted;
  const labels = isAdopted ? travelling(live.metadata.labels) : {};
  const sides = { ports: sidePorts(ports), labels };
  const parts: readonly Part[] = [
    { role: 'canary', name: canary, side: 'canary', extra: plan.service.canary, ...sides },
    { role: 'primary', name: primary, side: 'primary', extra: plan.service.primary, ...sides },
    { role: 'apex', name: apex, side: plan.side, extra: plan.service.apex, ports, labels: {} },
  ];
  const others = judgeOthers(
    plan,
    [...byName.values()].filter(({ metadata }) => ![apex, primary, canary].includes(metadata.name)),
  );
  const refusals = [
    ...parts.flatMap(({ name }) => refusalOf(plan, byName.get(name))),
    ...others.refusals,
  ];
  if (refusals.length > 0) return { changes: [], warnings: others.warnings, refusals };
  const changes = [
    ...parts.flatMap((part) => changeOf(plan, part, byName.get(part.name))),
    ...others.changes,
  ];
  return { changes, warnings: others.warnings, refusals };
}

/** The names of the three. */
export function serviceNames({ name }: Pick<ResolvedService, 'name'>) {
  return { apex: name, primary: `${name}-primary`, canary: `${name}-canary` };
}

/** Labels and annotations of a routing object that we make, as Flagger sets them. */
export function madeRouteMetadata({ service, label }: Pick<ServicePlan, 'service' | 'label'>) {
  const { labels, annotations } = service.apex;
  const isSet = Object.keys(labels).length + Object.keys(annotations).length > 0;
  return {
    labels: isSet ? { ...labels, [label.key]: service.name } : {},
    annotations: { ...annotations, ...fluxMarks },
  };
}

interface Part {
  readonly role: ServiceRole;
  readonly name: string;
  readonly side: 'primary' | 'canary';
  readonly extra: ExtraMetadata;
  readonly ports: readonly ServicePort[];
  /** Labels of an adopted apex, so that whoever finds it (a ServiceMonitor, say) finds the sides. */
  readonly labels: StringMap;
}

function changeOf(
  plan: ServicePlan,
  part: Part,
  before: Service | undefined,
): readonly ServiceChange[] {
  const { role } = part;
  if (before === undefined) return [{ role, after: made(plan, part) }];
  const after = ownedBy(before, plan.canary)
    ? corrected(plan, part, before)
    : adoptService(
        plan,
        before,
        selectorOf(plan.label, part.side),
        withMissing(before.spec.ports ?? [], part.ports),
      );
  return equal(before, after) ? [] : [{ role, before, after }];
}

function made(plan: ServicePlan, part: Part): KubernetesObject {
  const { headless, trafficDistribution } = plan.service;
  const object = {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name: part.name, namespace: plan.namespace, ...metadataOf(plan, part) },
    spec: {
      type: 'ClusterIP',
      ...(headless ? { clusterIP: 'None' } : {}),
      ...(trafficDistribution === undefined ? {} : { trafficDistribution }),
      ports: part.ports,
      selector: selectorOf(plan.label, part.side),
    },
  };
  return withOwners(object, plan.canary, plan.target, plan.keptByTarget);
}

function corrected(plan: ServicePlan, part: Part, live: Service): KubernetesObject {
  const { unmanaged } = plan.service;
  const { labels, annotations } = metadataOf(plan, part);
  const metadata = {
    ...live.metadata,
    labels: { ...kept(live.metadata.labels, unmanaged.labels), ...labels },
    annotations: { ...kept(live.metadata.annotations, unmanaged.annotations), ...annotations },
  };
  const spec = {
    ...live.spec,
    ports: settledPorts(live.spec.ports ?? [], part.ports),
    selector: selectorOf(plan.label, part.side),
  };
  return withOwners({ ...live, metadata, spec }, plan.canary, plan.target, plan.keptByTarget);
}

function metadataOf({ label }: ServicePlan, { name, extra, labels }: Part) {
  return {
    labels: { ...extra.labels, [label.key]: name, ...labels },
    annotations: { ...extra.annotations, ...fluxMarks },
  };
}

/** What stays on a Service of ours beside what we want there: keys that its user reserved, and notes. */
function kept(map: StringMap | undefined, unmanaged: readonly string[]): StringMap {
  return only(map, (key) => unmanaged.includes(key) || isMark(key) || key === kubectlLastApplied);
}

/** Labels that Flux uses to find what it manages would make it take our copies for its own. */
function travelling(labels: StringMap | undefined): StringMap {
  return only(labels, (key) => !isFluxKey(key));
}

function only(map: StringMap | undefined, keep: (key: string) => boolean): StringMap {
  return Object.fromEntries(Object.entries(map ?? {}).filter(([key]) => keep(key)));
}

function refusalOf(
  { canary }: ServicePlan,
  service: Service | undefined,
): readonly ServiceRemark[] {
  if (service === undefined) return [];
  const { name } = service.metadata;
  const owner = otherOwner(service, canary);
  if (owner !== undefined) {
    const message = `Service ${name} belongs to ${owner}: delete it, or name another one in service.name`;
    return [{ reason: 'NotOurs', service: name, message }];
  }
  if (ownedBy(service, canary) || adoptedBy(service, canary)) return [];
  const { selector = {}, type } = service.spec;
  if (type !== 'ExternalName' && Object.keys(selector).length > 0) return [];
  const message = `Service ${name} selects no pods, so that its traffic cannot be moved: give it a selector, or name another one in service.name`;
  return [{ reason: 'ServiceNotSplittable', service: name, message }];
}
