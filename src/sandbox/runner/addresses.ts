/**
 * Loopback addresses for pods, so that every pod has its declared port to itself.
 *
 * Several sandboxes may run on one machine: each takes a network of 254 addresses, and holds it by listening
 * on its first one, which the system gives up whatever happens to us.
 */
import { createServer, type Server } from 'node:net';

/** Where a kubelet listens; nobody else is expected there. */
const HOLD_PORT = 10_250;
const FIRST = 2;
const LAST = 254;

export class Addresses {
  readonly #holder: Server;
  readonly #network: string;
  readonly #used = new Set<number>();
  #last = LAST;

  private constructor(holder: Server, network: string) {
    this.#holder = holder;
    this.#network = network;
  }

  static async reserve(): Promise<Addresses> {
    for (let second = 16; second < 255; second++) {
      for (let third = 0; third < 255; third++) {
        const network = `127.${second}.${third}`;
        const holder = await hold(`${network}.1`);
        if (holder !== undefined) return new Addresses(holder, network);
      }
    }
    throw new Error('no free loopback network for pods');
  }

  /** Goes round, so that an address rests before it is somebody else's; `undefined` when all are taken. */
  take(): string | undefined {
    for (let tries = FIRST; tries <= LAST; tries++) {
      this.#last = this.#last >= LAST ? FIRST : this.#last + 1;
      if (this.#used.has(this.#last)) continue;
      this.#used.add(this.#last);
      return `${this.#network}.${this.#last}`;
    }
    return undefined;
  }

  giveBack(address: string): void {
    this.#used.delete(Number(address.slice(address.lastIndexOf('.') + 1)));
  }

  close(): void {
    this.#holder.close();
  }
}

async function hold(address: string): Promise<Server | undefined> {
  const server = createServer((socket) => socket.destroy());
  return new Promise((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'EADDRINUSE') resolve(undefined);
      else reject(error);
    });
    server.listen(HOLD_PORT, address, () => {
      server.unref();
      resolve(server);
    });
  });
}
