/** What a program finds around it on the node: user, files, variables, volumes. */

import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { Trial } from './trial.ts';

let trial: Trial;
beforeAll(async () => {
  trial = await Trial.begin('node-surroundings');
  await trial.make('configmaps', 'settings', { data: { colour: 'blue', 'sub.txt': 'part' } });
  await trial.make('secrets', 'keys', { stringData: { password: 'hunter2' } });
});
afterAll(() => trial.end());

const mount = (name: string, mountPath: string, more: object = {}) => ({
  name,
  mountPath,
  ...more,
});

describe('a container', () => {
  it('runs as the user and the groups that the pod asks for, without capabilities', async () => {
    const said = await trial.output('user', 'id; grep -E "CapEff|NoNewPrivs" /proc/self/status', {
      pod: { securityContext: { runAsUser: 1234, runAsGroup: 2345, fsGroup: 3456 } },
      securityContext: { allowPrivilegeEscalation: false, capabilities: { drop: ['ALL'] } },
    });
    expect(said).toContain('uid=1234 gid=2345 groups=2345,3456');
    expect(said).toMatch(/CapEff:\s+0+\n/);
    expect(said).toMatch(/NoNewPrivs:\s+1/);
  });

  it('has no capability as root either when all are dropped', async () => {
    const said = await trial.output('root', 'id -u; grep CapEff /proc/self/status', {
      securityContext: { capabilities: { drop: ['ALL'] } },
    });
    expect(said).toMatch(/^0\nCapEff:\s+0+\n$/);
  });

  it('cannot write to a read-only root, but to its volumes', async () => {
    const script =
      'for d in / /tmp /etc /data; do touch $d/x 2>/dev/null && echo "$d yes" || echo "$d no"; done';
    const parts = {
      pod: { volumes: [{ name: 'data', emptyDir: {} }], securityContext: { runAsUser: 1000 } },
      volumeMounts: [mount('data', '/data')],
    };
    const readOnly = { securityContext: { readOnlyRootFilesystem: true } };
    expect(await trial.output('read-only', script, { ...parts, ...readOnly })).toBe(
      '/ no\n/tmp no\n/etc no\n/data yes\n',
    );
    expect(await trial.output('writable', script, parts)).toBe(
      '/ no\n/tmp yes\n/etc no\n/data yes\n',
    );
  });

  it('sees nothing of the machine but libraries and the files of its image', async () => {
    const script = `const { readdirSync } = require('node:fs');
      const list = (path) => { try { return readdirSync(path).join(' '); } catch (error) { return error.code; } };
      for (const path of ['/', '/usr', '/usr/bin', '/bin', '/home', '/app', '/nodejs/bin']) console.log(path, list(path));
      console.log(readdirSync('/proc').filter((name) => Number(name) > 0).join(' '));`;
    await trial.pod('bare', {
      image: 'node-test/server:1',
      command: ['/nodejs/bin/node', '-e', script],
    });
    await trial.podWhen('bare', ({ status }) => status?.phase === 'Succeeded');
    const lines = (await trial.kubectl('logs', 'bare')).split('\n');
    expect(lines).toContain('/usr/bin ENOENT');
    expect(lines).toContain('/bin ENOENT');
    expect(lines).toContain('/home ENOENT');
    expect(lines).toContain('/app server.ts');
    expect(lines).toContain('/nodejs/bin node');
    expect(lines[0]?.split(' ')).not.toContain('root');
    expect(lines[7]).toBe('1');
  });

  it('is told what its variables say, later ones over earlier ones', async () => {
    const said = await trial.output('variables', 'env', {
      metadata: { labels: { app: 'shop' } },
      envFrom: [{ prefix: 'ALL_', configMapRef: { name: 'settings' } }],
      env: [
        { name: 'FIRST', value: 'one' },
        { name: 'SECOND', value: '$(FIRST) and $(NOBODY) and $$(FIRST)' },
        { name: 'POD', valueFrom: { fieldRef: { fieldPath: 'metadata.name' } } },
        { name: 'APP', valueFrom: { fieldRef: { fieldPath: "metadata.labels['app']" } } },
        { name: 'IP', valueFrom: { fieldRef: { fieldPath: 'status.podIP' } } },
        { name: 'NODE', valueFrom: { fieldRef: { fieldPath: 'status.hostIP' } } },
        { name: 'PASSWORD', valueFrom: { secretKeyRef: { name: 'keys', key: 'password' } } },
        { name: 'COLOUR', valueFrom: { configMapKeyRef: { name: 'settings', key: 'colour' } } },
        { name: 'NONE', valueFrom: { secretKeyRef: { name: 'no', key: 'no', optional: true } } },
        { name: 'KUBERNETES_SERVICE_HOST', value: '192.0.2.1' },
      ],
    });
    const { status } = (await trial.seen('variables')) ?? {};
    const lines = said.split('\n');
    expect(lines).toEqual(
      expect.arrayContaining([
        'FROM_IMAGE=image',
        'ALL_colour=blue',
        'SECOND=one and $(NOBODY) and $(FIRST)',
        'POD=variables',
        'APP=shop',
        `IP=${status?.podIP}`,
        'NODE=10.99.0.1',
        'PASSWORD=hunter2',
        'COLOUR=blue',
        'KUBERNETES_SERVICE_HOST=192.0.2.1',
        'KUBERNETES_SERVICE_PORT=443',
      ]),
    );
    expect(said).not.toContain('NONE=');
  });

  it('finds its working directory, its host name and the aliases of its pod', async () => {
    const said = await trial.output(
      'place',
      'pwd; hostname; cat /etc/hosts; cat /etc/resolv.conf',
      {
        pod: { hostAliases: [{ ip: '192.0.2.9', hostnames: ['elsewhere'] }] },
        workingDir: '/not/there/before',
      },
    );
    expect(said).toMatch(/^\/not\/there\/before\nplace\n/);
    expect(said).toContain('192.0.2.9 elsewhere\n');
    expect(said).toContain('kubernetes.default.svc.cluster.local\n');
  });
});

describe('volumes', () => {
  it('hold what ConfigMaps, Secrets and the pod say, at their paths and with their modes', async () => {
    const script =
      'cat /a/only; ls /a; cat /b/password; stat -L -c %a /b/password; cat /c/name /d/part; touch /a/x 2>/dev/null || echo refused';
    const said = await trial.output('volumes', script, {
      pod: {
        volumes: [
          { name: 'a', configMap: { name: 'settings', items: [{ key: 'colour', path: 'only' }] } },
          { name: 'b', secret: { secretName: 'keys', defaultMode: 0o400 } },
          {
            name: 'c',
            downwardAPI: { items: [{ path: 'name', fieldRef: { fieldPath: 'metadata.name' } }] },
          },
          { name: 'd', configMap: { name: 'settings' } },
        ],
      },
      volumeMounts: [
        mount('a', '/a'),
        mount('b', '/b'),
        mount('c', '/c'),
        mount('d', '/d/part', { subPath: 'sub.txt' }),
      ],
    });
    expect(said).toBe('blueonly\nhunter2400\nvolumespartrefused\n');
  });

  it('change with their ConfigMap while the container runs', async () => {
    await trial.make('configmaps', 'changing', { data: { value: 'before' } });
    const script =
      'cat /v/value; echo; until grep -q after /v/value; do sleep 0.1; done; cat /v/value; ls /v';
    await trial.pod('changing', {
      command: ['/bin/sh', '-c', script],
      pod: { volumes: [{ name: 'v', configMap: { name: 'changing' } }] },
      volumeMounts: [mount('v', '/v')],
    });
    await trial.until(async () => {
      const said = await trial.kubectl('logs', 'changing').catch(() => '');
      return said.includes('before') ? said : undefined;
    });
    await trial.api.patch(trial.path('configmaps', 'changing'), {
      data: { value: 'after', more: 'x' },
    });
    await trial.podWhen('changing', ({ status }) => status?.phase === 'Succeeded');
    expect(await trial.kubectl('logs', 'changing')).toBe('before\naftermore\nvalue\n');
  });

  it('change with the labels of their pod', async () => {
    const fieldRef = { fieldPath: "metadata.labels['stage']" };
    await trial.pod('labelled', {
      metadata: { labels: { stage: 'one' } },
      command: ['/bin/sh', '-c', 'until grep -q two /v/stage; do sleep 0.1; done; cat /v/stage'],
      pod: { volumes: [{ name: 'v', downwardAPI: { items: [{ path: 'stage', fieldRef }] } }] },
      volumeMounts: [mount('v', '/v')],
    });
    await trial.podWhen('labelled', ({ status }) => status?.phase === 'Running');
    await trial.api.patch(trial.path('pods', 'labelled'), {
      metadata: { labels: { stage: 'two' } },
    });
    await trial.podWhen('labelled', ({ status }) => status?.phase === 'Succeeded');
    expect(await trial.kubectl('logs', 'labelled')).toBe('two');
  });

  it('are shared by the containers of a pod and belong to its fsGroup', async () => {
    const volumeMounts = [mount('shared', '/shared')];
    const image = 'node-test/shell:1';
    const said = await trial.output('shared', 'cat /shared/word; stat -c %g /shared/word', {
      volumeMounts,
      pod: {
        securityContext: { runAsUser: 1000, fsGroup: 777 },
        volumes: [{ name: 'shared', emptyDir: {} }],
        initContainers: [
          {
            name: 'one',
            image,
            command: ['/bin/sh', '-c', 'echo one >/shared/word'],
            volumeMounts,
          },
          {
            name: 'two',
            image,
            command: ['/bin/sh', '-c', 'echo two >>/shared/word'],
            volumeMounts,
          },
        ],
      },
    });
    expect(said).toBe('one\ntwo\n777\n');
  });

  it('carry a token that the API server takes for this pod, with the audience asked for', async () => {
    const folder = '/var/run/secrets/kubernetes.io/serviceaccount';
    const said = await trial.output(
      'token',
      `cat ${folder}/token; echo; cat ${folder}/namespace; echo; cat /t/mine`,
      {
        pod: {
          securityContext: { runAsUser: 1000 },
          volumes: [
            {
              name: 'mine',
              projected: {
                sources: [
                  {
                    serviceAccountToken: { path: 'mine', audience: 'shop', expirationSeconds: 600 },
                  },
                ],
              },
            },
          ],
        },
        volumeMounts: [mount('mine', '/t')],
      },
    );
    const [token = '', namespace, mine = ''] = said.split('\n');
    expect(namespace).toBe('node-surroundings');
    const review = await trial.api.create('/apis/authentication.k8s.io/v1/tokenreviews', {
      apiVersion: 'authentication.k8s.io/v1',
      kind: 'TokenReview',
      spec: { token },
    });
    expect(review['status']).toMatchObject({
      authenticated: true,
      user: {
        username: 'system:serviceaccount:node-surroundings:default',
        extra: { 'authentication.kubernetes.io/pod-name': ['token'] },
      },
    });
    const claims = JSON.parse(Buffer.from(mine.split('.')[1] ?? '', 'base64url').toString()) as {
      aud: string[];
    };
    expect(claims.aud).toEqual(['shop']);
  });

  it('keep a container waiting until what they show is there', async () => {
    await trial.pod('early', {
      command: ['/bin/sh', '-c', 'cat /v/word'],
      pod: { volumes: [{ name: 'v', configMap: { name: 'late' } }] },
      volumeMounts: [mount('v', '/v')],
    });
    expect(await trial.events('early', 'FailedMount')).toEqual([
      'MountVolume.SetUp failed: configmap "late" not found',
    ]);
    await trial.make('configmaps', 'late', { data: { word: 'there' } });
    await trial.podWhen('early', ({ status }) => status?.phase === 'Succeeded');
    expect(await trial.kubectl('logs', 'early')).toBe('there');
  });
});
