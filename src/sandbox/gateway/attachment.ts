/** Which routes belong to a gateway of ours, under which host names, and what is wrong with them. Pure. */
import type { Service } from '../controllers/objects.ts';
import { commonHost, problemOf } from './matching.ts';
import type {
  BackendRef,
  Gateway,
  HttpRoute,
  Listener,
  ParentRef,
  RouteFilter,
} from './route-objects.ts';

export const CONTROLLER_NAME = 'serin.dev/sandbox-gateway';
export const GATEWAY_CLASS = 'sandbox';

export interface Verdict {
  readonly holds: boolean;
  readonly reason: string;
  readonly message: string;
}

/** How one parent of a route takes it. Only parents that are gateways of ours are judged. */
export interface Attachment {
  readonly parentRef: ParentRef;
  readonly accepted: Verdict;
  /** Host patterns under which the route is served there; empty when it is not accepted. */
  readonly hosts: readonly string[];
  readonly gateway: Gateway;
  readonly listeners: readonly Listener[];
}

const SUPPORTED_FILTERS = new Set([
  'RequestHeaderModifier',
  'ResponseHeaderModifier',
  'URLRewrite',
  'RequestRedirect',
  'RequestMirror',
  'CORS',
]);

export function isOurs({ spec }: Gateway): boolean {
  return spec.gatewayClassName === GATEWAY_CLASS;
}

export function attachmentsOf(
  route: HttpRoute,
  gatewayOf: (key: string) => Gateway | undefined,
): readonly Attachment[] {
  return (route.spec.parentRefs ?? []).flatMap((parentRef) => {
    if ((parentRef.kind ?? 'Gateway') !== 'Gateway') return [];
    const namespace = parentRef.namespace ?? route.metadata.namespace ?? '';
    const gateway = gatewayOf(`${namespace}/${parentRef.name}`);
    if (gateway === undefined || !isOurs(gateway)) return [];
    return [attach(route, parentRef, gateway)];
  });
}

function attach(route: HttpRoute, parentRef: ParentRef, gateway: Gateway): Attachment {
  const refuse = (reason: string, message: string): Attachment => ({
    parentRef,
    gateway,
    accepted: { holds: false, reason, message },
    hosts: [],
    listeners: [],
  });
  const named = gateway.spec.listeners.filter(
    ({ name, port, protocol }) =>
      protocol === 'HTTP' &&
      (parentRef.sectionName === undefined || parentRef.sectionName === name) &&
      (parentRef.port === undefined || parentRef.port === port),
  );
  if (named.length === 0) return refuse('NoMatchingParent', 'no HTTP listener fits the parentRef');
  const open = named.filter((listener) => admits(listener, route, gateway));
  if (open.length === 0) {
    return refuse('NotAllowedByListeners', 'no listener takes routes of this namespace');
  }
  const hosts = [...new Set(open.flatMap((listener) => hostsAt(listener, route)))];
  if (hosts.length === 0) {
    return refuse('NoMatchingListenerHostname', 'no listener serves one of the hostnames');
  }
  const problem = unsupported(route);
  if (problem !== undefined) return refuse('UnsupportedValue', problem);
  const accepted = { holds: true, reason: 'Accepted', message: 'the route is served' };
  return { parentRef, gateway, accepted, hosts, listeners: open };
}

function admits({ allowedRoutes }: Listener, route: HttpRoute, gateway: Gateway): boolean {
  const from = allowedRoutes?.namespaces?.from ?? 'Same';
  return (
    from === 'All' || (from === 'Same' && route.metadata.namespace === gateway.metadata.namespace)
  );
}

function hostsAt({ hostname }: Listener, { spec }: HttpRoute): readonly string[] {
  const wanted = spec.hostnames ?? [];
  const here = hostname === undefined || hostname === '' ? '*' : hostname;
  if (wanted.length === 0) return [here];
  return wanted.flatMap((host) => commonHost(here, host) ?? []);
}

function unsupported({ spec }: HttpRoute): string | undefined {
  for (const { matches = [], filters = [], backendRefs = [] } of spec.rules ?? []) {
    const all: readonly RouteFilter[] = [
      ...filters,
      ...backendRefs.flatMap((ref) => ref.filters ?? []),
    ];
    const filter = all.find(({ type }) => !SUPPORTED_FILTERS.has(type));
    if (filter !== undefined) return `filter type ${filter.type} is not supported`;
    for (const match of matches) {
      const problem = problemOf(match);
      if (problem !== undefined) return problem;
    }
  }
  return undefined;
}

/** A Service and one of its ports, or why there is none. */
export type Resolved =
  | { readonly service: string; readonly portName: string; readonly port: number }
  | { readonly problem: Verdict };

export function resolveBackend(
  ref: BackendRef,
  routeNamespace: string,
  serviceOf: (key: string) => Service | undefined,
): Resolved {
  const { group = '', kind = 'Service', namespace = routeNamespace, name, port } = ref;
  if (group !== '' || kind !== 'Service') {
    return unresolved('InvalidKind', `backend ${name} is a ${kind}, only Services are served`);
  }
  const key = `${namespace}/${name}`;
  if (namespace !== routeNamespace) {
    return unresolved('RefNotPermitted', `Service ${key} is in another namespace`);
  }
  const service = serviceOf(key);
  if (service === undefined) return unresolved('BackendNotFound', `Service ${key} not found`);
  const found = service.spec.ports?.find((known) => known.port === port);
  if (found === undefined)
    return unresolved('BackendNotFound', `Service ${key} has no port ${port}`);
  return { service: key, portName: found.name ?? '', port: found.port };
}

function unresolved(reason: string, message: string): Resolved {
  return { problem: { holds: false, reason, message } };
}
