import { describe, expect, it } from 'vitest';

import {
  parseSettings,
  settingsHelp,
  settingsMarkdown,
  settingsTable,
  type Settings,
} from '../../src/config.ts';

function settings(argv: readonly string[], env: Record<string, string> = {}): Settings {
  const parsed = parseSettings(argv, env);
  if ('problems' in parsed) throw new Error(parsed.problems.join('\n'));
  return parsed;
}

function problems(argv: readonly string[], env: Record<string, string> = {}): readonly string[] {
  const parsed = parseSettings(argv, env);
  return 'problems' in parsed ? parsed.problems : [];
}

describe('operator settings', () => {
  it('has a value for everything that needs one when nothing is given', () => {
    expect(settings([])).toEqual({
      kubeconfig: undefined,
      namespaces: [],
      metricsServer: 'http://prometheus:9090',
      provider: 'gatewayapi',
      flaggerApi: false,
      meshProvider: undefined,
      selectorLabels: ['app', 'name', 'app.kubernetes.io/name'],
      includeLabelPrefix: [],
      slackUrl: undefined,
      slackToken: undefined,
      slackChannel: undefined,
      slackUser: 'serin',
      slackProxyUrl: undefined,
      eventWebhook: undefined,
      clusterName: undefined,
      noCrossNamespaceRefs: false,
      drainMs: 5_000,
      settleMs: 30_000,
      workers: 16,
      leaderElect: true,
      leaseName: 'serin',
      leaseNamespace: 'serin-system',
      leaseIdentity: undefined,
      leaseDurationMs: 10_000,
      leaseRenewDeadlineMs: 7_000,
      leaseRetryPeriodMs: 2_000,
      port: 8080,
      logLevel: 'info',
    });
  });

  it('reads flags in all the ways people write them', () => {
    const parsed = settings([
      '--workers',
      '4',
      '--port=0',
      '-mesh-provider=kubernetes',
      '-drain',
      '1m30s',
    ]);
    expect(parsed).toMatchObject({
      workers: 4,
      port: 0,
      meshProvider: 'kubernetes',
      drainMs: 90_000,
    });
  });

  it('takes namespaces repeated and in lists', () => {
    const { namespaces } = settings(['--namespace=shop, pay', '--namespace', 'mail']);
    expect(namespaces).toEqual(['shop', 'pay', 'mail']);
  });

  it('lets a switch stand alone or say false', () => {
    expect(settings(['--flagger-api', '--leader-elect=false'])).toMatchObject({
      flaggerApi: true,
      leaderElect: false,
    });
  });

  it('lets the last of two equal flags count', () => {
    expect(settings(['--workers=2', '--workers=3']).workers).toBe(3);
  });

  it('prefers variables for secrets, and flags for the rest', () => {
    const env = { SLACK_URL: 'https://hooks.test/env', POD_NAMESPACE: 'from-env' };
    const argv = ['--slack-url=https://hooks.test/flag', '--lease-namespace=from-flag'];
    expect(settings(argv, env)).toMatchObject({
      slackUrl: 'https://hooks.test/env',
      leaseNamespace: 'from-flag',
    });
    expect(settings([], env).leaseNamespace).toBe('from-env');
  });

  it('takes an empty variable or an empty optional flag for none', () => {
    expect(settings(['--slack-url='], { SLACK_TOKEN: '', POD_NAMESPACE: '' })).toMatchObject({
      slackUrl: undefined,
      slackToken: undefined,
      leaseNamespace: 'serin-system',
    });
  });

  it.each([
    [
      ['--drain=5 parsecs'],
      '--drain: "5 parsecs" is not a duration; write it like 500ms, 5s or 1m30s',
    ],
    [['--drain=-5s'], '--drain: "-5s" is not a duration; write it like 500ms, 5s or 1m30s'],
    [['--workers=0'], '--workers: "0" is not a whole number from 1 to 1000'],
    [['--workers=1e2'], '--workers: "1e2" is not a whole number from 1 to 1000'],
    [['--port=65536'], '--port: "65536" is not a whole number from 0 to 65535'],
    [['--flagger-api=yes'], '--flagger-api: "yes" is neither true nor false'],
    [['--log-level=loud'], '--log-level: "loud" is not one of debug, info, warn, error'],
    [
      ['--metrics-server=prometheus:9090'],
      '--metrics-server: "prometheus:9090" is not an address that begins with http:// or https://',
    ],
    [['--workers'], '--workers: has no value; write --workers=COUNT'],
    [['--worker=3'], '--worker: unknown flag; did you mean --workers?'],
    [['--colour', 'red'], '--colour: unknown flag; see serin operator --help'],
    [['-threadiness=2'], '--threadiness: is a flag of Flagger; use --workers'],
    [
      ['--leader-elect', 'false'],
      '"false": is no flag; a switch takes its value with =, as in --leader-elect=false',
    ],
    [
      ['--slack-token=xoxb-1'],
      '--slack-token: needs --slack-channel, the channel that the bot posts to',
    ],
    [['--lease-duration=5s'], '--lease-renew-deadline: must be shorter than --lease-duration'],
    [
      ['--lease-retry-period=10s'],
      '--lease-retry-period: must be shorter than --lease-renew-deadline',
    ],
    [['--selector-labels=,'], '--selector-labels: "," names no label'],
  ])('refuses %j and says what to write', (argv, problem) => {
    expect(problems(argv)).toEqual([problem]);
  });

  it('names all problems at once', () => {
    expect(problems(['--workers=x', '--port=x', '--nope'])).toHaveLength(3);
  });

  it('keeps secrets out of its complaints', () => {
    const complaints = problems(['--slack-url=hooks.test/T0/B0/secret'], {
      SLACK_PROXY_URL: 'me:secret@proxy',
    });
    expect(complaints).toHaveLength(2);
    expect(complaints.join(' ')).not.toContain('secret@');
    expect(complaints.join(' ')).not.toContain('B0');
    expect(complaints[1]).toContain('variable SLACK_PROXY_URL');
  });

  it('has defaults that it accepts itself', () => {
    for (const { fallback, schema } of Object.values(settingsTable)) {
      if (fallback !== undefined) expect(schema.safeParse(fallback).success).toBe(true);
    }
  });

  it('uses each flag and each variable once', () => {
    const rows = Object.values(settingsTable);
    expect(new Set(rows.map(({ flag }) => flag)).size).toBe(rows.length);
    const variables = rows.flatMap((row) =>
      'env' in row && row.env !== undefined ? [row.env] : [],
    );
    expect(new Set(variables).size).toBe(variables.length);
  });

  it('explains every flag in the help and in the table', () => {
    for (const { flag, description } of Object.values(settingsTable)) {
      expect(settingsHelp()).toContain(`  --${flag}`);
      expect(settingsHelp().replaceAll(/\s+/g, ' ')).toContain(description);
      expect(settingsMarkdown()).toContain(`--${flag}`);
    }
  });

  it('keeps the help within a hundred columns, and warns of secrets in flags', () => {
    const help = settingsHelp();
    for (const line of help.split('\n').slice(0, -1)) expect(line.length).toBeLessThanOrEqual(100);
    expect(help).toMatch(/secret.*by variable/);
  });
});
