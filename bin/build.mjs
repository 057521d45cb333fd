/**
 * Builds the one file that runs in production, with its source map: `dist/serin.mjs`, or the file that
 * is named as the only argument.
 *
 * The sandbox's verb stays out; its import is left as it stands, and the command line explains
 * what a failed import of it means.
 */
import { statSync } from 'node:fs';
import { isBuiltin } from 'node:module';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

import { build } from 'esbuild';

const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '..');
const outfile = path.resolve(process.argv[2] ?? path.join(root, 'dist', 'serin.mjs'));

// Several dependencies are CommonJS and call `require` for Node.js' own modules.
const banner =
  "import{createRequire as serinCreateRequire}from'node:module';const require=serinCreateRequire(import.meta.url);";

await build({
  absWorkingDir: root,
  entryPoints: ['src/main.ts'],
  outfile,
  bundle: true,
  minify: true,
  keepNames: true,
  sourcemap: true,
  platform: 'node',
  format: 'esm',
  target: 'node24',
  banner: { js: banner },
  legalComments: 'linked',
  logLevel: 'warning',
  plugins: [
    {
      name: 'leave-the-sandbox-out',
      setup(hooks) {
        hooks.onResolve({ filter: /^\.\/sandbox\.ts$/ }, ({ path: file, importer }) =>
          path.dirname(importer) === path.join(root, 'src', 'cli')
            ? { path: file, external: true }
            : undefined,
        );
      },
    },
    {
      // Of the Kubernetes client only the kubeconfig is used. By its front door come nine hundred generated classes,
      // made at every start.
      name: 'take-the-kubeconfig-alone',
      setup(hooks) {
        const client = path.join(root, 'node_modules', '@kubernetes', 'client-node', 'dist');
        hooks.onResolve({ filter: /^@kubernetes\/client-node$/ }, () => ({
          path: path.join(client, 'config.js'),
        }));
        hooks.onResolve({ filter: /^\.\/gen\/index\.js$/ }, ({ importer }) =>
          importer.startsWith(client) ? { path: 'gen', namespace: 'used-of-client' } : undefined,
        );
        hooks.onLoad({ filter: /./, namespace: 'used-of-client' }, () => ({
          contents: [
            "export { createConfiguration } from './gen/configuration.js';",
            "export { ServerConfiguration } from './gen/servers.js';",
          ].join('\n'),
          resolveDir: client,
        }));
      },
    },
    {
      // An `import` of a module of Node.js reads all that it exports, `node:http`'s lazy exports too: a whole
      // HTTP client, 50 ms of every start. `require` reads what is used.
      name: 'require-what-is-of-node',
      setup(hooks) {
        hooks.onResolve({ filter: /./ }, ({ path: name, kind }) =>
          kind === 'import-statement' && isBuiltin(name)
            ? { path: name, namespace: 'of-node' }
            : undefined,
        );
        hooks.onLoad({ filter: /./, namespace: 'of-node' }, ({ path: name }) => ({
          contents: `module.exports = require(${JSON.stringify(name)})`,
        }));
      },
    },
  ],
});

const megabytes = (statSync(outfile).size / 1e6).toFixed(1);
process.stdout.write(`${path.relative(process.cwd(), outfile)} ${megabytes} MB\n`);
