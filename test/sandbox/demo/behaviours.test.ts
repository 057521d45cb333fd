import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';

import { end, startLeashed } from '../../../src/sandbox/runner/leashed-process.ts';

const module = new URL('../../../src/sandbox/demo/app.ts', import.meta.url);
const children: ChildProcess[] = [];

afterEach(() => Promise.all(children.splice(0).map((child) => end(child, 1_000))));

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  await once(server, 'close');
  return typeof address === 'object' && address !== null ? address.port : 0;
}

async function start(behaviour: string): Promise<{ child: ChildProcess; url: string }> {
  const port = await freePort();
  const env = { APP_BEHAVIOUR: behaviour, PORT: String(port), APP_DRAIN_MS: '500' };
  const child = startLeashed({ module, env: { ...env, HOSTNAME: 'app-1' }, stderr: 'inherit' });
  children.push(child);
  return { child, url: `http://127.0.0.1:${port}` };
}

async function listening(url: string): Promise<void> {
  await expect
    .poll(
      () =>
        fetch(`${url}/healthz`).then(
          ({ status }) => status,
          () => 0,
        ),
      { timeout: 10_000 },
    )
    .toBe(200);
}

describe('behaviours of the demo application', () => {
  it('drains when it is told to end: unready, then gone', async () => {
    const { child, url } = await start('good');
    await listening(url);
    const ended = once(child, 'exit');
    child.kill('SIGTERM');
    await expect.poll(async () => (await fetch(`${url}/readyz`)).status).toBe(503);
    const answer = await fetch(url);
    expect(answer.status).toBe(200);
    expect(answer.headers.get('connection')).toBe('close');
    expect(answer.headers.get('x-app-pod')).toBe('app-1');
    await answer.text();
    expect(await ended).toEqual([0, null]);
  });

  it('is gone at once when it is abrupt, with a request under way', async () => {
    const { child, url } = await start('abrupt');
    await listening(url);
    const ended = once(child, 'exit');
    child.kill('SIGTERM');
    expect(await ended).toEqual([0, null]);
    await expect(fetch(url)).rejects.toThrow();
  });

  it('ends by itself without having listened when it crashes', async () => {
    const { child } = await start('crash');
    expect(await once(child, 'exit')).toEqual([1, null]);
  });

  it('answers and is never ready when it is unready', async () => {
    const { url } = await start('unready');
    await listening(url);
    expect((await fetch(`${url}/readyz`)).status).toBe(503);
    expect((await fetch(url)).status).toBe(200);
  });
});
