/** Requests as the API server saw them, and how they are counted. */
import * as z from 'zod';

export const Request = z.object({
  /** On the clock that all processes share. */
  atMs: z.number(),
  /** Absent when the path names no objects: discovery, health. */
  verb: z.string().optional(),
  /** Plural, with the subresource: `canaries/status`. */
  resource: z.string(),
  namespace: z.string(),
  name: z.string(),
  status: z.int(),
  /** Of a route: the share of the Service that ends in `-canary`, in percent, after the write. */
  weight: z.number().optional(),
});
export type Request = z.infer<typeof Request>;

/** Leases and watches are not counted. */
export function counts({ verb, resource }: Request): boolean {
  return verb !== 'watch' && resource !== 'leases';
}

export function isList({ verb }: Request): boolean {
  return verb === 'list';
}

export function isRouteWrite({ verb, resource, status }: Request): boolean {
  return resource === 'httproutes' && (verb === 'patch' || verb === 'update') && status < 300;
}

/** `3 patch canaries/status` and so on, most frequent first. */
export function tally(requests: readonly Request[]): readonly string[] {
  const groups = Map.groupBy(
    requests,
    ({ verb, resource, status }) =>
      `${verb ?? 'other'} ${resource}${status < 300 ? '' : ` answered ${status}`}`,
  );
  return [...groups]
    .map(([what, { length }]) => ({ what, length }))
    .sort((a, b) => b.length - a.length || a.what.localeCompare(b.what))
    .map(({ what, length }) => `${length} ${what}`);
}
