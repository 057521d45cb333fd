import { createServer } from 'node:http';
import { once } from 'node:events';
import { describe, expect, it } from 'vitest';

import {
  countByVersion,
  isTrafficMessage,
  type RequestRecord,
} from '../../../src/sandbox/demo/request-record.ts';
import { listen } from '../../../src/sandbox/listening.ts';
import { startLeashed } from '../../../src/sandbox/runner/leashed-process.ts';

const module = new URL('../../../src/sandbox/demo/traffic.ts', import.meta.url);

describe('traffic generator', () => {
  it('keeps its rate, names who answered, and counts refusals for nobody', async () => {
    let hosts = new Set<string | undefined>();
    const server = createServer((request, response) => {
      hosts = hosts.add(request.headers.host);
      response.writeHead(200, { 'x-app-version': '1.0.0', 'x-app-pod': 'one' }).end('hello');
    });
    const listening = await listen(server);
    const child = startLeashed({
      module,
      args: ['--url', listening.url, '--host', 'demo.local', '--rate', '200'],
      env: {},
      messages: true,
    });
    const records: RequestRecord[] = [];
    child.on('message', (message) => {
      if (isTrafficMessage(message)) records.push(...message.records);
    });
    await expect.poll(() => records.length, { timeout: 10_000 }).toBeGreaterThan(100);
    await listening.close();
    await expect.poll(() => records.at(-1)?.failed, { timeout: 10_000 }).toBe(true);
    child.send('stop');
    await once(child, 'exit');

    expect([...hosts]).toEqual(['demo.local']);
    const spanMs = (records.at(-1)?.at ?? 0) - (records[0]?.at ?? 0);
    const expected = (spanMs / 1_000) * 200;
    expect(Math.abs(records.length - expected)).toBeLessThan(expected * 0.1 + 10);
    const [answered, refused] = countByVersion(records);
    expect(answered).toMatchObject({ version: '1.0.0', failed: 0 });
    expect(refused).toMatchObject({ version: 'nobody' });
    expect(refused?.failed).toBe(refused?.requests);
  });

  it('opens connections of its own for every n-th request, and knows who was silent on a kept one', async () => {
    let connections = 0;
    let silent = false;
    const server = createServer((request, response) => {
      if (silent) request.socket.destroy();
      else response.writeHead(200, { 'x-app-version': '1.0.0', 'x-app-pod': 'one' }).end('hello');
    });
    server.on('connection', () => connections++);
    const listening = await listen(server);
    const child = startLeashed({
      module,
      args: ['--url', listening.url, '--rate', '100', '--fresh-every', '2'],
      env: {},
      messages: true,
    });
    const records: RequestRecord[] = [];
    child.on('message', (message) => {
      if (isTrafficMessage(message)) records.push(...message.records);
    });
    await expect.poll(() => records.length, { timeout: 10_000 }).toBeGreaterThan(50);
    const fresh = records.filter((record) => record.fresh);
    expect(Math.abs(fresh.length - records.length / 2)).toBeLessThanOrEqual(1);
    expect(connections).toBeGreaterThanOrEqual(fresh.length);
    expect(connections).toBeLessThan(records.length);

    silent = true;
    await expect
      .poll(() => records.some(({ failed, lastPod }) => failed && lastPod === 'one'))
      .toBe(true);
    child.send('stop');
    await once(child, 'exit');
    await listening.close();
    const unknown = records.filter(({ failed, fresh: own }) => failed && own);
    expect(unknown.every(({ lastPod }) => lastPod === undefined)).toBe(true);
  });
});
