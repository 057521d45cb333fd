import { Command } from 'commander';

import manifest from '../../package.json' with { type: 'json' };

/** The version of Serin, as `package.json` has it; the build writes it into the bundle. */
export const version: string = manifest.version;

export function versionCommand(): Command {
  return new Command('version')
    .description('print the version of Serin and of what it runs on')
    .action(() => {
      process.stdout.write(
        `serin ${version} (Node.js ${process.versions.node}, ${process.platform}-${process.arch})\n`,
      );
    });
}
