/** The version that a program itself says it is: a file that cannot say that is not taken. */
import { NotProvided, outputs } from './command.ts';
import { type ProgramName, versionQuestions } from './names.ts';
import type { World } from './world.ts';

export async function versionOf(
  world: World,
  name: Exclude<ProgramName, 'libfaketime'>,
  file: string,
  env: Readonly<Record<string, string>> = {},
): Promise<string> {
  const { args, answer } = versionQuestions[name];
  const { stdout, stderr } = await outputs(world, file, args, { env, limitMs: 60_000 });
  // Contour says it to its standard error, between lines of its log.
  const said = `${stdout}${stderr}`;
  const version = answer.exec(said)?.[1];
  if (version !== undefined) return version;
  throw new NotProvided(`${file} does not say its version: ${said.trim().slice(0, 200)}`);
}

/** As `versionOf`, and refuses another version than the one that was asked for. */
export async function assertVersion(
  world: World,
  name: Exclude<ProgramName, 'libfaketime'>,
  file: string,
  wanted: string,
): Promise<string> {
  const version = await versionOf(world, name, file);
  if (version === wanted) return version;
  throw new NotProvided(`${name} ${wanted} was asked for, and ${version} came`);
}

/** `1.36` of `1.36.3`. */
export function minorOf(version: string): string {
  return version.split('.').slice(0, 2).join('.');
}
