import { describe, expect, it } from 'vitest';

import type { ApiCall } from '../../src/sandbox/api-server/call.ts';
import { FaultSwitches, NO_FAULTS, parseFaults } from '../../src/sandbox/fault-switches.ts';

const call: ApiCall = { method: 'GET', path: '/api/v1/pods', query: {}, headers: {} };

describe('fault switches', () => {
  it('refuses exactly the share it is told to, with Retry-After where that belongs', () => {
    const switches = new FaultSwitches(() => false);
    switches.set({ throttled: 10, failed: 5 });
    const answers = Array.from({ length: 100 }, () => switches.intercept(call));
    const statuses = answers.map((answer) => (answer?.kind === 'object' ? answer.status : 200));
    expect(statuses.filter((status) => status === 429)).toHaveLength(10);
    expect(statuses.filter((status) => status === 500)).toHaveLength(5);
    expect(
      answers.find((answer) => answer?.kind === 'object' && answer.status === 429),
    ).toMatchObject({ headers: { 'retry-after': '1' }, body: { reason: 'TooManyRequests' } });
  });

  it("spares the sandbox's own controllers", () => {
    const switches = new FaultSwitches(({ headers }) => headers['authorization'] === 'ours');
    switches.set({ failed: 100 });
    expect(switches.intercept({ ...call, headers: { authorization: 'ours' } })).toBeUndefined();
    expect(switches.intercept(call)).toBeDefined();
  });

  it('reads what people write, and says what it does not understand', () => {
    expect(parseFaults('latency=200ms,429=10,5xx=5%,silent')).toEqual({
      latencyMs: 200,
      throttled: 10,
      failed: 5,
      silentWatches: true,
    });
    expect(parseFaults('off')).toEqual(NO_FAULTS);
    expect(() => parseFaults('slow=3')).toThrow('"slow=3": write latency=200ms');
    expect(() => parseFaults('429=many')).toThrow('"429=many"');
  });
});
