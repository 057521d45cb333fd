/**
 * Which of the permissions that `deploy/` asks for were used, and what was denied, by the API server's audit log.
 *
 * Counted per (group, resource, subresource, verb). A rule stands for all its combinations: each of them has to
 * be used by somebody, or it is a permission too many.
 */
import * as z from 'zod';

export interface Use {
  readonly group: string;
  /** With the subresource: `deployments/scale`. */
  readonly resource: string;
  readonly verb: string;
}

export interface Findings {
  readonly used: readonly string[];
  /** Granted, and nothing asked for it. */
  readonly unused: readonly string[];
  /** Asked for and not granted. */
  readonly denied: readonly string[];
}

export const AuditEvent = z.object({
  verb: z.string(),
  user: z.object({ username: z.string().optional() }),
  objectRef: z
    .object({
      apiGroup: z.string().optional(),
      resource: z.string().optional(),
      subresource: z.string().optional(),
    })
    .optional(),
  annotations: z.record(z.string(), z.string()).optional(),
  responseStatus: z.object({ code: z.int().optional(), message: z.string().optional() }).optional(),
});
export type AuditEvent = z.infer<typeof AuditEvent>;

export const Rule = z.object({
  apiGroups: z.array(z.string()),
  resources: z.array(z.string()),
  verbs: z.array(z.string()),
  resourceNames: z.array(z.string()).optional(),
});
export type Rule = z.infer<typeof Rule>;

/** Events of other users are left out. */
export function judgePermissions(
  events: readonly AuditEvent[],
  rules: readonly Rule[],
  user: string,
): Findings {
  const own = events.filter((event) => event.user.username === user);
  const asked = own.flatMap(usesOf);
  const denied = own.filter(isForbidden).flatMap(usesOf);
  const granted = new Set(rules.flatMap(usesGranted).map(name));
  const used = new Set(asked.map(name));
  return {
    used: [...granted].filter((one) => used.has(one)).toSorted(),
    unused: [...granted].filter((one) => !used.has(one)).toSorted(),
    denied: [...new Set(denied.map(name))].toSorted(),
  };
}

export function name({ group, resource, verb }: Use): string {
  return `${verb} ${group === '' ? resource : `${resource}.${group}`}`;
}

/** By the authorizer, or by an admission that asks it; that a namespace is going away is no lack of permission. */
function isForbidden({ annotations, responseStatus }: AuditEvent): boolean {
  if (annotations?.['authorization.k8s.io/decision'] === 'forbid') return true;
  return responseStatus?.code === 403 && !/being terminated/.test(responseStatus.message ?? '');
}

function usesOf({ objectRef, verb }: AuditEvent): readonly Use[] {
  if (objectRef?.resource === undefined) return [];
  const { apiGroup: group = '', resource, subresource } = objectRef;
  return [
    { group, verb, resource: subresource === undefined ? resource : `${resource}/${subresource}` },
  ];
}

function usesGranted({ apiGroups, resources, verbs }: Rule): readonly Use[] {
  return apiGroups.flatMap((group) =>
    resources.flatMap((resource) => verbs.map((verb) => ({ group, resource, verb }))),
  );
}
