/**
 * Runs in the cluster's namespaces: brings up network, control plane and node, says so, and stays until its
 * standard input ends. `launcher.ts` starts it; nothing of it outlives the namespaces.
 *
 * Writes one line of JSON: `{"ready": …}`, or `{"failed": …}` when something has ended that should not, and ends.
 */
import { execFile, execFileSync } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

import * as z from 'zod';

import { Component } from './control-plane/component.ts';
import { commands, componentNames } from './control-plane/commands.ts';
import { writeFiles } from './control-plane/files.ts';
import { serveControl } from './control.ts';
import { createFakeNodes } from './fake-nodes.ts';
import { FILES, STATE, STATE_PARENT } from './layout.ts';
import { setUpNetwork } from './network.ts';
import { untilApiServerIsReady, untilNodeIsReady } from './readiness.ts';

const Options = z.object({
  /** Where each program is. */
  programs: z.record(z.string(), z.string()),
  components: z.array(z.enum(componentNames)),
  /** Nodes whose pods only exist in the API. */
  fakeNodes: z.int().min(0),
  /** KWOK's rules for them. */
  stages: z.array(z.string()).readonly(),
});
export type Options = z.infer<typeof Options>;

const run = promisify(execFile);
const options = Options.parse(JSON.parse(process.argv[2] ?? ''));
const { programs } = options;

execFileSync('mount', ['-t', 'tmpfs', '-o', 'mode=755', 'serin-cluster', STATE_PARENT]);
mkdirSync(STATE);
writeFiles();
setUpNetwork();

const components = new Map<string, Component>();
let stopping = false;

for (const name of options.components) {
  const command: [string, ...string[]] =
    name === 'node-agent'
      ? [
          process.execPath,
          local('node/main.ts'),
          ...commands[name],
          `--images=${local('images.ts')}`,
        ]
      : [programs[name] ?? name, ...commands[name]];
  const kwokRules = name === 'kwok' ? options.stages.map((file) => `--config=${file}`) : [];
  command.push(...kwokRules);
  components.set(name, new Component({ name, command, onDeath }));
}

try {
  const [storage, server, ...others] = options.components;
  for (const name of [storage, server]) if (name !== undefined) componentOf(name).start();
  // Meanwhile, as the node agent needs it.
  await run(process.execPath, [local('../../bin/build.mjs'), FILES.bundle]);
  await untilApiServerIsReady();
  for (const name of others) componentOf(name).start();
  if (options.components.includes('node-agent')) await untilNodeIsReady();
  await createFakeNodes(options.fakeNodes);
  await serveControl(FILES.control, { componentOf });
  tell({ ready: { kubeconfig: FILES.kubeconfig } });
  process.stdin.resume();
  process.stdin.once('end', () => void stop(0));
  process.once('SIGTERM', () => void stop(0));
} catch (error) {
  await fail(error instanceof Error ? error.message : String(error));
}

function componentOf(name: string): Component {
  const component = components.get(name);
  if (component === undefined) throw new Error(`no component is called ${name}`);
  return component;
}

/** Users first: an API server whose etcd is gone hangs for minutes. */
async function stop(code: number): Promise<never> {
  stopping = true;
  const [storage, server, ...others] = components.values();
  await Promise.all(others.map((component) => component.stop()));
  await server?.stop();
  await storage?.stop();
  process.exit(code);
}

function onDeath(name: string, log: string): void {
  if (!stopping) void fail(`${name} ${log}`);
}

async function fail(why: string): Promise<never> {
  tell({ failed: why });
  return await stop(1);
}

function tell(message: Readonly<Record<string, unknown>>): void {
  process.stdout.write(`${JSON.stringify(message)}\n`);
}

function local(file: string): string {
  return fileURLToPath(new URL(file, import.meta.url));
}
