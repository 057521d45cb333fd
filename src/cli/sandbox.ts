/**
 * `serin sandbox`: a small Kubernetes with everything that a rollout needs, on this machine; with `--demo`
 * two releases on it, one promoted and one aborted.
 */
import { Command, InvalidArgumentError } from 'commander';

import { parseDuration } from '../api/duration.ts';
import { applyFaults } from '../sandbox/control.ts';
import { runDemo } from '../sandbox/demo/demo.ts';
import { FAULTS_SYNTAX, parseFaults } from '../sandbox/fault-switches.ts';
import { keepSandbox } from '../sandbox/keep.ts';

interface Options {
  readonly demo: boolean;
  readonly operator: boolean;
  readonly apiPort: number;
  readonly gatewayPort: number;
  readonly gatewayLag: number;
  readonly prometheus?: 'real' | 'embedded';
  readonly traffic?: string;
  readonly rate: number;
  readonly faults?: string;
  readonly flaggerApi: boolean;
}

export function sandboxCommand(): Command {
  return new Command('sandbox')
    .description('run a small cluster on this machine to try Serin in')
    .option('--demo', 'show one release promoted and one aborted, then end', false)
    .option('--no-operator', 'start no operator: bring your own')
    .option('--traffic <host>', 'send requests for this host through the gateway')
    .option('--rate <number>', 'requests per second', positive, 50)
    .option('--api-port <port>', 'port of the API server; 0 takes any free one', wholeNumber, 0)
    .option('--gateway-port <port>', 'port of the gateway; 0 takes any free one', wholeNumber, 0)
    .option('--gateway-lag <duration>', 'from a change to its effect at the gateway', duration, 300)
    .option('--prometheus <kind>', 'real or embedded; the real one is taken when installed', kind)
    .option('--flagger-api', 'also serve Canaries of the group flagger.app', false)
    .option('--faults <list>', `faults from the start: ${FAULTS_SYNTAX}`, faults)
    .action(async (options: Options) => {
      process.exitCode = await run(options);
    });
}

async function run(options: Options): Promise<number> {
  const signal = stopSignal();
  const { prometheus, apiPort, gatewayPort, gatewayLag: gatewayLagMs, rate } = options;
  const common = { gatewayLagMs, ...(prometheus === undefined ? {} : { prometheus }) };
  try {
    if (options.demo) return await runDemo({ ...common, rate, out: process.stdout }, signal);
    const { operator, traffic, faults: wanted, flaggerApi } = options;
    await keepSandbox(
      {
        sandbox: { ...common, apiPort, gatewayPort, flaggerApi },
        operator,
        rate,
        ...(traffic === undefined ? {} : { traffic }),
        say: (line) => process.stdout.write(`${line}\n`),
        ready: ({ cluster }) => {
          if (wanted !== undefined) applyFaults(cluster, wanted);
        },
      },
      signal,
    );
    return 0;
  } catch (error) {
    // Everything has been taken down already; what is left is to say that it was not finished.
    if (signal.aborted) return options.demo ? 130 : 0;
    throw error;
  }
}

/** Aborts at the first SIGINT or SIGTERM; a second one ends the process at once. */
function stopSignal(): AbortSignal {
  const stop = new AbortController();
  const onSignal = (): void => {
    if (stop.signal.aborted) process.exit(1);
    stop.abort();
  };
  process.on('SIGINT', onSignal);
  process.on('SIGTERM', onSignal);
  return stop.signal;
}

function wholeNumber(text: string): number {
  const number = Number(text);
  if (Number.isInteger(number) && number >= 0 && number < 65_536) return number;
  throw new InvalidArgumentError('write a port, from 0 to 65535');
}

function positive(text: string): number {
  const number = Number(text);
  if (number > 0 && number <= 10_000) return number;
  throw new InvalidArgumentError('write a number above 0');
}

function duration(text: string): number {
  const ms = parseDuration(text);
  if (ms !== undefined && ms >= 0) return ms;
  throw new InvalidArgumentError('write it like 300ms or 2s');
}

function kind(text: string): 'real' | 'embedded' {
  if (text === 'real' || text === 'embedded') return text;
  throw new InvalidArgumentError('write real or embedded');
}

function faults(text: string): string {
  try {
    parseFaults(text);
    return text;
  } catch (error) {
    throw new InvalidArgumentError(error instanceof Error ? error.message : String(error));
  }
}
