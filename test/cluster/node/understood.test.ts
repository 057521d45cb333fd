import { readFileSync } from 'node:fs';

import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';

import type { PodSpec } from './types.ts';
import { notUnderstood } from './understood.ts';

/** What stands in a manifest is not bound to our types. */
const unknownIn = (spec: object) => notUnderstood({ spec: spec as PodSpec });
const withContainer = (container: object) =>
  unknownIn({ containers: [{ name: 'main', image: 'a', ...container }] });

describe('the fields that the node understands', () => {
  it('cover the operator as it ships', () => {
    const manifest = parse(readFileSync('deploy/base/deployment.yaml', 'utf8')) as {
      spec: { template: { spec: object } };
    };
    expect(unknownIn(manifest.spec.template.spec)).toEqual([]);
  });

  it('cover what the API server adds to every pod', () => {
    const source = { serviceAccountToken: { expirationSeconds: 3607, path: 'token' } };
    const spec = {
      containers: [
        {
          name: 'main',
          image: 'a',
          imagePullPolicy: 'Always',
          terminationMessagePath: '/dev/termination-log',
          terminationMessagePolicy: 'File',
          volumeMounts: [{ name: 'kube-api-access-1', mountPath: '/x', readOnly: true }],
        },
      ],
      volumes: [{ name: 'kube-api-access-1', projected: { defaultMode: 420, sources: [source] } }],
      dnsPolicy: 'ClusterFirst',
      enableServiceLinks: true,
      preemptionPolicy: 'PreemptLowerPriority',
      priority: 0,
      restartPolicy: 'Always',
      schedulerName: 'default-scheduler',
      securityContext: {},
      terminationGracePeriodSeconds: 30,
      tolerations: [{ key: 'a', operator: 'Exists' }],
    };
    expect(unknownIn(spec)).toEqual([]);
  });

  it('are named by their path when they are missing, at every depth', () => {
    const spec = {
      containers: [
        { name: 'a', image: 'a' },
        { name: 'b', image: 'b', livenessProbe: { grpc: { port: 1 } }, tty: true },
      ],
      volumes: [{ name: 'v', hostPath: { path: '/' } }],
      runtimeClassName: 'other',
    };
    expect(unknownIn(spec)).toEqual([
      'spec.containers[1].livenessProbe.grpc',
      'spec.containers[1].tty (true)',
      'spec.volumes[0].hostPath',
      'spec.runtimeClassName',
    ]);
  });

  it('do not include a field of another type in its place', () => {
    expect(withContainer({ env: 'HOME=/' })).toEqual(['spec.containers[0].env']);
    expect(withContainer({ securityContext: [1] })).toEqual(['spec.containers[0].securityContext']);
  });

  it('may be empty, and unknown ones too', () => {
    expect(withContainer({ volumeDevices: [], tty: false, stdin: null })).toEqual([]);
  });

  it('do not include names that every object has', () => {
    expect(withContainer({ constructor: 1 })).toEqual(['spec.containers[0].constructor']);
  });
});
