/** Waits for the parts of a starting cluster. */
import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';

import { Agent, request } from 'undici';
import * as z from 'zod';

import { type AdminClient, adminClient } from './admin-client.ts';
import { API_URL, FILES, NODE } from './layout.ts';

const longestMs = 60_000;

const Node = z.object({
  status: z.object({
    conditions: z.array(z.object({ type: z.string(), status: z.string() })),
  }),
});

export async function untilApiServerIsReady(): Promise<void> {
  const connect = { ca: readFileSync(FILES.certificate) };
  const dispatcher = new Agent({ connect });
  // Not JSON, so not through the client.
  await until(`${API_URL}/readyz says ok`, async () => {
    const { statusCode, body } = await request(`${API_URL}/readyz`, { dispatcher });
    await body.dump();
    return statusCode === 200;
  });
  await dispatcher.destroy();
}

export async function untilNodeIsReady(): Promise<void> {
  await until(`${NODE.name} is Ready`, async (client) => {
    const { body } = await client.get(`/api/v1/nodes/${NODE.name}`);
    const { conditions } = Node.parse(body).status;
    return conditions.some(({ type, status }) => type === 'Ready' && status === 'True');
  });
}

/** Repeats `check` until it is true; what it throws means that it is not true yet. */
async function until(
  what: string,
  check: (client: AdminClient) => Promise<boolean>,
): Promise<void> {
  const client = adminClient();
  const end = Date.now() + longestMs;
  try {
    while (!(await check(client).catch(() => false))) {
      if (Date.now() > end) throw new Error(`waited ${longestMs / 1_000} s until ${what}`);
      await sleep(50);
    }
  } finally {
    await client.close();
  }
}
