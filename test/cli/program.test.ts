import { describe, expect, it } from 'vitest';

import manifest from '../../package.json' with { type: 'json' };
import { exitCodes, runProgram } from '../../src/cli/program.ts';

/** What one command line writes and the exit code it ends with. */
async function serin(...args: string[]) {
  const written = { out: '', err: '' };
  const code = await runProgram(args, {
    out: (text) => (written.out += text),
    err: (text) => (written.err += text),
  });
  return { code, ...written };
}

describe('serin', () => {
  it('lists its verbs when asked for help', async () => {
    const { code, out, err } = await serin('--help');
    expect(code).toBe(exitCodes.done);
    expect(out).toMatch(/^ {2}version {2,}print the version/m);
    expect(err).toBe('');
  });

  it('prints the version of the package', async () => {
    expect(await serin('--version')).toEqual({
      code: exitCodes.done,
      out: `${manifest.version}\n`,
      err: '',
    });
  });

  it('answers a verb it does not know on stderr, as wrong usage', async () => {
    const { code, out, err } = await serin('promise');
    expect(code).toBe(exitCodes.usage);
    expect(out).toBe('');
    expect(err).toContain("unknown command 'promise'");
    expect(err).toContain('serin --help');
  });

  it('answers no verb at all with its help on stderr, as wrong usage', async () => {
    const { code, out, err } = await serin();
    expect(code).toBe(exitCodes.usage);
    expect(out).toBe('');
    expect(err).toContain('Usage: serin');
  });

  it('answers a flag that a verb does not know as wrong usage, naming the help of that verb', async () => {
    const { code, err } = await serin('version', '--loud');
    expect(code).toBe(exitCodes.usage);
    expect(err).toContain("unknown option '--loud'");
    expect(err).toContain('serin version --help');
  });

  it('answers settings that are wrong as wrong usage, saying what to write', async () => {
    const { code, out, err } = await serin('operator', '--port=many');
    expect(code).toBe(exitCodes.usage);
    expect(out).toBe('');
    expect(err).toContain('--port: "many" is not a whole number');
  });

  it('explains the settings of the operator', async () => {
    const { code, out } = await serin('operator', '--help');
    expect(code).toBe(exitCodes.done);
    expect(out).toContain('--metrics-server URL');
  });

  it('explains a single verb', async () => {
    const direct = await serin('version', '--help');
    expect(direct).toMatchObject({ code: exitCodes.done, err: '' });
    expect(direct.out).toContain('Usage: serin version');
    expect((await serin('help', 'version')).out).toBe(direct.out);
  });
});
