/**
 * A function call into another process, over Node.js' own channel. The cluster and Prometheus that the
 * operator is measured against run in processes of their own, so that it does not share their memory,
 * their garbage collector or their processor time.
 */
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';

import * as z from 'zod';

/** What a process answers, by name. Each parses its own argument. */
export type Handlers = Readonly<Record<string, (argument: unknown) => unknown>>;

const Call = z.object({ id: z.int(), name: z.string(), argument: z.unknown().optional() });
const Answer = z.object({
  id: z.int(),
  value: z.unknown().optional(),
  error: z.string().optional(),
});

/** In the other process: answers calls until the channel closes, which ends the process. */
export function serve(handlers: Handlers): void {
  process.on('message', (message) => void answer(handlers, message));
  process.on('disconnect', () => process.exit(0));
  process.send?.({ id: 0 });
}

async function answer(handlers: Handlers, message: unknown): Promise<void> {
  const { id, name, argument } = Call.parse(message);
  try {
    const handler = handlers[name];
    if (handler === undefined) throw new Error(`nothing here is called ${name}`);
    process.send?.({ id, value: await handler(argument) });
  } catch (error) {
    process.send?.({ id, error: error instanceof Error ? error.stack : String(error) });
  }
}

export interface Remote {
  readonly pid: number;
  /** Calls the handler of that name; its answer has to fit the schema. */
  call<T>(name: string, argument: unknown, schema: z.ZodType<T>): Promise<T>;
  stop(): Promise<void>;
}

/** Starts a file that calls `serve`, and waits until it does. */
export async function startRemote(file: URL): Promise<Remote> {
  const child = fork(fileURLToPath(file), { serialization: 'advanced' });
  const waiting = new Map<number, PromiseWithResolvers<unknown>>();
  let calls = 0;
  const reply = (id: number) => {
    const promised = Promise.withResolvers<unknown>();
    waiting.set(id, promised);
    return promised.promise;
  };
  child.on('message', (message) => {
    const { id, value, error } = Answer.parse(message);
    if (error === undefined) waiting.get(id)?.resolve(value);
    else waiting.get(id)?.reject(new Error(error));
    waiting.delete(id);
  });
  child.on('exit', (code) => {
    const ended = new Error(`${file.pathname} ended with code ${code}`);
    for (const { reject } of waiting.values()) reject(ended);
  });
  await reply(0);
  return {
    pid: child.pid ?? 0,
    call: async (name, argument, schema) => {
      calls += 1;
      const value = reply(calls);
      child.send({ id: calls, name, argument });
      return schema.parse(await value);
    },
    stop: async () => {
      if (child.exitCode !== null) return;
      child.disconnect();
      await once(child, 'exit');
    },
  };
}
