/**
 * The settings of `serin operator`: one table, from which the parser, `--help` and the documentation are made.
 *
 * This is the only file that knows about environment variables. Flags are written as kubectl's (`--flag value`,
 * `--flag=value`); one dash is understood too, because Flagger's deployments are written that way.
 */
import * as z from 'zod';

import { parseDuration } from './api/duration.ts';

/** One row of the table. */
export interface Setting<T> {
  readonly flag: string;
  /** The variable that can set it too. */
  readonly env?: string;
  /** Which of the two counts when both are given; the variable for what is a secret, as in Flagger. */
  readonly stronger?: 'flag' | 'env';
  /** What stands for the value in `--help`; a switch has none and may stand alone. */
  readonly placeholder?: string;
  /** As a user would write it; absent when there is no value unless one is given. */
  readonly fallback?: string;
  /** May be given several times; the values are joined with commas. */
  readonly repeatable?: boolean;
  readonly secret?: boolean;
  readonly schema: z.ZodType<T, string>;
  readonly description: string;
}

/** A setting that always has a value. */
function always<T>(setting: Setting<T> & { readonly fallback: string }): Setting<T> {
  return setting;
}

/** A setting without which the operator can do. */
function optional<T>(setting: Setting<T>): Setting<T | undefined> {
  return setting;
}

const name = z.string().regex(/^\S+$/, 'is not one word');

const httpUrlText = z
  .string()
  .refine(
    (text) => /^https?:\/\//i.test(text) && URL.canParse(text),
    'is not an address that begins with http:// or https://',
  );

const booleanText = z
  .enum(['true', 'false'], 'is neither true nor false')
  .transform((text) => text === 'true');

const listText = z.string().transform((text) =>
  text
    .split(',')
    .map((part) => part.trim())
    .filter((part) => part !== ''),
);

function wholeNumber(min: number, max: number): z.ZodType<number, string> {
  return z
    .string()
    .refine(
      (text) => /^[0-9]{1,9}$/.test(text) && Number(text) >= min && Number(text) <= max,
      `is not a whole number from ${min} to ${max}`,
    )
    .transform(Number);
}

function duration({ min }: { readonly min: number }): z.ZodType<number, string> {
  return z.string().transform((text, context) => {
    const ms = parseDuration(text);
    if (ms !== undefined && ms >= min) return ms;
    const atLeast = min === 0 ? '' : ` of at least ${min} ms`;
    context.addIssue(`is not a duration${atLeast}; write it like 500ms, 5s or 1m30s`);
    return z.NEVER;
  });
}

/** Every flag and variable of the operator, in the order in which `--help` prints them. */
export const settingsTable = {
  kubeconfig: optional({
    flag: 'kubeconfig',
    env: 'KUBECONFIG',
    placeholder: 'FILE',
    schema: z.string(),
    description: 'how to reach the API server; inside a cluster the service account is used',
  }),
  namespaces: always({
    flag: 'namespace',
    placeholder: 'NAME',
    fallback: '',
    repeatable: true,
    schema: listText,
    description: 'namespaces to look after, repeated or separated by commas; all when empty',
  }),
  metricsServer: always({
    flag: 'metrics-server',
    placeholder: 'URL',
    fallback: 'http://prometheus:9090',
    schema: httpUrlText,
    description:
      'Prometheus that answers the built-in checks and queries without a provider of their own',
  }),
  provider: always({
    flag: 'provider',
    placeholder: 'NAME',
    fallback: 'gatewayapi',
    schema: name,
    description: 'what routes traffic when a Canary names no `provider`',
  }),
  flaggerApi: always({
    flag: 'flagger-api',
    fallback: 'false',
    schema: booleanText,
    description: 'also look after Canaries of the group flagger.app, in place of Flagger',
  }),
  meshProvider: optional({
    flag: 'mesh-provider',
    placeholder: 'NAME',
    schema: name,
    description: 'as --provider, for Canaries of the group flagger.app only',
  }),
  selectorLabels: always({
    flag: 'selector-labels',
    placeholder: 'LABELS',
    fallback: 'app,name,app.kubernetes.io/name',
    schema: listText.refine((labels) => labels.length > 0, 'names no label'),
    description:
      'labels that may tell the pods of two workloads apart; the first that a target selects by is used',
  }),
  includeLabelPrefix: always({
    flag: 'include-label-prefix',
    placeholder: 'PREFIXES',
    fallback: '',
    schema: listText,
    description:
      'labels and annotations of the target that its primary gets too, by prefix; `*` means all',
  }),
  slackUrl: optional({
    flag: 'slack-url',
    env: 'SLACK_URL',
    stronger: 'env',
    placeholder: 'URL',
    secret: true,
    schema: httpUrlText,
    description: 'Slack webhook for Canaries without `analysis.alerts`',
  }),
  slackToken: optional({
    flag: 'slack-token',
    env: 'SLACK_TOKEN',
    stronger: 'env',
    placeholder: 'TOKEN',
    secret: true,
    schema: name,
    description: 'Slack bot token, instead of a webhook; needs --slack-channel',
  }),
  slackChannel: optional({
    flag: 'slack-channel',
    placeholder: 'NAME',
    schema: name,
    description: 'channel to post to',
  }),
  slackUser: always({
    flag: 'slack-user',
    placeholder: 'NAME',
    fallback: 'serin',
    schema: z.string().min(1, 'is empty'),
    description: 'name under which messages are posted',
  }),
  slackProxyUrl: optional({
    flag: 'slack-proxy-url',
    env: 'SLACK_PROXY_URL',
    stronger: 'env',
    placeholder: 'URL',
    secret: true,
    schema: httpUrlText,
    description: 'HTTP proxy between the operator and Slack',
  }),
  eventWebhook: optional({
    flag: 'event-webhook',
    env: 'EVENT_WEBHOOK_URL',
    stronger: 'env',
    placeholder: 'URL',
    secret: true,
    schema: httpUrlText,
    description: 'told of every event of Canaries without a webhook of type `event`',
  }),
  clusterName: optional({
    flag: 'cluster-name',
    placeholder: 'NAME',
    schema: z.string(),
    description: 'shown in every alert, for people with several clusters',
  }),
  noCrossNamespaceRefs: always({
    flag: 'no-cross-namespace-refs',
    fallback: 'false',
    schema: booleanText,
    description: 'refuse Canaries that refer to templates or alert providers of another namespace',
  }),
  drainMs: always({
    flag: 'drain',
    placeholder: 'DURATION',
    fallback: '5s',
    schema: duration({ min: 0 }),
    description: 'how long pods are kept after the gateway has seen that they get no more traffic',
  }),
  settleMs: always({
    flag: 'settle',
    placeholder: 'DURATION',
    fallback: '30s',
    schema: duration({ min: 0 }),
    description: 'how long an adopted Service must stay ours before its old pods are scaled down',
  }),
  workers: always({
    flag: 'workers',
    placeholder: 'COUNT',
    fallback: '16',
    schema: wholeNumber(1, 1000),
    description: 'Canaries that are worked on at the same time',
  }),
  leaderElect: always({
    flag: 'leader-elect',
    fallback: 'true',
    schema: booleanText,
    description: 'work only while holding the Lease; several replicas need it',
  }),
  leaseName: always({
    flag: 'lease-name',
    placeholder: 'NAME',
    fallback: 'serin',
    schema: name,
    description: 'the Lease that the replicas compete for',
  }),
  leaseNamespace: always({
    flag: 'lease-namespace',
    env: 'POD_NAMESPACE',
    placeholder: 'NAME',
    fallback: 'serin-system',
    schema: name,
    description: 'where that Lease is',
  }),
  leaseIdentity: optional({
    flag: 'lease-identity',
    env: 'POD_NAME',
    placeholder: 'NAME',
    schema: name,
    description: 'name of this replica in the Lease; the host name when absent',
  }),
  leaseDurationMs: always({
    flag: 'lease-duration',
    placeholder: 'DURATION',
    fallback: '10s',
    schema: duration({ min: 1000 }),
    description: 'how long the others wait before they take a Lease that is not renewed',
  }),
  leaseRenewDeadlineMs: always({
    flag: 'lease-renew-deadline',
    placeholder: 'DURATION',
    fallback: '7s',
    schema: duration({ min: 1 }),
    description:
      'how long the holder tries to renew before it stops working; shorter than --lease-duration',
  }),
  leaseRetryPeriodMs: always({
    flag: 'lease-retry-period',
    placeholder: 'DURATION',
    fallback: '2s',
    schema: duration({ min: 1 }),
    description: 'how often the Lease is looked at; shorter than --lease-renew-deadline',
  }),
  port: always({
    flag: 'port',
    placeholder: 'PORT',
    fallback: '8080',
    schema: wholeNumber(0, 65_535),
    description: 'serves /healthz, /readyz and /metrics; 0 takes any free port',
  }),
  logLevel: always({
    flag: 'log-level',
    placeholder: 'LEVEL',
    fallback: 'info',
    schema: z.enum(['debug', 'info', 'warn', 'error'], 'is not one of debug, info, warn, error'),
    description: 'least severe lines to write: debug, info, warn or error',
  }),
};

type Table = typeof settingsTable;

/** What the operator was told, parsed. Durations are milliseconds. */
export type Settings = {
  readonly [K in keyof Table]: Table[K] extends Setting<infer T> ? T : never;
};

/** What is wrong with flags and variables, one sentence each: which one, and what to write instead. */
export interface SettingsProblems {
  readonly problems: readonly string[];
}

/** Flagger's flags that have another name or no use here, so that a deployment taken over says what to change. */
const flaggerFlags: Readonly<Record<string, string>> = {
  'enable-leader-election': 'use --leader-elect',
  'leader-election-namespace': 'use --lease-namespace',
  threadiness: 'use --workers',
  'control-loop-interval': 'leave it out: changes are acted on when they happen',
  'kubeconfig-qps': 'leave it out: the API server says when it has had enough',
  'kubeconfig-burst': 'leave it out: the API server says when it has had enough',
  'kubeconfig-service-mesh': 'leave it out: routes are written to the cluster of the Canary',
  'enable-config-tracking': 'leave it out: ConfigMaps and Secrets are shared by both sides',
  'zap-encoding': 'leave it out: logs are JSON',
  'zap-replace-globals': 'leave it out',
  'ingress-class': 'leave it out: no router here reads it',
  'ingress-annotations-prefix': 'leave it out: no router here reads it',
  'msteams-url': 'use an AlertProvider',
  'msteams-proxy-url': 'use an AlertProvider',
  master: 'use --kubeconfig',
};

type Environment = Readonly<Record<string, string | undefined>>;
type Row = Setting<unknown>;

const rows: readonly (readonly [string, Row])[] = Object.entries<Row>(settingsTable);

/** Reads the flags after `serin operator` and the environment; all problems at once. */
export function parseSettings(
  argv: readonly string[],
  env: Environment,
): Settings | SettingsProblems {
  const { values, problems } = readFlags(argv);
  const settings: Record<string, unknown> = {};
  for (const [key, row] of rows) {
    const { text, source } = choose(row, values.get(row.flag), env);
    if (text === undefined) {
      settings[key] = undefined;
      continue;
    }
    const parsed = row.schema.safeParse(text);
    if (parsed.success) settings[key] = parsed.data;
    else
      problems.push(
        `${source}: ${shown(row, text)} ${parsed.error.issues[0]?.message ?? 'is refused'}`,
      );
  }
  if (problems.length > 0 || !isComplete(settings)) return { problems };
  const contradictions = contradictionsIn(settings);
  return contradictions.length > 0 ? { problems: contradictions } : settings;
}

function isComplete(settings: object): settings is Settings {
  return rows.every(([key]) => key in settings);
}

/** A value in a message; that of a secret stays out of it. */
function shown(row: Row, text: string): string {
  return row.secret === true ? 'the value' : JSON.stringify(text);
}

function choose(
  { flag, env: variable, stronger = 'flag', fallback }: Row,
  fromFlag: string | undefined,
  env: Environment,
): { readonly text: string | undefined; readonly source: string } {
  // An empty variable is one that a manifest left blank, not a value.
  const fromEnv = variable === undefined || env[variable] === '' ? undefined : env[variable];
  const envCounts = fromEnv !== undefined && (stronger === 'env' || fromFlag === undefined);
  if (envCounts) return { text: fromEnv, source: `variable ${variable}` };
  // Optional flags given empty are not given: charts pass them that way.
  const given = fromFlag === '' && fallback === undefined ? undefined : fromFlag;
  return { text: given ?? fallback, source: `--${flag}` };
}

/** What was written for each flag, by the flag's name. */
function readFlags(argv: readonly string[]): { values: Map<string, string>; problems: string[] } {
  const values = new Map<string, string>();
  const problems: string[] = [];
  const rest = [...argv];
  for (let argument = rest.shift(); argument !== undefined; argument = rest.shift()) {
    const [, flag, inline] = /^--?([a-z][a-z0-9-]*)(?:=([\s\S]*))?$/.exec(argument) ?? [];
    const row = rows.find(([, { flag: known }]) => known === flag)?.[1];
    if (row === undefined) {
      problems.push(unknownArgument(argument, flag));
      // The value of a flag we do not know is not another mistake.
      if (inline === undefined && flag !== undefined && rest[0]?.startsWith('-') === false)
        rest.shift();
      continue;
    }
    const isSwitch = row.placeholder === undefined;
    const value = inline ?? (isSwitch ? 'true' : rest.shift());
    if (value === undefined) {
      problems.push(`--${row.flag}: has no value; write --${row.flag}=${row.placeholder ?? ''}`);
      continue;
    }
    const before = row.repeatable === true ? values.get(row.flag) : undefined;
    values.set(row.flag, before === undefined ? value : `${before},${value}`);
  }
  return { values, problems };
}

function unknownArgument(argument: string, flag: string | undefined): string {
  if (flag === undefined) {
    return `${JSON.stringify(argument)}: is no flag; a switch takes its value with =, as in --leader-elect=false`;
  }
  const remedy = flaggerFlags[flag];
  if (remedy !== undefined) return `--${flag}: is a flag of Flagger; ${remedy}`;
  const similar = rows.find(
    ([, row]) => row.flag.startsWith(flag) || flag.startsWith(row.flag),
  )?.[1];
  const hint =
    similar === undefined ? 'see serin operator --help' : `did you mean --${similar.flag}?`;
  return `--${flag}: unknown flag; ${hint}`;
}

/** Values that are right alone and wrong together. */
function contradictionsIn(settings: Settings): readonly string[] {
  const problems: string[] = [];
  const { leaseDurationMs, leaseRenewDeadlineMs, leaseRetryPeriodMs } = settings;
  if (leaseRenewDeadlineMs >= leaseDurationMs) {
    problems.push('--lease-renew-deadline: must be shorter than --lease-duration');
  }
  if (leaseRetryPeriodMs >= leaseRenewDeadlineMs) {
    problems.push('--lease-retry-period: must be shorter than --lease-renew-deadline');
  }
  if (settings.slackToken !== undefined && settings.slackChannel === undefined) {
    problems.push('--slack-token: needs --slack-channel, the channel that the bot posts to');
  }
  return problems;
}

const secretNote =
  'Flags are visible to everybody who may list processes: give what is marked (secret) by variable, from a Secret.';

/** The text of `serin operator --help`, without a final line break. */
export function settingsHelp(): string {
  const left = rows.map(
    ([, row]) => `  --${row.flag}${row.placeholder ? ` ${row.placeholder}` : ''}`,
  );
  const width = Math.max(...left.map((text) => text.length)) + 2;
  const lines = rows.flatMap(([, row], index) => {
    const notes = remarks(row);
    const text = notes.length === 0 ? row.description : `${row.description} (${notes.join('; ')})`;
    const words = text.split(' ');
    const [first = '', ...more] = wrap(words, 100 - width);
    return [
      `${left[index]?.padEnd(width)}${first}`,
      ...more.map((line) => ' '.repeat(width) + line),
    ];
  });
  return ['Usage: serin operator [flags]', '', ...lines, '', secretNote].join('\n');
}

function remarks({ env, stronger, fallback, secret, repeatable }: Row): readonly string[] {
  const notes: string[] = [];
  if (secret === true) notes.push('secret');
  if (repeatable === true) notes.push('repeatable');
  if (env !== undefined)
    notes.push(stronger === 'env' ? `variable ${env}, which wins` : `variable ${env}`);
  if (fallback !== undefined && fallback !== '') notes.push(`default ${fallback}`);
  return notes;
}

function wrap(words: readonly string[], width: number): readonly string[] {
  const lines: string[] = [];
  for (const word of words) {
    const last = lines.at(-1);
    if (last === undefined || last.length + 1 + word.length > width) lines.push(word);
    else lines[lines.length - 1] = `${last} ${word}`;
  }
  return lines;
}

/** The same table in Markdown, for the README. */
export function settingsMarkdown(): string {
  const cells = rows.map(([, { flag, placeholder, env, fallback, description, secret }]) => [
    `\`--${flag}${placeholder === undefined ? '' : `=${placeholder}`}\``,
    env === undefined ? '' : `\`${env}\``,
    fallback === undefined || fallback === '' ? '' : `\`${fallback}\``,
    `${description}${secret === true ? ' (secret: prefer the variable)' : ''}`,
  ]);
  return [['Flag', 'Variable', 'Default', 'Meaning'], ['---', '---', '---', '---'], ...cells]
    .map((row) => `| ${row.join(' | ')} |`)
    .join('\n');
}
