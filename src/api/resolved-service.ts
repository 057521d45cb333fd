/**
 * The Services and the route of a Canary, as plain data with every default applied.
 */

import type { CanaryService, CorsPolicy, RouteMatch } from './canary-service.ts';
import { defaults } from './defaults.ts';
import { optionalMilliseconds } from './duration.ts';
import type { IntOrString } from './object.ts';

/** Labels and annotations that users want on one of the Services. */
export interface ExtraMetadata {
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
}

/** A parent of the route, with group and kind filled in. */
export interface ResolvedGatewayRef {
  readonly group: string;
  readonly kind: string;
  readonly name: string;
  readonly namespace?: string | undefined;
  readonly sectionName?: string | undefined;
  readonly port?: number | undefined;
}

/** Who gets a copy of each request; group and kind filled in. */
export interface ResolvedMirror {
  readonly group: string;
  readonly kind: string;
  readonly name: string;
  readonly namespace?: string | undefined;
  readonly port?: number | undefined;
}

export interface HeaderChanges {
  readonly set: Readonly<Record<string, string>>;
  readonly add: Readonly<Record<string, string>>;
  readonly remove: readonly string[];
}

export interface ResolvedService {
  /** The apex Service; `-primary` and `-canary` are added to it. */
  readonly name: string;
  /** 0 when the spec names none: validation refuses that. */
  readonly port: number;
  readonly portName: string;
  readonly targetPort: IntOrString;
  readonly portDiscovery: boolean;
  readonly headless: boolean;
  readonly appProtocol?: string | undefined;
  readonly trafficDistribution?: string | undefined;
  readonly hosts: readonly string[];
  readonly gatewayRefs: readonly ResolvedGatewayRef[];
  readonly match: readonly RouteMatch[];
  readonly rewrite?:
    | {
        readonly uri?: string | undefined;
        readonly authority?: string | undefined;
        /** Whether `uri` replaces only the matched prefix. */
        readonly replacesPrefix: boolean;
      }
    | undefined;
  readonly requestHeaders?: HeaderChanges | undefined;
  readonly responseHeaders?: HeaderChanges | undefined;
  readonly mirror: readonly ResolvedMirror[];
  readonly corsPolicy?: CorsPolicy | undefined;
  /** Lifetime of a preflight answer. */
  readonly corsMaxAgeMs?: number | undefined;
  readonly timeoutMs?: number | undefined;
  readonly backendTimeoutMs?: number | undefined;
  readonly apex: ExtraMetadata;
  readonly primary: ExtraMetadata;
  readonly canary: ExtraMetadata;
  /** Keys on the Services that are somebody else's. */
  readonly unmanaged: {
    readonly labels: readonly string[];
    readonly annotations: readonly string[];
  };
}

/** The fields of a service that only a route can carry, as far as they are set. */
export function routeFields(service: CanaryService): readonly string[] {
  const { match, rewrite, headers, mirror, corsPolicy, timeout, backendTimeout } = service;
  return Object.entries({ match, rewrite, headers, mirror, corsPolicy, timeout, backendTimeout })
    .filter(([, value]) => value !== undefined && Object.keys(value).length > 0)
    .map(([field]) => field);
}

/** Applies the defaults; without a service the port is 0, which validation refuses. */
export function resolveService(
  service: CanaryService | undefined,
  target: string,
): ResolvedService {
  const { rewrite } = service ?? {};
  return {
    name: service?.name === undefined || service.name === '' ? target : service.name,
    port: service?.port ?? 0,
    portName:
      service?.portName === undefined || service.portName === ''
        ? defaults.portName
        : service.portName,
    targetPort: service?.targetPort ?? service?.port ?? 0,
    portDiscovery: service?.portDiscovery ?? false,
    headless: service?.headless ?? false,
    appProtocol: service?.appProtocol,
    trafficDistribution: service?.trafficDistribution,
    hosts: service?.hosts ?? [],
    gatewayRefs: (service?.gatewayRefs ?? []).map((ref) => ({
      ...ref,
      group: ref.group ?? defaults.gatewayGroup,
      kind: ref.kind ?? defaults.gatewayKind,
    })),
    match: service?.match ?? [],
    rewrite: rewrite && {
      uri: rewrite.uri,
      authority: rewrite.authority,
      replacesPrefix: rewrite.type === 'ReplacePrefixMatch',
    },
    requestHeaders: headerChanges(service?.headers?.request),
    responseHeaders: headerChanges(service?.headers?.response),
    mirror: (service?.mirror ?? []).map(({ backendRef }) => ({
      ...backendRef,
      group: backendRef.group ?? '',
      kind: backendRef.kind ?? 'Service',
    })),
    corsPolicy: service?.corsPolicy,
    corsMaxAgeMs: optionalMilliseconds(service?.corsPolicy?.maxAge),
    timeoutMs: optionalMilliseconds(service?.timeout),
    backendTimeoutMs: optionalMilliseconds(service?.backendTimeout),
    apex: extraMetadata(service?.apex),
    primary: extraMetadata(service?.primary),
    canary: extraMetadata(service?.canary),
    unmanaged: {
      labels: service?.unmanagedMetadata?.labels ?? [],
      annotations: service?.unmanagedMetadata?.annotations ?? [],
    },
  };
}

function headerChanges(
  changes: NonNullable<CanaryService['headers']>['request'],
): HeaderChanges | undefined {
  if (changes === undefined) return undefined;
  return { set: changes.set ?? {}, add: changes.add ?? {}, remove: changes.remove ?? [] };
}

function extraMetadata(metadata: CanaryService['apex']): ExtraMetadata {
  return { labels: metadata?.labels ?? {}, annotations: metadata?.annotations ?? {} };
}
