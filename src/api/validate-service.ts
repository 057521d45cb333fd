/**
 * What can be wrong with `spec.service` and the names that come from it.
 */

import type { CanarySpec } from './canary.ts';
import type { CanaryService } from './canary-service.ts';
import type { ApiGroup } from './group.ts';
import { invalid, type Problem } from './problem.ts';
import { routeFields } from './resolved-service.ts';
import { durationProblems } from './validate-duration.ts';

const label = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?$/;
const subdomain = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/;
const hostname = /^(\*\.)?[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/;

/** What is added to the names of Service and workload. */
const suffix = '-primary';

/** Problems of Services, names and route, for the resolved provider. */
export function serviceProblems(
  { service, targetRef }: CanarySpec,
  provider: string,
  group: ApiGroup,
): readonly Problem[] {
  return [
    ...nameProblems(service?.name, targetRef.name),
    ...(service === undefined
      ? [invalid('spec.service.port', 'is missing', 'set the port of the Services')]
      : []),
    ...(service === undefined ? [] : routeProblems(service)),
    ...(service !== undefined && provider === 'kubernetes' && group === 'serin.dev'
      ? unusedRouteFields(service)
      : []),
    ...(service !== undefined && provider === 'gatewayapi:v1beta1'
      ? newerRouteFields(service)
      : []),
  ];
}

function nameProblems(serviceName: string | undefined, target: string): readonly Problem[] {
  const problems: Problem[] = [];
  const longestTarget = 253 - suffix.length;
  if (target.length > longestTarget || !subdomain.test(target)) {
    problems.push(
      invalid(
        'spec.targetRef.name',
        'cannot be the name of a workload',
        `use at most ${longestTarget} lower-case letters, digits, "-" and "."`,
      ),
    );
  }
  const apex = serviceName === undefined || serviceName === '' ? target : serviceName;
  const longestService = 63 - suffix.length;
  if (apex.length > longestService) {
    problems.push(
      invalid(
        'spec.service.name',
        `is too long for a Service once "${suffix}" is added ("${apex}")`,
        `set a name of at most ${longestService} characters`,
      ),
    );
  } else if (!label.test(apex)) {
    problems.push(
      invalid(
        'spec.service.name',
        `cannot be the name of a Service ("${apex}")`,
        'use lower-case letters, digits and "-"',
      ),
    );
  }
  return problems;
}

function routeProblems(service: CanaryService): readonly Problem[] {
  const at = 'spec.service';
  const problems = [
    ...durationProblems(`${at}.timeout`, service.timeout, 0),
    ...durationProblems(`${at}.backendTimeout`, service.backendTimeout, 0),
    ...durationProblems(`${at}.corsPolicy.maxAge`, service.corsPolicy?.maxAge, 0),
    ...choiceProblems(service),
  ];
  (service.hosts ?? []).forEach((host, index) => {
    if (hostname.test(host)) return;
    problems.push(
      invalid(
        `${at}.hosts[${index}]`,
        `is not a host name ("${host}")`,
        'write it like shop.example.com or *.example.com; leave hosts out for every host',
      ),
    );
  });
  (service.mirror ?? []).forEach(({ backendRef }, index) => {
    const isService =
      (backendRef.group ?? '') === '' && (backendRef.kind ?? 'Service') === 'Service';
    if (!isService || backendRef.port !== undefined) return;
    problems.push(
      invalid(
        `${at}.mirror[${index}].backendRef.port`,
        'is missing',
        'set the port of the Service',
      ),
    );
  });
  return problems;
}

/** `exact`, `prefix` and `regex` exclude each other. */
function choiceProblems({ match = [], corsPolicy }: CanaryService): readonly Problem[] {
  const tooMany = match.flatMap((condition, index) => {
    const { uri, method, authority, scheme, headers, queryParams, withoutHeaders } = condition;
    const at = `spec.service.match[${index}]`;
    const named = Object.entries({ headers, queryParams, withoutHeaders }).flatMap(([field, map]) =>
      Object.entries(map ?? {}).map(([name, way]) => [`${field}.${name}`, way] as const),
    );
    return [...Object.entries({ uri, method, authority, scheme }), ...named]
      .filter(([, way]) => way !== undefined && Object.keys(way).length > 1)
      .map(([field]) =>
        invalid(
          `${at}.${field}`,
          'says more than one way to compare',
          'set one of exact, prefix and regex',
        ),
      );
  });
  const origins = (corsPolicy?.allowOrigins ?? [])
    .map((way, index) => ({ index, count: Object.keys(way).length }))
    .filter(({ count }) => count !== 1)
    .map(({ index }) =>
      invalid(
        `spec.service.corsPolicy.allowOrigins[${index}]`,
        'does not say one way to compare',
        'set one of exact, prefix and regex',
      ),
    );
  return [...tooMany, ...origins];
}

/** Without a route there is nothing that could carry these. Under `flagger.app` they get a Warning, see `resolved.ts`. */
function unusedRouteFields(service: CanaryService): readonly Problem[] {
  return routeFields(service).map((field) => ({
    field: `spec.service.${field}`,
    problem: 'needs a route, and provider kubernetes makes none',
    remedy: 'remove it, or use provider gatewayapi',
    reason: 'NotSupported' as const,
  }));
}

const newerFields: readonly string[] = ['timeout', 'backendTimeout', 'corsPolicy'];

/** The older version of the Gateway API has no place for these. */
function newerRouteFields(service: CanaryService): readonly Problem[] {
  return routeFields(service)
    .filter((field) => newerFields.includes(field))
    .map((field) => ({
      field: `spec.service.${field}`,
      problem: 'cannot be used with provider gatewayapi:v1beta1',
      remedy: 'use provider gatewayapi, or remove it',
      reason: 'NotSupported' as const,
    }));
}
