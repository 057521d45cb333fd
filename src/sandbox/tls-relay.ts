/**
 * A door before an address: TLS outside, plain inside, and a latency that can be turned up. It knows nothing
 * of what it carries, so that a slow network looks to clients as it does in life.
 */
import { connect, type Server, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { createServer } from 'node:tls';

import type { Certificate } from './certificate.ts';

export interface Relay {
  readonly url: string;
  close(): Promise<void>;
}

export async function startRelay(
  target: URL,
  certificate: Certificate,
  latencyMs: () => number,
  port = 0,
): Promise<Relay> {
  const sockets = new Set<Socket>();
  const keep = (socket: Socket) => {
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
    socket.setNoDelay(true);
  };
  const server = createServer({ ...certificate, ALPNProtocols: ['http/1.1'] }, (near) => {
    const far = connect(Number(target.port), target.hostname);
    keep(near);
    keep(far);
    carry(near, far, latencyMs);
    carry(far, near, () => 0);
  });
  // A client that does not trust us, or does not speak TLS: its own problem, and it knows.
  server.on('tlsClientError', (_, socket) => socket.destroy());
  const ownPort = await listening(server, port);
  return {
    url: `https://127.0.0.1:${ownPort}`,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        for (const socket of sockets) socket.destroy();
      }),
  };
}

/** Chunks keep their order even when the latency changes on the way. */
function carry(from: Socket, to: Socket, latencyMs: () => number): void {
  let last = Promise.resolve();
  const later = (act: () => void) => {
    const ms = latencyMs();
    if (ms === 0) {
      last = last.then(act);
      return;
    }
    const arrival = sleep(ms);
    last = last.then(() => arrival).then(act);
  };
  from.on('data', (chunk) =>
    later(() => {
      if (!to.destroyed) to.write(chunk);
    }),
  );
  from.on('end', () => later(() => to.end()));
  // A broken side breaks the other: that is all a relay knows about errors.
  from.on('error', () => to.destroy());
  from.on('close', () => later(() => to.destroySoon()));
}

function listening(server: Server, port: number): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, '127.0.0.1', () => {
      const address = server.address();
      resolve(typeof address === 'object' && address !== null ? address.port : port);
    });
  });
}
