/** What an image made from a Dockerfile holds and runs, as far as `deploy/Dockerfile` goes; the rest is refused. */
import type { Image } from './node/image.ts';

export interface Stages {
  /** What the last stage's base image holds: paths in the container to files of this machine. */
  readonly base: Readonly<Record<string, string>>;
  /** What the first stage builds: its paths to files of this machine. */
  readonly built: Readonly<Record<string, string>>;
}

/** Throws for an instruction of the last stage that is not understood, naming it. */
export function imageOfDockerfile(text: string, { base, built }: Stages): Image {
  const lines = text.split('\n').filter((line) => line !== '' && !line.startsWith('#'));
  const last = lines.findLastIndex((line) => line.startsWith('FROM '));
  const files: Record<string, string> = { ...base };
  const env: Record<string, string> = {};
  const image = { entrypoint: [] as string[], args: [] as string[], user: { uid: 0, gid: 0 } };
  for (const line of lines.slice(last + 1)) {
    const [word = '', ...rest] = line.split(' ');
    const value = rest.join(' ');
    if (word === 'COPY') Object.assign(files, copied(value, built));
    else if (word === 'ENV') Object.assign(env, assigned(value));
    else if (word === 'USER') image.user = userOf(value);
    else if (word === 'ENTRYPOINT') image.entrypoint = wordsOf(value);
    else if (word === 'CMD') image.args = wordsOf(value);
    else if (word !== 'EXPOSE') throw new Error(`the test cluster does not understand "${line}"`);
  }
  return { ...image, env, files };
}

function copied(value: string, built: Stages['built']): Readonly<Record<string, string>> {
  const [, source = '', target = ''] = /^--from=build (\S+) (\S+)$/.exec(value) ?? [];
  const file = built[source];
  if (file !== undefined) return { [target]: file };
  throw new Error(`the test cluster has no ${source} to "COPY ${value}"`);
}

function assigned(value: string): Readonly<Record<string, string>> {
  const [name = '', ...rest] = value.split('=');
  return { [name]: rest.join('=') };
}

function userOf(value: string): { uid: number; gid: number } {
  const [uid = Number.NaN, gid = uid] = value.split(':').map(Number);
  if (Number.isInteger(uid) && Number.isInteger(gid)) return { uid, gid };
  throw new Error(`the test cluster knows users by number only, not "USER ${value}"`);
}

function wordsOf(value: string): string[] {
  const words: unknown = JSON.parse(value);
  if (Array.isArray(words) && words.every((word) => typeof word === 'string')) return words;
  throw new Error(`the test cluster wants the exec form, not ${value}`);
}
