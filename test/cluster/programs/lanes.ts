/**
 * Tools that must not run beside themselves: each has a lane, and a lane has one traveller at a time,
 * among all processes that share the cache. (Two Go builds share two processors worse than one;
 * apt-get locks its lists; and who waits for another's build finds the result in the cache.)
 */
import { createHash } from 'node:crypto';
import net from 'node:net';

export const lanes = ['installed', 'npm', 'python', 'debian', 'go'] as const;
export type Lane = (typeof lanes)[number];

interface Lock {
  release(): void;
}

/**
 * Runs `work` when nobody else is in the lane; `waiting` is called once if somebody is.
 *
 * The lock is a socket in Linux' abstract namespace, which vanishes with its process. It holds within
 * one network namespace only; beyond that the cache is still safe, and only work is done twice.
 */
export async function inLane<T>(
  cache: string,
  lane: Lane,
  work: () => Promise<T>,
  waiting: () => void,
): Promise<T> {
  const hash = createHash('sha256').update(cache).digest('hex').slice(0, 32);
  const address = `\0serin-cluster-${lane}-${hash}`;
  for (let first = true; ; first = false) {
    const lock = await take(address);
    if (lock !== undefined) {
      try {
        return await work();
      } finally {
        lock.release();
      }
    }
    if (first) waiting();
    await untilReleased(address);
  }
}

/** The lock, or undefined when somebody else has it. */
function take(address: string): Promise<Lock | undefined> {
  const taken = Promise.withResolvers<Lock | undefined>();
  const waiters = new Set<net.Socket>();
  const server = net.createServer((socket) => {
    waiters.add(socket);
    socket.on('error', () => socket.destroy());
    socket.on('close', () => waiters.delete(socket));
    socket.resume();
  });
  const release = () => {
    server.close();
    for (const socket of waiters) socket.destroy();
  };
  server.once('error', (error) => {
    if ('code' in error && error.code === 'EADDRINUSE') taken.resolve(undefined);
    else taken.reject(error);
  });
  server.listen(address, () => taken.resolve({ release }));
  return taken.promise;
}

/** A connection to the holder ends with the lock; being refused means that it has just gone. */
function untilReleased(address: string): Promise<void> {
  const released = Promise.withResolvers<void>();
  const socket = net.connect(address);
  socket.on('error', () => socket.destroy());
  // A moment's grace, so that a refused connection is not tried again in a tight circle.
  socket.on('close', () => setTimeout(released.resolve, 50));
  socket.resume();
  return released.promise;
}
