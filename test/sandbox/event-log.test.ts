import { describe, expect, it } from 'vitest';

import { ApiServer } from '../../src/sandbox/api-server/server.ts';
import { Client } from '../../src/sandbox/controllers/api.ts';
import { isRecord } from '../../src/sandbox/controllers/objects.ts';
import { EventLog } from '../../src/sandbox/event-log.ts';

const NOW = Date.parse('2026-11-21T12:00:00Z');

describe('event log', () => {
  it('writes what is said as an Event, and counts what is said again', () => {
    let dice = 0;
    const api = new ApiServer({ now: () => NOW, random: () => (dice += 0.001) % 1 });
    const log = new EventLog(new Client(api, 'test'));
    const metadata = { name: 'cart', namespace: 'default', uid: 'u1' };
    const about = { apiVersion: 'apps/v1', kind: 'Deployment', metadata };
    for (const [message, at] of [
      ['scaled up', NOW],
      ['scaled down', NOW],
      ['scaled up', NOW + 60_000],
    ] as const) {
      log.write({ about, type: 'Normal', reason: 'ScalingReplicaSet', message }, at);
    }
    const path = '/api/v1/namespaces/default/events';
    const answer = api.handle({ method: 'GET', path, query: {}, headers: {} });
    const body = answer.kind === 'object' && isRecord(answer.body) ? answer.body : {};
    expect(body['items']).toMatchObject([
      {
        message: 'scaled up',
        count: 2,
        firstTimestamp: '2026-11-21T12:00:00Z',
        lastTimestamp: '2026-11-21T12:01:00Z',
        involvedObject: { kind: 'Deployment', name: 'cart', uid: 'u1' },
      },
      { message: 'scaled down', count: 1 },
    ]);
  });
});
