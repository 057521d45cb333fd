import { runProgram } from './cli/program.ts';

const code = await runProgram(process.argv.slice(2));
// A verb may have set the exit code itself; 0 must not overwrite it.
if (code !== 0) process.exitCode = code;
