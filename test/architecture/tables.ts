/**
 * The tables of the written pages that are made from the code.
 *
 * To add one: a line here, and `<!-- table:NAME -->` and `<!-- /table -->` in a page; `npm run generate` fills it.
 */
import { readFileSync } from 'node:fs';

import { isMap, isScalar, isSeq, parseAllDocuments, type YAMLMap } from 'yaml';

import { credentialKeys } from '../../src/adapters/http/credentials.ts';
import { metricsProviders } from '../../src/adapters/metrics/registry.ts';
import { notifiers } from '../../src/adapters/notifiers/registry.ts';
import { trafficRouters } from '../../src/adapters/routers/registry.ts';
import { servedKinds } from '../../src/api/crd.ts';
import { notSupported } from '../../src/api/not-supported.ts';
import { builtinMetrics } from '../../src/api/resolved.ts';
import type { StructuralSchema } from '../../src/api/structural.ts';
import { settingsMarkdown } from '../../src/config.ts';
import { builtinQuery } from '../../src/core/queries.ts';
import { metricsMarkdown } from '../../src/telemetry/metrics.ts';
import { tableOf, type TableGenerators } from './markdown.ts';

export const tables: TableGenerators = {
  'first-canary': () => yamlBlock('examples/gateway-api/canary.yaml'),
  routers: routersTable,
  checks: checksTable,
  'metrics-providers': metricsProvidersTable,
  notifiers: notifiersTable,
  'not-supported': notSupportedTable,
  settings: settingsMarkdown,
  permissions: () => permissionsTable('deploy/base/rbac.yaml'),
  'permissions-flagger-api': () => permissionsTable('deploy/flagger-api/rbac.yaml'),
  metrics: metricsMarkdown,
};

function yamlBlock(file: string): string {
  return `\`\`\`yaml\n${readFileSync(file, 'utf8').trimEnd()}\n\`\`\``;
}

// ── what it works with ──────────────────────────────────────────────────────

function routersTable(): string {
  const rows = trafficRouters.entries.map(({ names, kind, capabilities }) => [
    code(...names),
    kind === undefined ? 'Service' : `${kind.kind} (\`${kind.apiVersion}\`)`,
    { exact: 'every whole percent', switch: '0 or 100 %' }[capabilities.weights],
    yesOrNo(capabilities.headerMatching),
    yesOrNo(capabilities.mirroring),
  ]);
  return tableOf(
    ['`spec.provider`', 'Routing object', 'Weights', 'A/B by header', 'Mirroring'],
    rows,
  );
}

function checksTable(): string {
  const units = { 'request-success-rate': 'percent', 'request-duration': 'milliseconds' };
  const scope = { namespace: 'NAMESPACE', target: 'TARGET', interval: 'INTERVAL' };
  const rows = builtinMetrics.map((name) => [
    code(name),
    units[name],
    code(builtinQuery(name, scope)?.query ?? ''),
  ]);
  return tableOf(['Check', 'Unit', 'Query'], rows);
}

/** What a provider reads of `spec.provider` and of its Secret. An adapter without a row here fails the tests. */
const metricsOptions: Readonly<Record<string, { options: readonly string[]; secret: string }>> = {
  prometheus: {
    options: ['address', 'headers', 'insecureSkipVerify', 'secretRef'],
    secret: `${credentialKeys}; ca.crt may also be called ca`,
  },
};

function metricsProvidersTable(): string {
  const schema = at(schemaOf('MetricTemplate'), 'spec', 'provider');
  const rows = metricsProviders.names.flatMap((name) => {
    const { options, secret } = known(metricsOptions, name);
    return options.map((option, index) => [
      index === 0 ? code(name) : '',
      code(`spec.provider.${option}`),
      option === 'secretRef'
        ? `Secret with any of: ${secret}`
        : (at(schema, option).description ?? ''),
    ]);
  });
  return tableOf(['`spec.provider.type`', 'Option', 'Meaning'], rows);
}

/** The same of `spec` of an AlertProvider. */
const notifierOptions: Readonly<Record<string, readonly string[]>> = {
  slack: ['address', 'secretRef', 'channel', 'username', 'proxy'],
};

function notifiersTable(): string {
  const schema = at(schemaOf('AlertProvider'), 'spec');
  const rows = notifiers.names.flatMap((name) =>
    known(notifierOptions, name).map((option, index) => [
      index === 0 ? code(name) : '',
      code(`spec.${option}`),
      at(schema, option).description ?? '',
    ]),
  );
  return tableOf(['`spec.type`', 'Option', 'Meaning'], rows);
}

/** One row for all fields that say the same. */
function notSupportedTable(): string {
  const groups = Map.groupBy(notSupported, ({ kind, works, instead }) =>
    JSON.stringify([kind, works, instead]),
  );
  const rows = [...groups.values()].map((entries) => [
    entries[0]?.kind ?? '',
    code(...entries.map(({ field }) => field)),
    code(...(entries[0]?.works ?? [])) || 'nothing',
    entries[0]?.instead ?? '',
  ]);
  return tableOf(['Kind', 'Field', 'Works', 'Instead'], rows);
}

function schemaOf(kind: string): StructuralSchema {
  const served = servedKinds.find((one) => one.kind === kind);
  if (served === undefined) throw new Error(`no kind ${kind}`);
  return served.schema;
}

function at(schema: StructuralSchema, ...path: readonly string[]): StructuralSchema {
  return path.reduce((parent, name) => {
    const child = parent.properties?.[name];
    if (child === undefined) throw new Error(`no field ${name}`);
    return child;
  }, schema);
}

function known<T>(details: Readonly<Record<string, T>>, name: string): T {
  const found = details[name];
  if (found === undefined) throw new Error(`say in tables.ts what "${name}" reads`);
  return found;
}

function code(...words: readonly string[]): string {
  return words.map((word) => `\`${word}\``).join(', ');
}

function yesOrNo(can: boolean): string {
  return can ? 'yes' : 'no';
}

// ── permissions ─────────────────────────────────────────────────────────────

/** The rules of the roles in a file, with the comment before each of them, the names of source files left out. */
function permissionsTable(file: string): string {
  const rules = parseAllDocuments(readFileSync(file, 'utf8')).flatMap((document) => {
    const list = document.get('rules');
    if (!isSeq(list)) return [];
    return list.items.filter(isMap).map((rule, index) => ({
      rule,
      // The parser gives the comment before the first item to the list.
      why: (index === 0 ? (list.commentBefore ?? rule.commentBefore) : rule.commentBefore) ?? '',
      where: document.get('kind') === 'Role' ? 'own namespace' : 'all namespaces',
    }));
  });
  const rows = rules.map(({ rule, why, where }) => [
    code(...wordsOf(rule, 'resources'), ...wordsOf(rule, 'resourceNames')),
    wordsOf(rule, 'verbs').join(', '),
    where,
    sentenceOf(why),
  ]);
  return tableOf(['Resources', 'Verbs', 'Where', 'Why'], rows);
}

function wordsOf(rule: YAMLMap, key: string): readonly string[] {
  const list = rule.get(key);
  return isSeq(list) ? list.items.map((item) => String(isScalar(item) ? item.value : item)) : [];
}

function sentenceOf(comment: string): string {
  return comment
    .replaceAll(/\s+/g, ' ')
    .replaceAll(/ \(src\/[^)]*\)/g, '')
    .trim();
}
