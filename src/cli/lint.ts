/**
 * `serin lint FILE…`: says before the merge what the API server or the operator would say after it.
 */
import { readFileSync } from 'node:fs';
import { text as readAll } from 'node:stream/consumers';

import { Command, Option } from 'commander';

import { supportedProviders } from '../api/not-supported.ts';
import type { Problem } from '../api/problem.ts';
import { lintManifest, type LintOptions } from './lint-manifest.ts';
import { isObject, readManifests, type Manifest } from './manifests.ts';

interface Place {
  readonly file: string;
  readonly line: number;
  /** `Canary shop/cart`; empty for a file that is no YAML. */
  readonly object: string;
}

/** What came of linting some files. */
export interface Report {
  readonly problems: readonly (Place & Problem)[];
  readonly warnings: readonly (Place & { readonly message: string })[];
  /** Objects of kinds that are not ours. */
  readonly passedOver: readonly Place[];
  readonly checked: number;
}

interface Options extends LintOptions {
  readonly output: 'text' | 'json';
}

export function lintCommand(): Command {
  return new Command('lint')
    .description('check Canaries, MetricTemplates and AlertProviders before they reach a cluster')
    .argument('<file...>', 'files with YAML documents; - reads standard input')
    .addOption(
      new Option('-o, --output <format>', 'how to print').choices(['text', 'json']).default('text'),
    )
    .addOption(
      new Option('--provider <name>', 'what the operator uses for Canaries without a provider')
        .choices(supportedProviders)
        .default('gatewayapi'),
    )
    .action(async (files: readonly string[], options: Options, command: Command) => {
      const texts = await Promise.all(files.map(async (file) => [file, await read(file)] as const));
      const report = lint(texts, options);
      const text =
        options.output === 'json' ? `${JSON.stringify(report, undefined, 2)}\n` : inWords(report);
      command.configureOutput().writeOut?.(text);
      if (report.problems.length > 0) process.exitCode = 1;
    });
}

/** Checks texts, each with the name of its file. */
export function lint(
  texts: readonly (readonly [file: string, text: string])[],
  options: LintOptions,
): Report {
  const report = { problems: [], warnings: [], passedOver: [], checked: 0 } as Draft;
  for (const [file, text] of texts) {
    const { manifests, problems } = readManifests(file, text);
    for (const { line, message } of problems) {
      report.problems.push({ file, line, object: '', ...unreadable(message) });
    }
    for (const manifest of manifests) add(report, manifest, options);
  }
  const inOrder = texts.map(([file]) => file);
  report.problems.sort(
    (a, b) => inOrder.indexOf(a.file) - inOrder.indexOf(b.file) || a.line - b.line,
  );
  return report;
}

type Draft = {
  -readonly [K in keyof Report]: Report[K] extends readonly (infer T)[] ? T[] : Report[K];
};

function add(report: Draft, manifest: Manifest, options: LintOptions): void {
  const place = (field: string): Place => ({
    file: manifest.file,
    line: manifest.lineOf(field),
    object: nameOf(manifest.value),
  });
  const findings = lintManifest(manifest.value, options);
  if (findings === undefined) {
    report.passedOver.push(place('kind'));
    return;
  }
  report.checked += 1;
  report.problems.push(
    ...findings.problems.map((problem) => ({ ...place(problem.field), ...problem })),
  );
  report.warnings.push(...findings.warnings.map((message) => ({ ...place('spec'), message })));
}

function inWords({ problems, warnings, passedOver, checked }: Report): string {
  const lines = [
    ...problems.map(
      ({ file, line, object, reason, field, problem, remedy }) =>
        `${file}:${line}: ${object === '' ? '' : `${object}: `}${reason}: ${field === '' ? '' : `${field} `}${problem}: ${remedy}`,
    ),
    ...warnings.map(
      ({ file, line, object, message }) => `${file}:${line}: ${object}: warning: ${message}`,
    ),
    ...passedOver.map(
      ({ file, line, object }) => `${file}:${line}: ${object}: passed over, not one of our kinds`,
    ),
    `${count(problems.length, 'problem')} in ${count(checked, 'object')}`,
  ];
  return `${lines.join('\n')}\n`;
}

function count(number: number, noun: string): string {
  return `${number} ${noun}${number === 1 ? '' : 's'}`;
}

function unreadable(message: string): Problem {
  return { field: '', problem: 'cannot be read as YAML', remedy: message, reason: 'InvalidSpec' };
}

function nameOf({ kind, metadata }: Manifest['value']): string {
  const words = typeof kind === 'string' ? kind : 'object without a kind';
  if (!isObject(metadata) || typeof metadata['name'] !== 'string') return words;
  const { name, namespace } = metadata;
  return `${words} ${typeof namespace === 'string' ? `${namespace}/` : ''}${name}`;
}

async function read(file: string): Promise<string> {
  return file === '-' ? readAll(process.stdin) : readFileSync(file, 'utf8');
}
