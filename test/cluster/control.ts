/**
 * A door for tests that break the cluster: a Unix socket inside it that takes lines like `stop kube-apiserver
 * SIGKILL` and `start kube-apiserver`, and answers each with `ok` or what is wrong.
 */
import { createConnection, createServer } from 'node:net';
import { createInterface } from 'node:readline';

import type { Component } from './control-plane/component.ts';
import { FILES } from './layout.ts';

export interface Controlled {
  /** Throws for a name that nothing has. */
  componentOf(name: string): Component;
}

export function serveControl(file: string, controlled: Controlled): Promise<void> {
  const server = createServer((socket) => {
    socket.on('error', () => socket.destroy());
    createInterface({ input: socket }).on('line', (line) => {
      obey(line, controlled).then(
        () => socket.end('ok\n'),
        (error: unknown) =>
          socket.end(`${error instanceof Error ? error.message : String(error)}\n`),
      );
    });
  });
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(file, resolve);
    server.unref();
  });
}

async function obey(line: string, controlled: Controlled): Promise<void> {
  const [verb, name = '', signal = 'SIGTERM'] = line.split(' ');
  const component = controlled.componentOf(name);
  if (verb === 'start') component.start();
  else if (verb !== 'stop') throw new Error(`"${verb}" is neither start nor stop`);
  else if (signal !== 'SIGTERM' && signal !== 'SIGKILL') throw new Error(`no ${signal} here`);
  else await component.stop(signal);
}

/** Kills a component of the cluster that we run in; it stays away until it is started again. */
export function killComponent(name: string): Promise<void> {
  return ask(`stop ${name} SIGKILL`);
}

export function startComponent(name: string): Promise<void> {
  return ask(`start ${name}`);
}

function ask(line: string): Promise<void> {
  return new Promise((resolve, reject) => {
    let answer = '';
    const socket = createConnection(FILES.control, () => socket.write(`${line}\n`));
    socket.on('data', (chunk) => {
      answer += chunk.toString();
    });
    socket.once('error', reject);
    socket.once('end', () => {
      if (answer === 'ok\n') resolve();
      else reject(new Error(`${line}: ${answer.trim()}`));
    });
  });
}
