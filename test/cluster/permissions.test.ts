import { describe, expect, it } from 'vitest';

import { type AuditEvent, judgePermissions, type Rule } from './permissions.ts';

const user = 'system:serviceaccount:serin-system:serin';
const rules: readonly Rule[] = [
  { apiGroups: ['apps'], resources: ['deployments', 'deployments/scale'], verbs: ['get', 'patch'] },
];

function event(verb: string, resource: string, more: Partial<AuditEvent> = {}): AuditEvent {
  const [main = '', subresource] = resource.split('/');
  return {
    verb,
    user: { username: user },
    objectRef: {
      apiGroup: 'apps',
      resource: main,
      ...(subresource === undefined ? {} : { subresource }),
    },
    ...more,
  };
}

describe('the use of permissions', () => {
  it('is counted by group, resource, subresource and verb', () => {
    const events = [event('patch', 'deployments/scale'), event('get', 'deployments')];
    expect(judgePermissions(events, rules, user)).toEqual({
      used: ['get deployments.apps', 'patch deployments/scale.apps'],
      unused: ['get deployments/scale.apps', 'patch deployments.apps'],
      denied: [],
    });
  });

  it('is not what somebody else does', () => {
    const events = [event('get', 'deployments', { user: { username: 'admin' } })];
    expect(judgePermissions(events, rules, user).used).toEqual([]);
  });

  it.each([
    { annotations: { 'authorization.k8s.io/decision': 'forbid' } },
    { responseStatus: { code: 403 } },
  ])('names what was denied: %j', (more) => {
    const events = [event('delete', 'deployments', more)];
    expect(judgePermissions(events, rules, user).denied).toEqual(['delete deployments.apps']);
  });

  it('does not take a namespace that goes away for a denial', () => {
    const message =
      'forbidden: unable to create new content in namespace a because it is being terminated';
    const events = [event('create', 'deployments', { responseStatus: { code: 403, message } })];
    expect(judgePermissions(events, rules, user).denied).toEqual([]);
  });

  it('knows requests that are for no resource', () => {
    const events = [{ verb: 'get', user: { username: user } }];
    expect(judgePermissions(events, rules, user).denied).toEqual([]);
  });
});
