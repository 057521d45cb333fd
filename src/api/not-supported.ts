/**
 * What the schemas accept because Flagger has it, and Serin does not do yet.
 *
 * The one list: validation refuses what is on it, `serin lint` says so, and the README prints it. A field leaves
 * the list in the same change that makes it work.
 */

import type { Problem } from './problem.ts';

export interface NotSupported {
  readonly kind: 'Canary' | 'MetricTemplate' | 'AlertProvider';
  /** Path in the manifest; `[]` stands for every item of a list. */
  readonly field: string;
  /** The values that do work; absent when none does. */
  readonly works?: readonly string[];
  /** Why, or what to do instead, in one sentence without a full stop. */
  readonly instead: string;
}

/** The spellings of `spec.provider` that work. */
export const supportedProviders = [
  'gatewayapi',
  'gatewayapi:v1',
  'gatewayapi:v1beta1',
  'kubernetes',
] as const;

export const notSupported: readonly NotSupported[] = [
  {
    kind: 'Canary',
    field: 'spec.provider',
    works: supportedProviders,
    instead: 'use gatewayapi, or kubernetes for blue/green',
  },
  {
    kind: 'Canary',
    field: 'spec.targetRef.kind',
    works: ['Deployment'],
    instead: 'only Deployments can be rolled out',
  },
  {
    kind: 'Canary',
    field: 'spec.autoscalerRef',
    instead: 'set the replicas of the target instead',
  },
  { kind: 'Canary', field: 'spec.upstreamRef', instead: 'it belongs to provider gloo; remove it' },
  {
    kind: 'Canary',
    field: 'spec.analysis.match',
    instead: 'A/B tests come later; use weights or iterations',
  },
  { kind: 'Canary', field: 'spec.analysis.mirror', instead: 'mirroring comes later; remove it' },
  {
    kind: 'Canary',
    field: 'spec.analysis.mirrorWeight',
    instead: 'mirroring comes later; remove it',
  },
  {
    kind: 'Canary',
    field: 'spec.analysis.sessionAffinity',
    instead: 'cookies come later; remove it',
  },
  {
    kind: 'Canary',
    field: 'spec.service.trafficPolicy',
    instead: 'it belongs to provider istio; remove it',
  },
  {
    kind: 'Canary',
    field: 'spec.service.retries',
    instead: 'no provider that works now can retry; remove it',
  },
  {
    kind: 'Canary',
    field: 'spec.service.gateways',
    instead: 'they belong to provider istio; use gatewayRefs',
  },
  {
    kind: 'Canary',
    field: 'spec.service.delegation',
    instead: 'it belongs to provider istio; remove it',
  },
  {
    kind: 'Canary',
    field: 'spec.service.meshName',
    instead: 'it belongs to provider appmesh; remove it',
  },
  {
    kind: 'Canary',
    field: 'spec.service.backends',
    instead: 'they belong to provider appmesh; remove them',
  },
  {
    kind: 'Canary',
    field: 'spec.service.corsPolicy.allowOrigins',
    instead: 'an HTTPRoute cannot hold patterns; list the origins in allowOrigin',
  },
  ...(
    [
      'authority',
      'scheme',
      'withoutHeaders',
      'ignoreUriCase',
      'port',
      'gateways',
      'sourceLabels',
      'sourceNamespace',
      'method.prefix',
      'method.regex',
      'headers.*.prefix',
      'queryParams.*.prefix',
    ] as const
  ).map((condition) => ({
    kind: 'Canary' as const,
    field: `spec.service.match[].${condition}`,
    instead:
      'an HTTPRoute cannot express it; use uri, exact method, and exact or regex headers and queryParams',
  })),
  {
    kind: 'MetricTemplate',
    field: 'spec.provider.type',
    works: ['prometheus'],
    instead: 'only prometheus can be asked',
  },
  {
    kind: 'AlertProvider',
    field: 'spec.type',
    works: ['slack'],
    instead: 'only slack can be told',
  },
];

const listed = notSupported.map((entry) => ({
  entry,
  steps: entry.field.split(/\.|(?=\[\])/),
}));

/** Everything in `manifest` that is on the list. */
export function findNotSupported(
  kind: NotSupported['kind'],
  manifest: unknown,
): readonly Problem[] {
  return listed
    .filter(({ entry }) => entry.kind === kind)
    .flatMap(({ entry, steps }) =>
      valuesAt(manifest, steps, 0, '')
        .filter(({ value }) => isUsed(value) && !entry.works?.some((works) => works === value))
        .map(({ field, value }) => refuse(entry, field, value)),
    );
}

function refuse({ works, instead }: NotSupported, field: string, value: unknown): Problem {
  const said = works === undefined ? '' : ` with the value ${JSON.stringify(value)}`;
  return { field, problem: `is not supported yet${said}`, remedy: instead, reason: 'NotSupported' };
}

/** `mirror: false`, an empty list or an empty text ask for nothing. */
function isUsed(value: unknown): boolean {
  if (value === undefined || value === null || value === false || value === '' || value === 0)
    return false;
  return typeof value !== 'object' || Object.keys(value).length > 0;
}

interface Found {
  readonly field: string;
  readonly value: unknown;
}

function valuesAt(
  value: unknown,
  steps: readonly string[],
  depth: number,
  field: string,
): readonly Found[] {
  const step = steps[depth];
  if (step === undefined) return [{ field, value }];
  if (!isObject(value)) return [];
  if (step === '[]' || step === '*') {
    return Object.entries(value).flatMap(([key, item]) =>
      valuesAt(item, steps, depth + 1, step === '[]' ? `${field}[${key}]` : `${field}.${key}`),
    );
  }
  if (!Object.hasOwn(value, step)) return [];
  return valuesAt(value[step], steps, depth + 1, field === '' ? step : `${field}.${step}`);
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null;
}
