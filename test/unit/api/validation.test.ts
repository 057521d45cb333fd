import { describe, expect, it } from 'vitest';

import type { ApiGroup } from '../../../src/api/group.ts';
import {
  parseAlertProvider,
  parseCanary,
  parseMetricTemplate,
  problemText,
  validate,
  validateAlertProvider,
  validateMetricTemplate,
} from '../../../src/api/validation.ts';
import { brokenCanaries, gate } from './broken-canaries.ts';
import { aCanary, aManifest } from './manifests.ts';

type Parts = Parameters<typeof aCanary>[0];

function problemsOf(parts: Parts, group: ApiGroup = 'serin.dev') {
  return validate(aCanary(parts), { group });
}

const fieldsOf = (parts: Parts, group?: ApiGroup) =>
  problemsOf(parts, group).map(({ field }) => field);

describe('a Canary', () => {
  it('without problems has none', () => {
    expect(problemsOf({})).toEqual([]);
    expect(problemsOf({}, 'flagger.app')).toEqual([]);
  });

  it.each(brokenCanaries)('with %s has a problem there', (_, parts, fields) => {
    expect(fieldsOf(parts)).toEqual(fields);
  });

  it('gets to know all its problems at once', () => {
    const parts = {
      spec: { provider: 'istio' },
      service: { hosts: ['*'] },
      analysis: { stepWeights: [20, 10], interval: '1ms', webhooks: [{ ...gate, url: '' }] },
    };
    expect(fieldsOf(parts)).toEqual([
      'spec.analysis.stepWeights',
      'spec.analysis.interval',
      'spec.analysis.webhooks[0].url',
      'spec.provider',
      'spec.service.hosts[0]',
    ]);
  });

  it('is told what to write instead', () => {
    const [problem] = problemsOf({ analysis: { interval: '10ms' } });
    expect(problem).toEqual({
      field: 'spec.analysis.interval',
      problem: 'is too short (10ms)',
      remedy: 'write at least 1s',
      reason: 'InvalidSpec',
    });
    expect(problem && problemText(problem)).toBe(
      'spec.analysis.interval is too short (10ms): write at least 1s',
    );
  });

  it('under flagger.app may have weights and route fields that provider kubernetes ignores', () => {
    const parts = {
      spec: { provider: 'kubernetes' },
      analysis: { stepWeight: 5 },
      service: { timeout: '1s' },
    };
    expect(fieldsOf(parts, 'flagger.app')).toEqual([]);
    expect(fieldsOf({ ...parts, analysis: { iterations: 0 } }, 'flagger.app')).toEqual([]);
  });

  it('under flagger.app may not match requests with provider kubernetes either', () => {
    const match = [{ headers: { a: { exact: 'b' } } }];
    expect(
      fieldsOf(
        { spec: { provider: 'kubernetes' }, analysis: { iterations: 2, match } },
        'flagger.app',
      ),
    ).toEqual(['spec.analysis.match']);
  });

  it('is judged by the provider of the operator when it names none', () => {
    const canary = aCanary();
    const withProvider = (defaultProvider: string) =>
      validate(canary, { group: 'serin.dev', defaultProvider }).map(({ field }) => field);
    expect(withProvider('kubernetes')).toEqual(['spec.analysis.stepWeight']);
    expect(withProvider('istio')).toEqual(['spec.provider']);
  });

  it('may refer to other namespaces unless the operator is told to refuse that', () => {
    const canary = aCanary({
      analysis: {
        metrics: [{ name: 'a', threshold: 1, templateRef: { name: 'a', namespace: 'ops' } }],
        alerts: [
          { name: 'a', providerRef: { name: 'slack', namespace: 'ops' } },
          { name: 'b', providerRef: { name: 'slack', namespace: 'shop' } },
        ],
      },
    });
    expect(validate(canary, { group: 'serin.dev' })).toEqual([]);
    const refused = validate(canary, { group: 'serin.dev', noCrossNamespaceRefs: true });
    expect(refused.map(({ field }) => field)).toEqual([
      'spec.analysis.metrics[0].templateRef.namespace',
      'spec.analysis.alerts[0].providerRef.namespace',
    ]);
  });
});

describe('an object of the wrong shape', () => {
  it('has a problem for each field, in words', () => {
    const manifest = aManifest({
      spec: { targetRef: { kind: 'Job', name: 7 } },
      analysis: { interval: '30sfoo', threshold: 1.5, stepWeight: 0 },
    });
    const { value, problems } = parseCanary(manifest);
    expect(value).toBeUndefined();
    expect(problems.map(problemText)).toEqual([
      'spec.targetRef.apiVersion is missing: add it; it is a text',
      'spec.targetRef.kind has a value that is not among those it can have: write one of "Deployment", "DaemonSet", "Service"',
      'spec.targetRef.name is not a text: write a text',
      'spec.analysis.interval is not a duration: write it like 30s, 1m30s or 500ms',
      'spec.analysis.threshold is not a whole number: write a whole number',
      'spec.analysis.stepWeight is too small: the number has to be at least 1',
    ]);
  });

  it.each([undefined, null, 'text', [], {}])('is refused when it is %j', (object) => {
    expect(parseCanary(object).problems.length).toBeGreaterThan(0);
  });

  it('is read without its status, which anybody may have edited', () => {
    expect(parseCanary({ ...aManifest(), status: { phase: 7 } }).problems).toEqual([]);
  });

  it('keeps nothing that no schema knows', () => {
    expect(
      parseCanary(aManifest({ analysis: { unheardOf: 1 } })).value?.spec.analysis,
    ).not.toHaveProperty('unheardOf');
  });
});

const template = (provider: object, query = 'up') => {
  const { value, problems } = parseMetricTemplate({
    apiVersion: 'serin.dev/v1beta1',
    kind: 'MetricTemplate',
    metadata: { name: 'errors' },
    spec: { provider, query },
  });
  return (value ? validateMetricTemplate(value) : problems).map(
    ({ field, reason }) => `${reason} ${field}`,
  );
};

describe('a MetricTemplate', () => {
  it('asks Prometheus', () => {
    expect(template({ type: 'prometheus', address: 'http://prometheus:9090' })).toEqual([]);
    expect(template({ type: 'prometheus' })).toEqual(['InvalidSpec spec.provider.address']);
    expect(template({ type: 'prometheus', address: 'prometheus' }, ' ')).toEqual([
      'InvalidSpec spec.provider.address',
      'InvalidSpec spec.query',
    ]);
  });

  it('cannot ask anybody else yet', () => {
    expect(template({ type: 'datadog' })).toEqual(['NotSupported spec.provider.type']);
    expect(template({ type: 'oracle' })).toEqual(['InvalidSpec spec.provider.type']);
  });
});

const provider = (spec: object) => {
  const { value, problems } = parseAlertProvider({
    apiVersion: 'flagger.app/v1beta1',
    kind: 'AlertProvider',
    metadata: { name: 'slack' },
    spec,
  });
  return (value ? validateAlertProvider(value) : problems).map(
    ({ field, reason }) => `${reason} ${field}`,
  );
};

describe('an AlertProvider', () => {
  it('needs an address, a Secret, or both', () => {
    const address = 'https://hooks.slack.com/services/a';
    expect(provider({ type: 'slack', address })).toEqual([]);
    expect(provider({ type: 'slack', secretRef: { name: 'slack' } })).toEqual([]);
    expect(provider({ type: 'slack', address, secretRef: { name: 'slack' } })).toEqual([]);
    expect(provider({ type: 'slack' })).toEqual(['InvalidSpec spec.address']);
    expect(provider({ type: 'slack', address: 'slack', proxy: 'proxy' })).toEqual([
      'InvalidSpec spec.address',
      'InvalidSpec spec.proxy',
    ]);
  });

  it('cannot tell anybody but Slack yet', () => {
    expect(provider({ type: 'discord', address: 'https://discord.com/x' })).toEqual([
      'NotSupported spec.type',
    ]);
  });
});
