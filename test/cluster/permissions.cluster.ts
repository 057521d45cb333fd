/** The last suite of a run: what the suites before it made the operator ask for, against what it may. */
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';

import { beforeAll, describe, expect, it, vi } from 'vitest';
import { parseAllDocuments } from 'yaml';
import * as z from 'zod';

import { FILES } from './layout.ts';
import { AuditEvent, type Findings, judgePermissions, Rule } from './permissions.ts';

const operator = 'system:serviceaccount:serin-system:serin';

const Role = z.object({ kind: z.enum(['ClusterRole', 'Role']), rules: z.array(Rule) });

/**
 * Asked by an admission controller and not by a request: with `blockOwnerDeletion` in what is created, the API
 * server wants `update` on the owner's `finalizers`, and `delete` on what loses an owner. That it does are tests below.
 */
const askedByAdmission = /^(update canaries\/finalizers|delete httproutes)\./;

describe('the permissions that deploy/ asks for', () => {
  let findings: Findings;

  beforeAll(() => {
    const rules = ['deploy/base/rbac.yaml', 'deploy/flagger-api/rbac.yaml'].flatMap(rulesIn);
    const lines = readFileSync(FILES.auditLog, 'utf8').trimEnd().split('\n');
    const events = lines.map((line) => AuditEvent.parse(JSON.parse(line)));
    findings = judgePermissions(events, rules, operator);
    process.stdout.write(
      `permissions: ${findings.used.length} used, ${findings.unused.length} unused\n`,
    );
  });

  it('are enough: nothing was denied', () => {
    expect(findings.denied).toEqual([]);
  });

  it('are all used', () => {
    expect(findings.unused.filter((one) => !askedByAdmission.test(one))).toEqual([]);
    expect(findings.used).not.toEqual([]);
  });

  it('contain the one that is asked for when what is made blocks the deletion of its Canary', async () => {
    const namespace = 'finalizers';
    const may = { apiGroups: [''], resources: ['services'], verbs: ['create'] };
    const asked = {
      apiGroups: ['serin.dev'],
      resources: ['canaries/finalizers'],
      verbs: ['update'],
    };
    kubectl(['create', 'namespace', namespace]);
    grant(namespace, 'without', [may]);
    grant(namespace, 'with', [may, asked]);
    // The API server may need a while to know our kinds as owners.
    await vi.waitFor(() => expect(createService(namespace, 'with')).toMatchObject({ status: 0 }), {
      timeout: 30_000,
      interval: 1_000,
    });
    const refused = createService(namespace, 'without');
    expect(refused.status).toBe(1);
    expect(refused.stderr).toContain('cannot set blockOwnerDeletion');
    kubectl(['delete', 'namespace', namespace, '--wait=false']);
  });

  it('contain the one that is asked for when what was made is left to others', async () => {
    const namespace = 'references';
    const may = { apiGroups: [''], resources: ['services'], verbs: ['get', 'patch'] };
    kubectl(['create', 'namespace', namespace]);
    grant(namespace, 'keeper', [may]);
    grant(namespace, 'leaver', [{ ...may, verbs: [...may.verbs, 'delete'] }]);
    // An owner that is there: what has none is collected.
    kubectl(['create', 'configmap', 'cart', '-n', namespace]);
    const { stdout: uid } = kubectl([
      'get',
      'configmap',
      'cart',
      '-n',
      namespace,
      '-o',
      'jsonpath={.metadata.uid}',
    ]);
    const ownerReferences = [{ ...owner, apiVersion: 'v1', kind: 'ConfigMap', uid }];
    const metadata = { name: 'cart', namespace, ownerReferences };
    const spec = { ports: [{ port: 80 }] };
    const made = { apiVersion: 'v1', kind: 'Service', metadata, spec };
    expect(kubectl(['create', '-f', '-'], made)).toMatchObject({ status: 0 });
    const refused = letGo(namespace, 'keeper');
    expect(refused.status).toBe(1);
    expect(refused.stderr).toContain('cannot set an ownerRef');
    await vi.waitFor(() => expect(letGo(namespace, 'leaver')).toMatchObject({ status: 0 }), {
      timeout: 30_000,
      interval: 1_000,
    });
    kubectl(['delete', 'namespace', namespace, '--wait=false']);
  });

  it('name everything: there is no wildcard', () => {
    const rules = ['deploy/base/rbac.yaml', 'deploy/flagger-api/rbac.yaml'].flatMap(rulesIn);
    const words = rules.flatMap(({ apiGroups, resources, verbs }) => [
      ...apiGroups,
      ...resources,
      ...verbs,
    ]);
    expect(words.filter((word) => word.includes('*'))).toEqual([]);
  });
});

/** A user with just these rules. */
function grant(namespace: string, name: string, rules: readonly Rule[]): void {
  const apiVersion = 'rbac.authorization.k8s.io/v1';
  const roleRef = { apiGroup: 'rbac.authorization.k8s.io', kind: 'Role', name };
  const subjects = [{ apiGroup: 'rbac.authorization.k8s.io', kind: 'User', name }];
  const metadata = { name, namespace };
  for (const object of [
    { apiVersion, kind: 'Role', metadata, rules },
    { apiVersion, kind: 'RoleBinding', metadata, roleRef, subjects },
  ]) {
    expect(kubectl(['create', '-f', '-'], object)).toMatchObject({ status: 0 });
  }
}

/** The reference that the operator writes (src/core/owners.ts). */
const owner = {
  apiVersion: 'serin.dev/v1beta1',
  kind: 'Canary',
  name: 'cart',
  uid: '00000000-0000-4000-8000-000000000000',
  controller: true,
  blockOwnerDeletion: true,
};

/** As `user`, takes the reference from the Service `cart`. */
function letGo(namespace: string, user: string): Answer {
  const patch = JSON.stringify({ metadata: { ownerReferences: null } });
  return kubectl([
    'patch',
    'service',
    'cart',
    '-n',
    namespace,
    '--type=merge',
    '-p',
    patch,
    '--as',
    user,
  ]);
}

/** As `user`, a Service of a Canary. */
function createService(namespace: string, user: string): Answer {
  return kubectl(['create', '-f', '-', '--as', user], {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name: `cart-${user}`, namespace, ownerReferences: [owner] },
    spec: { ports: [{ port: 80 }] },
  });
}

interface Answer {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

function kubectl(args: readonly string[], input?: unknown): Answer {
  const { status, stdout, stderr } = spawnSync('kubectl', args, {
    input: input === undefined ? '' : JSON.stringify(input),
    encoding: 'utf8',
  });
  return { status, stdout, stderr };
}

function rulesIn(file: string): readonly Rule[] {
  return parseAllDocuments(readFileSync(file, 'utf8')).flatMap((document) => {
    const role = Role.safeParse(document.toJS());
    return role.success ? role.data.rules : [];
  });
}
