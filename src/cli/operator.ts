/**
 * `serin operator`: runs the operator until it is told to stop.
 */
import { Command, CommanderError } from 'commander';

import { parseSettings, settingsHelp } from '../config.ts';
import { runOperator } from '../operator.ts';
import { version } from './version.ts';

/** Its help is the table of settings, which commander does not know. */
class OperatorCommand extends Command {
  override helpInformation(): string {
    return settingsHelp();
  }
}

/** Flags are parsed by `config.ts`, which knows the environment too; commander only finds the verb. */
export function operatorCommand(): Command {
  return new OperatorCommand('operator')
    .description('run the operator')
    .allowUnknownOption()
    .allowExcessArguments()
    .argument('[flags...]')
    .action(async (_flags: readonly string[], _options: unknown, command: Command) => {
      const settings = parseSettings(command.args, process.env);
      if ('problems' in settings) {
        throw new CommanderError(2, 'serin.settings', settings.problems.join('\n'));
      }
      await runOperator(settings, version, stopSignal());
    });
}

/** Aborts at the first SIGTERM or SIGINT; a second one ends the process at once. */
function stopSignal(): AbortSignal {
  const stop = new AbortController();
  const onSignal = (): void => {
    if (stop.signal.aborted) process.exit(1);
    stop.abort();
  };
  process.on('SIGTERM', onSignal);
  process.on('SIGINT', onSignal);
  return stop.signal;
}
