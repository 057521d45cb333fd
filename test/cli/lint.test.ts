import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';

import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { lint, lintCommand } from '../../src/cli/lint.ts';

const good = `
apiVersion: serin.dev/v1beta1
kind: Canary
metadata: { name: cart, namespace: shop }
spec:
  targetRef: { apiVersion: apps/v1, kind: Deployment, name: cart }
  service: { port: 80 }
  analysis: { interval: 1m, threshold: 2, stepWeight: 10 }
`;

/** Reports of one text, with file and line before what is wrong. */
function problemsIn(text: string, provider?: string): readonly string[] {
  return lint([['f.yaml', text]], { provider }).problems.map(
    ({ line, reason, field, problem }) => `${line} ${reason} ${field} ${problem}`,
  );
}

const other = (version: string, kind: string) =>
  `apiVersion: ${version}\nkind: ${kind}\nmetadata: { name: x }\nspec: {}\n`;

/** A MetricTemplate with this query. */
const template = (query: string) => `apiVersion: serin.dev/v1beta1
kind: MetricTemplate
metadata: { name: errors }
spec:
  provider: { type: prometheus, address: 'http://prometheus:9090' }
  query: ${JSON.stringify(query)}
`;

describe('serin lint', () => {
  it('finds nothing in a Canary that is right', () => {
    expect(lint([['f.yaml', good]], {})).toEqual({
      problems: [],
      warnings: [],
      passedOver: [],
      checked: 1,
    });
  });

  it('says on which line of which document, and what to do', () => {
    const text = `${good.trimStart()}---\n${good.trimStart().replace('stepWeight: 10', 'stepWeights: [9, 5]')}`;
    expect(lint([['f.yaml', text]], {}).problems).toEqual([
      {
        file: 'f.yaml',
        line: 15,
        object: 'Canary shop/cart',
        field: 'spec.analysis.stepWeights',
        problem: 'does not rise at 5',
        remedy: 'make each weight greater than the one before it',
        reason: 'InvalidSpec',
      },
    ]);
  });

  it('says what is not supported also beside what cannot be read', () => {
    const text = good.replace('stepWeight: 10', 'stepWeight: ten, mirror: true');
    const fields = lint([['f.yaml', text]], {}).problems.map(
      ({ field, reason }) => `${reason} ${field}`,
    );
    expect(fields).toContain('NotSupported spec.analysis.mirror');
    expect(fields).toContain('InvalidSpec spec.analysis.stepWeight');
  });

  it('orders problems by line, and says NotSupported where that is it', () => {
    const text = `apiVersion: serin.dev/v1beta1
kind: Canary
metadata:
  name: cart
spec:
  provider: istio
  targetRef:
    apiVersion: apps/v1
    kind: DaemonSet
    name: cart
  service:
    port: 80
    gatewayref: []
  analysis:
    interval: 10ms
    threshold: 1
    stepWeight: 10
    webhooks:
      - name: one
        url: one
      - name: two
        url: http://two
        onDeadline: proceed
`;
    expect(problemsIn(text)).toEqual([
      '6 NotSupported spec.provider is not supported yet with the value "istio"',
      '9 NotSupported spec.targetRef.kind is not supported yet with the value "DaemonSet"',
      '13 InvalidSpec spec.service.gatewayref is no field, and would be dropped',
      '15 InvalidSpec spec.analysis.interval is too short (10ms)',
      '20 InvalidSpec spec.analysis.webhooks[0].url is not an HTTP address',
      '23 InvalidSpec spec.analysis.webhooks[1].onDeadline is for gates only',
    ]);
  });

  it('guesses what a misspelt field was meant to be', () => {
    const [problem] = lint([['f.yaml', good.replace('threshold', 'treshold')]], {}).problems;
    expect(problem?.remedy).toBe('did you mean threshold?');
  });

  it('points to the place where something is missing', () => {
    expect(problemsIn(good.replace('service: { port: 80 }', 'service:\n    name: cart'))).toEqual([
      '7 InvalidSpec spec.service.port is missing',
    ]);
  });

  it('reads the templates of queries', () => {
    expect(problemsIn(template('up{ns="{{ namespace }}"} > {{ variables.most }}'))).toEqual([]);
    expect(problemsIn(template('up{ns="{{ printf 1 }}"}'))).toEqual([
      expect.stringMatching(/^6 InvalidSpec spec.query cannot be filled in/),
    ]);
    const inline = good.replace(
      'stepWeight: 10',
      "stepWeight: 10, metrics: [{ name: x, threshold: 1, query: 'up{{' }]",
    );
    expect(problemsIn(inline)).toEqual([
      expect.stringMatching(/^8 InvalidSpec spec.analysis.metrics\[0\].query cannot be filled in/),
    ]);
  });

  it('passes over what is not ours, and counts only what is', () => {
    const service = 'apiVersion: v1\nkind: Service\nmetadata: { name: cart }\n';
    const report = lint([['f.yaml', `${service}---\n${good}---\n# nothing\n---\n- a list\n`]], {});
    expect(report).toMatchObject({
      problems: [],
      passedOver: [{ file: 'f.yaml', line: 2, object: 'Service cart' }],
      checked: 1,
    });
  });

  it('looks into lists', () => {
    const item = good.trim().replaceAll('\n', '\n    ').replace('stepWeight: 10', 'stepWeight: 0');
    expect(problemsIn(`apiVersion: v1\nkind: List\nitems:\n  - ${item}\n`)).toEqual([
      '10 InvalidSpec spec.analysis.stepWeight is too small',
    ]);
  });

  it('reads every kind of both groups, and no other version', () => {
    expect(problemsIn(other('flagger.app/v1beta1', 'AlertProvider')).length).toBeGreaterThan(0);
    expect(problemsIn(other('serin.dev/v1beta1', 'MetricTemplate')).length).toBeGreaterThan(0);
    expect(problemsIn(other('flagger.app/v1alpha3', 'Canary'))).toEqual([
      '1 InvalidSpec apiVersion names a version that is not served ("flagger.app/v1alpha3")',
    ]);
    expect(problemsIn(other('serin.dev/v1beta1', 'Canry'))).toEqual([
      '2 InvalidSpec kind names a kind that this group does not have ("Canry")',
    ]);
  });

  it('judges by the provider of the operator', () => {
    expect(problemsIn(good, 'kubernetes')).toEqual([
      expect.stringContaining('spec.analysis.stepWeight cannot be used with provider kubernetes'),
    ]);
  });

  it('warns of what works, but perhaps not as meant', () => {
    const text = good.replace(
      'stepWeight: 10',
      'stepWeight: 10, metrics: [{ name: request-duration }]',
    );
    const { problems, warnings } = lint([['f.yaml', text]], {});
    expect(problems).toEqual([]);
    expect(warnings).toEqual([
      expect.objectContaining({ line: 5, message: expect.stringContaining('request-duration') }),
    ]);
  });

  it('says where a text is no YAML', () => {
    expect(problemsIn('a: b\nc: [d\n')).toEqual([
      expect.stringMatching(/^[23] InvalidSpec {2}cannot be read as YAML/),
    ]);
  });

  it('does not choke on anything', () => {
    for (const text of [
      '',
      '---\n',
      'null',
      '7',
      '[]',
      'apiVersion: 7\nkind: []\n',
      'kind: Canary\n',
    ]) {
      expect(lint([['f.yaml', text]], {}).problems).toEqual([]);
    }
  });
});

describe('the lint command', () => {
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(path.join(tmpdir(), 'serin-lint-'));
  });
  afterEach(() => {
    rmSync(folder, { recursive: true });
    process.exitCode = undefined;
  });

  async function run(text: string, ...options: string[]) {
    const file = path.join(folder, 'f.yaml');
    writeFileSync(file, text);
    let out = '';
    const command = lintCommand().configureOutput({ writeOut: (more) => (out += more) });
    await command.parseAsync([file, ...options], { from: 'user' });
    return { out: out.replaceAll(file, 'f.yaml'), code: process.exitCode ?? 0 };
  }

  it('ends with 0 when there is no problem', async () => {
    expect(await run(good)).toEqual({ out: '0 problems in 1 object\n', code: 0 });
  });

  it('ends with 1 when there is one, and prints it on one line', async () => {
    expect(await run(good.replace('interval: 1m', 'interval: 1ms'))).toEqual({
      out: 'f.yaml:8: Canary shop/cart: InvalidSpec: spec.analysis.interval is too short (1ms): write at least 1s\n1 problem in 1 object\n',
      code: 1,
    });
  });

  it('prints JSON for programs', async () => {
    const { out, code } = await run(
      good.replace('kind: Deployment', 'kind: DaemonSet'),
      '--output',
      'json',
    );
    expect(code).toBe(1);
    expect(JSON.parse(out)).toMatchObject({
      problems: [{ reason: 'NotSupported', field: 'spec.targetRef.kind', line: 6 }],
      checked: 1,
    });
  });

  it('fails on a file that is not there', async () => {
    await expect(
      lintCommand().parseAsync([path.join(folder, 'none.yaml')], { from: 'user' }),
    ).rejects.toThrow('none.yaml');
  });
});
