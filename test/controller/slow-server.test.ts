/**
 * An API server that takes its time.
 */
import { describe, expect, it } from 'vitest';

import type { Transport } from '../../src/adapters/kubernetes/transport.ts';
import { sleep } from '../../src/ports/clock.ts';
import { memoryTransport } from '../support/memory-transport.ts';
import { canary, deployment, Stage } from './stage.ts';

const intervalMs = 10_000;
const slownessMs = 8_000;

interface Raise {
  readonly sentAt: number;
  readonly takenAt: number;
}

/** Writes of a raise arrive late; when they were sent and answered is noted. */
function slowRaises(stage: Stage, raises: Raise[]): Transport {
  const { clock, server } = stage.world;
  const transport = memoryTransport(server, { clock, headers: { 'user-agent': 'serin/0' } });
  return {
    stream: (...args) => transport.stream(...args),
    async request(request, signal) {
      const isRaise =
        request.method === 'PATCH' &&
        request.path.includes('/httproutes/') &&
        JSON.stringify(request.body).includes('raise');
      if (!isRaise) return transport.request(request, signal);
      const sentAt = clock.monotonic();
      if (raises.length === 0) await sleep(clock, slownessMs, signal);
      const answer = await transport.request(request, signal);
      raises.push({ sentAt, takenAt: clock.monotonic() });
      return answer;
    },
  };
}

describe('a raise that takes the API server seconds', () => {
  it('is followed by a whole interval before the next one', async () => {
    const stage = new Stage();
    const raises: Raise[] = [];
    stage.create(deployment('demo:1'));
    stage.create(canary({ interval: `${intervalMs / 1_000}s` }));
    stage.start({ transport: slowRaises(stage, raises) });
    await stage.untilPhase('Initialized');
    stage.push('demo:2');
    await stage.untilPhase('Succeeded');
    const [first, second] = raises;
    expect((first?.takenAt ?? 0) - (first?.sentAt ?? 0)).toBeGreaterThanOrEqual(slownessMs);
    expect((second?.sentAt ?? 0) - (first?.takenAt ?? 0)).toBeGreaterThanOrEqual(intervalMs);
    await stage.end();
  });
});
