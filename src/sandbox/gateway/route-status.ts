/** What a gateway writes about the routes it serves, and about itself. Pure. */
import type { Condition, Service } from '../controllers/objects.ts';
import { timestamp } from '../controllers/objects.ts';
import { type Attachment, CONTROLLER_NAME, resolveBackend, type Verdict } from './attachment.ts';
import type { Gateway, HttpRoute, ParentStatus } from './route-objects.ts';

/** `status.parents` as it should be; other gateways' entries stay. */
export function parentStatuses(
  route: HttpRoute,
  attachments: readonly Attachment[],
  serviceOf: (key: string) => Service | undefined,
  now: number,
): readonly ParentStatus[] {
  const before = route.status?.parents ?? [];
  const others = before.filter(({ controllerName }) => controllerName !== CONTROLLER_NAME);
  const resolved = resolvedRefs(route, serviceOf);
  const ours = attachments.map(({ parentRef, accepted }): ParentStatus => {
    const known = before.find(
      (entry) =>
        entry.controllerName === CONTROLLER_NAME &&
        JSON.stringify(entry.parentRef) === JSON.stringify(parentRef),
    );
    return {
      parentRef,
      controllerName: CONTROLLER_NAME,
      conditions: [
        condition('Accepted', accepted, route, known?.conditions, now),
        condition('ResolvedRefs', resolved, route, known?.conditions, now),
      ],
    };
  });
  return [...others, ...ours];
}

function resolvedRefs(
  { metadata, spec }: HttpRoute,
  serviceOf: (key: string) => Service | undefined,
): Verdict {
  for (const { backendRefs = [], filters = [] } of spec.rules ?? []) {
    const mirrors = filters.flatMap(({ requestMirror }) => requestMirror?.backendRef ?? []);
    for (const ref of [...backendRefs, ...mirrors]) {
      const resolved = resolveBackend(ref, metadata.namespace ?? '', serviceOf);
      if ('problem' in resolved) return resolved.problem;
    }
  }
  return { holds: true, reason: 'ResolvedRefs', message: 'all references are resolved' };
}

function condition(
  type: string,
  { holds, reason, message }: Verdict,
  { metadata }: HttpRoute | Gateway,
  before: readonly Condition[] | undefined,
  now: number,
): Condition {
  const status = holds ? 'True' : 'False';
  const known = before?.find((entry) => entry.type === type);
  const same = known?.status === status && known.lastTransitionTime !== undefined;
  return {
    type,
    status,
    reason,
    message,
    observedGeneration: metadata.generation ?? 1,
    lastTransitionTime: same ? (known.lastTransitionTime ?? '') : timestamp(now),
  };
}

const SERVED: Verdict = { holds: true, reason: 'Accepted', message: 'the gateway is served' };
const RUNNING: Verdict = { holds: true, reason: 'Programmed', message: 'the gateway listens' };

export interface GatewayStatus {
  readonly addresses?: readonly { readonly type: string; readonly value: string }[];
  readonly conditions?: readonly Condition[];
  readonly listeners?: readonly {
    readonly name: string;
    readonly attachedRoutes?: number;
    readonly supportedKinds?: readonly { readonly group: string; readonly kind: string }[];
    readonly conditions?: readonly Condition[];
  }[];
}

/** The status of a gateway of ours, with how many routes each of its listeners serves. */
export function gatewayStatus(
  gateway: Gateway,
  address: string,
  attached: ReadonlyMap<string, number>,
  now: number,
): GatewayStatus {
  const before: GatewayStatus = gateway.status ?? {};
  return {
    addresses: [{ type: 'IPAddress', value: address }],
    conditions: [
      condition('Accepted', SERVED, gateway, before.conditions, now),
      condition('Programmed', RUNNING, gateway, before.conditions, now),
    ],
    listeners: gateway.spec.listeners.map(({ name, protocol }) => {
      const known = before.listeners?.find((listener) => listener.name === name)?.conditions;
      const verdict: Verdict =
        protocol === 'HTTP'
          ? SERVED
          : { holds: false, reason: 'UnsupportedProtocol', message: 'only HTTP is served' };
      return {
        name,
        attachedRoutes: attached.get(name) ?? 0,
        supportedKinds: [{ group: 'gateway.networking.k8s.io', kind: 'HTTPRoute' }],
        conditions: [
          condition('Accepted', verdict, gateway, known, now),
          condition('Programmed', verdict, gateway, known, now),
          condition(
            'ResolvedRefs',
            { holds: true, reason: 'ResolvedRefs', message: 'nothing to resolve' },
            gateway,
            known,
            now,
          ),
        ],
      };
    }),
  };
}
