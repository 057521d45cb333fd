/**
 * The two API groups, and all that differs between them.
 *
 * Objects of both groups have one schema; a reference from one object to another stays within its group.
 */

export const apiGroups = ['serin.dev', 'flagger.app'] as const;

/** `serin.dev` is ours; `flagger.app` is served so that Flagger's manifests work unchanged. */
export type ApiGroup = (typeof apiGroups)[number];

/** The only version, of both groups. */
export const apiVersionName = 'v1beta1';

/** `serin.dev/v1beta1` */
export function apiVersionOf(group: ApiGroup): `${ApiGroup}/v1beta1` {
  return `${group}/${apiVersionName}`;
}

/** The group of an `apiVersion`; `undefined` when it is none of ours. */
export function groupOf(apiVersion: string): ApiGroup | undefined {
  return apiGroups.find((group) => apiVersion === apiVersionOf(group));
}

/** What keeps a Canary until it has given back what it took. Flagger's own in its group, so that either can lift it. */
export const finalizers: Readonly<Record<ApiGroup, string>> = {
  'serin.dev': 'serin.dev/finalizer',
  'flagger.app': 'finalizer.flagger.app',
};

/** What to make of a check without data. */
export type OnNoData = 'hold' | 'fail' | 'pass';

/** What an unset field means, where the groups differ. Never written into stored objects. */
export interface GroupDefaults {
  readonly onNoData: OnNoData;
  /** Whether an unavailable, denied or invalid check counts as failed instead of holding the round. */
  readonly errorsFail: boolean;
  /** Whether the last of several series counts, instead of the answer being invalid. */
  readonly lastSeriesCounts: boolean;
  /** Whether another Service that selects the target's pods alone is adopted like the apex. */
  readonly adoptsOtherServices: boolean;
}

export const groupDefaults: Readonly<Record<ApiGroup, GroupDefaults>> = {
  'serin.dev': {
    onNoData: 'hold',
    errorsFail: false,
    lastSeriesCounts: false,
    adoptsOtherServices: true,
  },
  'flagger.app': {
    onNoData: 'fail',
    errorsFail: true,
    lastSeriesCounts: true,
    adoptsOtherServices: false,
  },
};
