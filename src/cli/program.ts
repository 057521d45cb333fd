/**
 * The `serin` command: finds the verb, loads that verb's file and no other, and turns what happens
 * into an exit code. The files of the verbs are its neighbours; `main.ts` is its only caller.
 */
import { Command, CommanderError } from 'commander';

import { version } from './version.ts';

interface Verb {
  readonly name: string;
  /** Shown by `serin --help`, which loads no verb. */
  readonly summary: string;
  readonly load: () => Promise<Command>;
  /** Left out of the production bundle, whose build keeps the import as it stands. */
  readonly checkoutOnly?: boolean;
}

const verbs: readonly Verb[] = [
  {
    name: 'operator',
    summary: 'run the operator',
    load: async () => (await import('./operator.ts')).operatorCommand(),
  },
  {
    name: 'lint',
    summary: 'check Canaries, MetricTemplates and AlertProviders before they reach a cluster',
    load: async () => (await import('./lint.ts')).lintCommand(),
  },
  {
    name: 'sandbox',
    summary: 'run a small cluster on this machine to try Serin in',
    load: async () => (await import('./sandbox.ts')).sandboxCommand(),
    checkoutOnly: true,
  },
  {
    name: 'version',
    summary: 'print the version of Serin and of what it runs on',
    load: async () => (await import('./version.ts')).versionCommand(),
  },
];

/** What the shell is told. A verb that finds problems in its input answers `failed` as well. */
export const exitCodes = { done: 0, failed: 1, usage: 2 } as const;

/** Where the command line writes. Tests pass their own. */
export interface Streams {
  readonly out: (text: string) => void;
  readonly err: (text: string) => void;
}

const processStreams: Streams = {
  out: (text) => process.stdout.write(text),
  err: (text) => process.stderr.write(text),
};

/**
 * Runs one command line and answers its exit code.
 *
 * A verb that ends well but has found problems sets `process.exitCode` itself: 0 from here means
 * that there is nothing to add to it.
 */
export async function runProgram(
  args: readonly string[],
  streams: Streams = processStreams,
): Promise<number> {
  try {
    const program = await programFor(args, streams);
    await program.parseAsync(args, { from: 'user' });
    return exitCodes.done;
  } catch (error) {
    if (error instanceof CommanderError && isPrinted(error)) return codeOf(error);
    streams.err(`serin: ${describe(error)}\n`);
    return error instanceof CommanderError ? codeOf(error) : exitCodes.failed;
  }
}

async function programFor(args: readonly string[], streams: Streams): Promise<Command> {
  const program = new Command('serin')
    .description('Progressive delivery for Kubernetes')
    .version(version, '-V, --version', 'print the version number')
    .helpOption('-h, --help', 'explain the command')
    .helpCommand('help [command]', 'explain a command')
    .configureOutput({ writeOut: streams.out, writeErr: streams.err })
    .showHelpAfterError('(serin --help lists the commands)')
    .exitOverride();
  const asked = args[0] === 'help' ? args[1] : args[0];
  for (const verb of verbs) {
    if (verb.name === asked) program.addCommand(inherit(await load(verb), program));
    else program.command(verb.name).description(verb.summary);
  }
  return program;
}

function inherit(command: Command, program: Command): Command {
  const message = `(serin ${command.name()} --help explains the command)`;
  return command.copyInheritedSettings(program).showHelpAfterError(message);
}

async function load(verb: Verb): Promise<Command> {
  try {
    return await verb.load();
  } catch (error) {
    if (verb.checkoutOnly !== true || !isMissingModule(error)) throw error;
    throw new Error(
      `"${verb.name}" is not part of the production bundle; run it from a checkout of the repository`,
      { cause: error },
    );
  }
}

function isMissingModule(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'ERR_MODULE_NOT_FOUND';
}

/** Commander has shown its own errors by the time it throws them; verbs throw theirs with a code of their own. */
function isPrinted({ code }: CommanderError): boolean {
  return code.startsWith('commander.');
}

/** Commander ends `--help` and `--version` by an error too, with code 0. */
function codeOf({ exitCode }: CommanderError): number {
  return exitCode === 0 ? exitCodes.done : exitCodes.usage;
}

/** Our errors and the system's explain themselves; a programming error needs its stack. */
function describe(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const isDefect = error instanceof TypeError || error instanceof ReferenceError;
  return isDefect ? (error.stack ?? error.message) : error.message;
}
