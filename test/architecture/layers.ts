/**
 * Who may import whom: the table that `imports.test.ts` holds the sources to.
 *
 * A layer may always import itself, `errors` and `api`. `types:` allows `import type` only, and
 * `*` at the end of a rule stands for anything. What is not a layer is a package.
 */
export const mayImport: Readonly<Record<string, readonly string[]>> = {
  main: ['cli'],
  cli: [
    'config',
    'operator',
    'core',
    'ports',
    'sandbox',
    'package.json',
    'commander',
    'yaml',
    '@marcbachmann/cel-js',
    'node:*',
  ],
  operator: ['config', 'controller', 'core', 'ports', 'telemetry', 'adapters/*', 'node:*'],
  config: ['zod', 'node:*'],
  errors: [],
  api: ['zod'],
  // The program behind `npm run generate`; nothing imports it.
  generate: ['core', 'ports', 'config', 'cli', 'adapters/*', 'zod', 'yaml', 'node:*'],
  core: ['xstate', 'node:crypto'],
  ports: ['types:core', 'zod'],
  controller: ['core', 'ports', 'telemetry', 'node:*'],
  telemetry: ['types:core', 'types:ports', 'package.json', 'pino', 'prom-client', 'node:*'],
  'adapters/kubernetes': ['types:core', 'ports', '@kubernetes/client-node', 'undici', 'node:*'],
  'adapters/workloads': ['types:core', 'ports'],
  'adapters/routers': ['types:core', 'ports', 'zod'],
  'adapters/metrics': [
    'types:core',
    'ports',
    'adapters/http',
    'prometheus-query',
    'zod',
    'node:async_hooks',
    'node:https',
  ],
  'adapters/gates': ['types:core', 'ports', 'adapters/http', 'zod'],
  'adapters/notifiers': ['types:core', 'ports', 'adapters/http', 'zod'],
  'adapters/http': ['ports', 'undici', 'node:*'],
  // It starts the operator as a process and imports nothing of it.
  sandbox: [
    'undici',
    'yaml',
    '@prometheus-io/lezer-promql',
    '@lezer/*',
    '@marcbachmann/cel-js',
    'node:*',
  ],
};

/** Layers whose functions depend on nothing but their arguments. */
export const pureLayers: readonly string[] = ['api', 'core', 'adapters/routers'];

/** In these folders files are strangers to each other; only `registry.ts` knows them all. */
const strangers: readonly string[] = ['workloads', 'routers', 'metrics', 'notifiers'];

/**
 * Whether `file` is an adapter that must not know `imported`, its neighbour.
 *
 * The parts of an adapter that has outgrown its file carry its name: `prometheus.ts` may import
 * `prometheus-options.ts` and `prometheus/options.ts`.
 */
export function areStrangers(file: string, imported: string): boolean {
  const [family, name = ''] = adapterOf(file);
  const [otherFamily, otherName = ''] = adapterOf(imported);
  if (family === undefined || family !== otherFamily || name === 'registry') return false;
  return strangers.includes(family) && name !== otherName && !otherName.startsWith(`${name}-`);
}

/** `src/adapters/metrics/prometheus/options.ts` is of the family metrics, named prometheus. */
function adapterOf(file: string): readonly string[] {
  const match = /^src\/adapters\/([^/]+)\/([^/]+?)(\.ts|\/.*)$/.exec(file);
  return match === null ? [] : match.slice(1, 3);
}

/** The layer of a file under `src/`; `undefined` for a file anywhere else. */
export function layerOf(file: string): string | undefined {
  if (file === 'src/api/generate.ts') return 'generate';
  const [top, first = '', second = '', ...deeper] = file.split('/');
  if (top !== 'src') return undefined;
  if (second === '') return first.replace(/\.ts$/, '');
  if (first !== 'adapters') return first;
  return deeper.length === 0 && second.endsWith('.ts') ? first : `${first}/${second}`;
}

/** Whether the rules of `layer` let it import `target`, a layer or a package. */
export function isAllowed(layer: string, target: string, typeOnly: boolean): boolean {
  const rules = [layer, 'errors', 'api', ...(mayImport[layer] ?? [])];
  return rules.some((rule) => {
    const pattern = rule.replace(/^types:/, '');
    if (pattern !== rule && !typeOnly) return false;
    if (pattern.endsWith('*')) return target.startsWith(pattern.slice(0, -1));
    return pattern === target;
  });
}
