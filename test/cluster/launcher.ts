/**
 * Starts a cluster in network, mount and process namespaces of its own. When this process dies, even by
 * SIGKILL, the kernel ends everything in there, and with the last process the namespaces and their files go.
 */
import { type ChildProcess, spawn, type StdioOptions } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { Readable } from 'node:stream';
import { fileURLToPath } from 'node:url';

import * as z from 'zod';

import { type ComponentName, componentNames } from './control-plane/commands.ts';
import type { Options } from './inside.ts';
import { FILES, STATE } from './layout.ts';
import { planePrograms } from './planes/images.ts';
import { provide } from './programs/programs.ts';
import { firstProcessInside } from './running.ts';

export interface ClusterOptions {
  readonly say: (line: string) => void;
  /** Default: all, KWOK when there are fake nodes. */
  readonly components?: readonly ComponentName[];
  readonly fakeNodes?: number;
}

export interface RunningCluster {
  /** What tells it from others on this machine. */
  readonly id: number;
  readonly programs: Readonly<Record<string, string>>;
  /** Runs a command inside and resolves with its exit code. */
  exec(command: readonly string[], stdio?: StdioOptions): Promise<number>;
  /** Runs a command inside that writes its result to descriptor 3; resolves with that. */
  tell(command: readonly string[]): Promise<string>;
  /** Resolves when it has ended by itself, with the reason. */
  readonly ended: Promise<string>;
  stop(): Promise<void>;
}

const Message = z.union([
  z.object({ ready: z.object({ kubeconfig: z.string() }) }),
  z.object({ failed: z.string() }),
]);

/** Process 1 has to collect orphans, which Node.js does not: a shell does. */
const firstProcess = 'exec 3<&0; "$@" <&3 & exec 3<&-; wait $!';

/** What launcher and node agent call. */
const tools = ['kubectl', 'ip', 'nft', 'unshare', 'nsenter', 'setpriv'] as const;

export async function startCluster(options: ClusterOptions): Promise<RunningCluster> {
  const { say, fakeNodes = 0 } = options;
  // Users of pods are real users, which takes more than a user namespace of one's own.
  if (process.getuid?.() !== 0) throw new Error('the cluster needs to be started by root');
  const components =
    options.components ?? componentNames.filter((name) => name !== 'kwok' || fakeNodes > 0);
  const { programs, stages } = await programsFor(components, say);
  // The cluster's own programs first, also for people who look around.
  const folders = new Set(Object.values(programs).map((program) => path.dirname(program)));
  const searchPath = [...folders, process.env['PATH'] ?? ''].join(path.delimiter);
  const settings: Options = { programs, components: [...components], fakeNodes, stages };
  const namespaces = ['--net', '--mount', '--pid', '--fork', '--kill-child', '--mount-proc'];
  const inside = [process.execPath, fileURLToPath(new URL('inside.ts', import.meta.url))];
  const child = spawn(
    'setpriv',
    // One after the other in the same process, so that the signal at our death reaches `unshare`.
    [
      '--pdeathsig',
      'KILL',
      'unshare',
      ...namespaces,
      'sh',
      '-c',
      firstProcess,
      'sh',
      ...inside,
      JSON.stringify(settings),
    ],
    { stdio: ['pipe', 'pipe', 'inherit'], env: { PATH: searchPath, HOME: STATE, TMPDIR: '/tmp' } },
  );
  const exit = once(child, 'exit').then(
    ([code, signal]) => `ended with ${signal ?? `code ${code}`}`,
  );
  let failure: string | undefined;
  const lines = createInterface({ input: child.stdout });
  await new Promise<void>((resolve, reject) => {
    lines.on('line', (line) => {
      const message = Message.parse(JSON.parse(line));
      if ('ready' in message) resolve();
      else {
        failure = message.failed;
        reject(new Error(failure));
      }
    });
    void exit.then((how) => reject(new Error(failure ?? `the cluster ${how} before it was ready`)));
  });
  const { pid: id = 0 } = child;
  const pid = firstProcessInside(id);
  if (pid === undefined) throw new Error('the cluster ended as soon as it was ready');
  return {
    id,
    programs,
    exec: (command, stdio = 'inherit') => execIn(pid, searchPath, command, stdio),
    tell: async (command) => {
      const inner = enter(pid, searchPath, command, ['ignore', 'inherit', 'inherit', 'pipe']);
      const [result] = await Promise.all([text(inner.stdio[3]), once(inner, 'exit')]);
      return result;
    },
    ended: exit.then((how) => failure ?? how),
    stop: async () => {
      child.stdin.end();
      await exit;
    },
  };
}

async function programsFor(
  components: readonly ComponentName[],
  say: ClusterOptions['say'],
): Promise<Pick<Options, 'programs' | 'stages'>> {
  const { paths, files, missing } = await provide(
    [
      ...components.filter((name) => name !== 'node-agent'),
      ...(components.includes('kwok') ? (['kwok-stages'] as const) : []),
      // Pods are programs of this machine.
      ...(components.includes('node-agent') ? planePrograms : []),
      ...tools,
    ],
    say,
  );
  if (missing.length === 0) return { programs: paths, stages: files['kwok-stages'] ?? [] };
  const list = missing.map(({ name, why }) => `${name}: ${why}`).join('\n');
  throw new Error(`the cluster needs programs that are not to be had:\n${list}`);
}

/** Runs a command in the namespaces of `pid`, in the folder that we are in; answers its exit code. */
export async function execIn(
  pid: number,
  searchPath: string,
  command: readonly string[],
  stdio: StdioOptions = 'inherit',
): Promise<number> {
  const [code] = await once(enter(pid, searchPath, command, stdio), 'exit');
  return typeof code === 'number' ? code : 1;
}

function enter(
  pid: number,
  searchPath: string,
  command: readonly string[],
  stdio: StdioOptions,
): ChildProcess {
  const env = { ...process.env, PATH: searchPath, KUBECONFIG: FILES.kubeconfig };
  const entering = ['-t', String(pid), '-n', '-m', '-p', `--wdns=${process.cwd()}`, '--'];
  return spawn('nsenter', [...entering, ...command], { stdio, env });
}

async function text(stream: unknown): Promise<string> {
  if (!(stream instanceof Readable)) throw new Error('the command has no descriptor 3');
  let all = '';
  for await (const chunk of stream) all += String(chunk);
  return all;
}
