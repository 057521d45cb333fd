/**
 * Writes what is generated: `crds/` and the field reference under `docs/reference/`.
 *
 * `node src/api/generate.ts` writes; with `--check` it only says what would change, and fails if anything would.
 */
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

import { stringify } from 'yaml';

import { customResourceDefinitions, servedKinds } from './crd.ts';
import { apiGroups } from './group.ts';
import { referencePage, notSupportedPage } from './reference-page.ts';

const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '../..');

/** Folders that hold generated files and nothing else. */
const folders = ['crds', 'docs/reference'];

const header = '# Generated from src/api by `npm run generate`; changes here are overwritten.\n';

/** Content of every generated file, by path from the root of the repository. */
export function generatedFiles(): ReadonlyMap<string, string> {
  const files = new Map<string, string>();
  for (const group of apiGroups) {
    for (const definition of customResourceDefinitions(group)) {
      const { plural } = definition.spec.names;
      const yaml = stringify(definition, { lineWidth: 110, aliasDuplicateObjects: false });
      files.set(`crds/${group}_${plural}.yaml`, header + yaml);
    }
  }
  files.set('crds/kustomization.yaml', header + stringify(ownDefinitions([...files.keys()])));
  for (const served of servedKinds) {
    files.set(`docs/reference/${served.kind.toLowerCase()}.md`, referencePage(served));
  }
  files.set('docs/reference/not-supported.md', notSupportedPage());
  return files;
}

/** What `deploy/` brings along: our own group. Flagger's is installed by those who take over from it. */
function ownDefinitions(files: readonly string[]) {
  return {
    apiVersion: 'kustomize.config.k8s.io/v1beta1',
    kind: 'Kustomization',
    resources: files
      .map((file) => path.basename(file))
      .filter((name) => name.startsWith('serin.dev_')),
  };
}

/** Paths whose content on disk is not what would be generated, stale files included. */
export function drift(): readonly string[] {
  const wanted = generatedFiles();
  const changed = [...wanted]
    .filter(([file, content]) => read(file) !== content)
    .map(([file]) => file);
  return [...changed, ...presentFiles().filter((file) => !wanted.has(file))].sort();
}

function generate(): void {
  const wanted = generatedFiles();
  for (const file of drift()) {
    const content = wanted.get(file);
    if (content === undefined) rmSync(path.join(root, file));
    else write(file, content);
    process.stdout.write(`${content === undefined ? 'removed' : 'wrote'} ${file}\n`);
  }
}

function check(): void {
  const changed = drift();
  if (changed.length === 0) return;
  process.stderr.write(`would change: ${changed.join(', ')}\nrun \`npm run generate\`\n`);
  process.exitCode = 1;
}

function presentFiles(): readonly string[] {
  return folders.flatMap((folder) => {
    mkdirSync(path.join(root, folder), { recursive: true });
    return readdirSync(path.join(root, folder)).map((file) => `${folder}/${file}`);
  });
}

function read(file: string): string | undefined {
  try {
    return readFileSync(path.join(root, file), 'utf8');
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined;
    throw error;
  }
}

function write(file: string, content: string): void {
  mkdirSync(path.dirname(path.join(root, file)), { recursive: true });
  writeFileSync(path.join(root, file), content);
}

if (import.meta.main) {
  if (process.argv.includes('--check')) check();
  else generate();
}
