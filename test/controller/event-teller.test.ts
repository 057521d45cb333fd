/**
 * Event receivers: told of everything in its order, and in nobody's way.
 */
import { describe, expect, it } from 'vitest';

import type { WebhookAnswer, WebhookCall } from '../../src/ports/webhook-client.ts';
import { alertProvider, canary, deployment, Stage, type StageOptions } from './stage.ts';

interface Told {
  readonly url: string;
  readonly phase: string;
  readonly metadata: Readonly<Record<string, string>>;
}

const receiver = (name = 'event', host = `${name}.example`): object => ({
  name,
  type: 'event',
  url: `http://${host}/`,
  metadata: { team: 'checkout' },
});

function toldOf({ url, body }: WebhookCall): Told {
  return { url, ...(body as Omit<Told, 'url'>) };
}

function aStage(options: StageOptions, analysis: object): Stage {
  const stage = new Stage(options);
  stage.create(deployment('demo:1'));
  stage.create(canary(analysis));
  stage.start();
  return stage;
}

/** Calls that are answered only when they are given up, as those of the real client are. */
function deafClient() {
  const open = new Set<WebhookCall>();
  const calls: WebhookCall[] = [];
  const client = {
    call: (call: WebhookCall, signal: AbortSignal): Promise<WebhookAnswer> => {
      calls.push(call);
      open.add(call);
      return new Promise((resolve) => {
        signal.addEventListener('abort', () => {
          open.delete(call);
          resolve({ kind: 'unreachable', why: 'given up' });
        });
      });
    },
  };
  return { client, calls, open };
}

const ignored = (): void => {};

describe('an event receiver', () => {
  it('is told of every event once, in its order, with what the event says', async () => {
    const told: Told[] = [];
    const stage = aStage(
      {
        webhook: async (call) => {
          told.push(toldOf(call));
          // The first is answered last.
          await new Promise<void>((resolve) =>
            stage.world.clock.after(told.length === 1 ? 2_000 : 0, resolve),
          );
          return { kind: 'yes' };
        },
        settings: { eventWebhook: 'http://global.example/' },
      },
      { webhooks: [receiver()] },
    );
    await stage.untilPhase('Initialized');
    stage.push('demo:2');
    await stage.untilPhase('Succeeded');
    await stage.pass(5_000);
    const events = stage.events().filter(({ count }) => count === 1);
    expect(told.map(({ metadata }) => metadata['eventMessage'])).toEqual(
      events.map(({ message }) => message),
    );
    expect(told.map(({ metadata }) => metadata['eventType'])).toEqual(
      events.map(({ type }) => type),
    );
    expect(new Set(told.map(({ url, metadata }) => `${url} ${metadata['team']}`))).toEqual(
      new Set(['http://event.example/ checkout']),
    );
    await stage.end();
  });

  it('of the operator is told of Canaries that have none of their own', async () => {
    const told: Told[] = [];
    const stage = aStage(
      {
        webhook(call) {
          told.push(toldOf(call));
          return { kind: 'yes' };
        },
        settings: { eventWebhook: 'http://global.example/' },
      },
      {},
    );
    await stage.untilPhase('Initialized');
    expect(told.length).toBeGreaterThan(0);
    expect(told.every(({ url }) => url === 'http://global.example/')).toBe(true);
    await stage.end();
  });

  it('is counted, also when it does not take an event', async () => {
    const counted: string[] = [];
    const answers: WebhookAnswer[] = [{ kind: 'no', status: 500, text: '' }];
    const stage = aStage(
      {
        webhook: () => answers.shift() ?? { kind: 'yes' },
        parts: {
          telemetry: {
            passed: ignored,
            checked: ignored,
            notified: (kind, outcome) => counted.push(`${kind} ${outcome}`),
            observed: ignored,
            finished: ignored,
            measured: ignored,
            forgotten: ignored,
          },
        },
      },
      { webhooks: [receiver()] },
    );
    await stage.untilPhase('Initialized');
    const events = counted.filter((line) => line.startsWith('event'));
    expect(events.slice(0, 2)).toEqual(['event unavailable', 'event delivered']);
    await stage.end();
  });

  it('shares the bound of its host with alerts and hooks, and leaves the most of it to questions', async () => {
    const { client, calls } = deafClient();
    const alerts: string[] = [];
    const notifiers = {
      get: () => ({
        name: 'slack',
        send: (_access: object, { id }: { readonly id: string }) => {
          alerts.push(id);
          return new Promise<never>(() => {});
        },
      }),
    };
    const rollbacks = Array.from({ length: 12 }, (_, index) => ({
      name: `rollback-${index}`,
      type: 'rollback',
      url: `http://tools.example/rollback/${index}`,
      timeout: '10m',
    }));
    const stage = new Stage({ parts: { webhooks: client, notifiers } });
    for (let index = 0; index < 6; index += 1)
      stage.create(alertProvider({ address: 'http://tools.example/alert' }, `chat-${index}`));
    stage.create(deployment('demo:1'));
    stage.create(
      canary({
        webhooks: [receiver('event', 'tools.example'), ...rollbacks],
        alerts: Array.from({ length: 6 }, (_, index) => ({
          name: `chat-${index}`,
          providerRef: { name: `chat-${index}` },
        })),
      }),
    );
    stage.start();
    await stage.untilPhase('Initialized');
    stage.push('demo:2');
    await stage.untilPhase('Progressing');
    await stage.pass(4_000);
    const asked = (part: string): number => calls.filter(({ url }) => url.includes(part)).length;
    expect({ alerts: alerts.length, rollbacks: asked('/rollback/') }).toEqual({
      alerts: 4,
      rollbacks: 3,
    });
    expect(calls).toHaveLength(4);
    await stage.end();
  });

  it('that never answers is hung up on when the operator stops', async () => {
    const { client, calls, open } = deafClient();
    const stage = aStage({ parts: { webhooks: client } }, { webhooks: [receiver()] });
    await stage.untilPhase('Initialized');
    expect(calls).toHaveLength(1);
    expect(open.size).toBe(1);
    await stage.end();
    expect(open.size).toBe(0);
    // Nor are those sent that had to wait for it.
    expect(calls).toHaveLength(1);
  });
});
