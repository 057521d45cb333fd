import { describe, expect, it } from 'vitest';

import { servedKinds } from '../../src/api/crd.ts';
import {
  parseAlertProvider,
  parseCanary,
  validate,
  validateAlertProvider,
} from '../../src/api/validation.ts';
import { brokenRules } from '../../src/cli/cel-rules.ts';
import { compileSchema } from '../../src/sandbox/api-server/schema/compiled-schema.ts';
import { aManifest, messagesIn, servedSchema } from '../unit/api/manifests.ts';

const match = (condition: object) => aManifest({ service: { match: [condition] } });
const inAnalysis = (analysis: object) => aManifest({ analysis: { ...analysis } });

/** For each rule of the definitions, by its message, a manifest that breaks it and nothing else. */
const breaking: Readonly<
  Record<string, readonly { readonly kind: string; readonly spec: object }[]>
> = {
  'the name of the Service must have at most 55 characters, because `-primary` is added to it: set spec.service.name':
    [
      aManifest({ service: { name: 'n'.repeat(56) } }),
      aManifest({
        spec: { targetRef: { apiVersion: 'apps/v1', kind: 'Deployment', name: 'n'.repeat(56) } },
      }),
    ],
  'provider kubernetes cannot split traffic by weight: use spec.analysis.iterations, or another provider':
    [aManifest({ spec: { provider: 'kubernetes' } })],
  'provider kubernetes cannot tell requests apart: remove analysis.match or choose another provider':
    [
      aManifest({
        spec: { provider: 'kubernetes' },
        analysis: { iterations: 2, match: [{ headers: { a: { exact: 'b' } } }] },
      }),
    ],
  'set exactly one of stepWeight, stepWeights and iterations': [
    inAnalysis({ stepWeight: 1, iterations: 1 }),
    aManifest({ spec: { analysis: { interval: '1m', threshold: 1 } } }),
  ],
  'each weight must be greater than the one before it': [
    inAnalysis({ stepWeights: [10, 5] }),
    inAnalysis({ stepWeights: [5, 5] }),
  ],
  'min must not be greater than max': [
    inAnalysis({ metrics: [{ name: 'request-duration', thresholdRange: { min: 1.5, max: 1 } }] }),
  ],
  'deadline and onDeadline are for confirm-rollout, confirm-traffic-increase and confirm-promotion':
    [
      inAnalysis({ webhooks: [{ name: 'a', url: 'http://a', deadline: '1h' }] }),
      inAnalysis({
        webhooks: [{ name: 'a', url: 'http://a', type: 'event', onDeadline: 'proceed' }],
      }),
    ],
  'primaryCookieName must differ from cookieName': [
    inAnalysis({ sessionAffinity: { cookieName: 'a', primaryCookieName: 'a' } }),
  ],
  'set exactly one of exact, prefix, suffix and regex': [
    inAnalysis({ match: [{ headers: { a: {} } }] }),
    inAnalysis({ match: [{ headers: { a: { exact: 'a', suffix: 'b' } } }] }),
  ],
  'set at most one of exact, prefix and regex': [
    match({ uri: { exact: '/', prefix: '/' } }),
    match({ headers: { a: { exact: 'a', regex: 'b' } } }),
  ],
  'set exactly one of exact, prefix and regex': [
    aManifest({ service: { corsPolicy: { allowOrigins: [{}] } } }),
  ],
  'a Service needs a port': [aManifest({ service: { mirror: [{ backendRef: { name: 'a' } }] } })],
  'set simple or consistentHash': [
    aManifest({ service: { trafficPolicy: { loadBalancer: { warmupDurationSecs: '1s' } } } }),
  ],
  'set address or secretRef': [{ ...aManifest(), kind: 'AlertProvider', spec: { type: 'slack' } }],
};

function problemsOf(manifest: { readonly kind: string }): number {
  if (manifest.kind === 'AlertProvider') {
    const { value, problems } = parseAlertProvider(manifest);
    return value ? validateAlertProvider(value).length : problems.length;
  }
  const { value, problems } = parseCanary(manifest);
  return value ? validate(value, { group: 'serin.dev' }).length : problems.length;
}

const cases = Object.entries(breaking).flatMap(([message, manifests]) =>
  manifests.map((manifest) => ({ message, manifest })),
);

describe('a rule of the definitions', () => {
  it('has a manifest here that breaks it', () => {
    const all = new Set(servedKinds.flatMap(({ schema }) => messagesIn(schema)));
    expect(Object.keys(breaking).sort()).toEqual([...all].sort());
  });

  it.each(cases)(
    'is broken for lint, for the API server and for the operator: $message',
    ({ message, manifest }) => {
      const schema = servedSchema(manifest.kind);
      expect(brokenRules(schema, manifest).map((broken) => broken.message)).toEqual([message]);
      const causes = compileSchema(schema).validate(manifest, undefined);
      expect(causes.map((cause) => cause.message)).toEqual([expect.stringContaining(message)]);
      expect(problemsOf(manifest)).toBeGreaterThan(0);
    },
  );

  it('holds for a manifest that is right', () => {
    const manifest = aManifest({
      service: {
        match: [{ uri: { prefix: '/' } }],
        mirror: [{ backendRef: { name: 'a', port: 80 } }],
      },
      analysis: {
        stepWeights: [1, 5, 10],
        webhooks: [{ name: 'a', url: 'http://a', type: 'confirm-rollout', deadline: '1h' }],
      },
    });
    expect(brokenRules(servedSchema('Canary'), manifest)).toEqual([]);
  });

  it('lets weights pass that provider kubernetes ignores under flagger.app', () => {
    const manifest = {
      ...aManifest({ spec: { provider: 'kubernetes' } }),
      apiVersion: 'flagger.app/v1beta1',
    };
    expect(brokenRules(servedSchema('Canary', 'flagger.app'), manifest)).toEqual([]);
  });
});
