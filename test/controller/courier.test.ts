/**
 * Messages and hooks from the outbox: once each, in spite of restarts, and beside everything else.
 */
import { describe, expect, it } from 'vitest';

import { UnavailableError } from '../../src/errors.ts';
import type { Message, NotifierAccess } from '../../src/ports/notifier.ts';
import type { WebhookAnswer } from '../../src/ports/webhook-client.ts';
import type { LeaderLock } from '../../src/ports/leader-lock.ts';
import { alertProvider, canary, deployment, forbidden, Stage, type StageOptions } from './stage.ts';

interface Attempt {
  readonly at: number;
  readonly to: string;
  readonly message: Message;
}

function aReceiver(answer: (access: NotifierAccess, attempts: readonly Attempt[]) => unknown) {
  const attempts: Attempt[] = [];
  let clock: { monotonic(): number } | undefined;
  const notifiers = {
    get: () => ({
      name: 'slack',
      async send(access: NotifierAccess, message: Message): Promise<void> {
        attempts.push({ at: clock?.monotonic() ?? 0, to: access.address, message });
        await answer(access, attempts);
      },
    }),
  };
  const watch = (stage: Stage): void => {
    clock = stage.world.clock;
  };
  return { attempts, notifiers, watch };
}

function aStage(options: StageOptions, analysis: object = {}): Stage {
  const stage = new Stage(options);
  stage.create(deployment('demo:1'));
  stage.create(canary(analysis));
  return stage;
}

/** A Lease that the test gives and takes. */
class GivenLock implements LeaderLock {
  #onGain: ((leading: AbortSignal) => void) | undefined;
  #leading: AbortController | undefined;

  holds(): boolean {
    return this.#leading !== undefined;
  }

  async run(onGain: (leading: AbortSignal) => void, signal: AbortSignal): Promise<void> {
    this.#onGain = onGain;
    await new Promise((resolve) => signal.addEventListener('abort', resolve, { once: true }));
    this.take();
  }

  give(): void {
    this.#leading = new AbortController();
    this.#onGain?.(this.#leading.signal);
  }

  take(): void {
    this.#leading?.abort();
    this.#leading = undefined;
  }
}

const down = (more: { readonly retryAfterMs?: number } = {}): never => {
  throw new UnavailableError('Slack is down', { reason: 'SlackUnavailable', ...more });
};

describe('an alert', () => {
  it('is delivered once, also when the operator is restarted afterwards', async () => {
    const { attempts, notifiers, watch } = aReceiver(() => {});
    const stage = aStage({ parts: { notifiers } });
    watch(stage);
    stage.start();
    await stage.untilPhase('Initialized');
    await stage.pass(60_000);
    await stage.restart();
    await stage.pass(60_000);
    expect(attempts.map(({ message }) => message.text)).toEqual([
      'New Deployment detected, initialization completed.',
    ]);
    await stage.end();
  });

  it('is not said again by an operator that loses the Lease before it has written down that it was', async () => {
    const { attempts, notifiers, watch } = aReceiver(() => {});
    const lock = new GivenLock();
    const stage = aStage({ parts: { notifiers, lock } });
    watch(stage);
    stage.start();
    await stage.pass(1_000);
    lock.give();
    // From the moment that somebody is told, no status can be written.
    stage.intercept(({ method, path }) =>
      method === 'PATCH' && path.endsWith('/status') && attempts.length > 0
        ? forbidden('patch', 'canaries/status')
        : undefined,
    );
    await stage.until('the message', () => attempts.length > 0);
    lock.take();
    await stage.pass(10_000);
    stage.intercept(() => undefined);
    lock.give();
    await stage.pass(60_000);
    expect(attempts).toHaveLength(1);
    expect(stage.status().run?.['outbox']).toEqual([]);
    await stage.end();
  });

  it('that was not delivered before a restart is delivered after it, with the same id', async () => {
    let isDown = true;
    const { attempts, notifiers, watch } = aReceiver(() => (isDown ? down() : undefined));
    const stage = aStage({ parts: { notifiers } });
    watch(stage);
    stage.start();
    await stage.untilPhase('Initialized');
    await stage.restart();
    isDown = false;
    await stage.pass(15 * 60_000);
    const ids = new Set(attempts.map(({ message }) => message.id));
    expect(ids.size).toBe(1);
    const delivered = attempts.length;
    await stage.pass(60 * 60_000);
    expect(attempts).toHaveLength(delivered);
    await stage.end();
  });

  it('is tried again later each time', async () => {
    const { attempts, notifiers, watch } = aReceiver(() => down());
    const stage = aStage({ parts: { notifiers } });
    watch(stage);
    stage.start();
    await stage.untilPhase('Initialized');
    await stage.pass(10 * 60_000);
    const gaps = attempts.slice(1).map(({ at }, index) => at - (attempts[index]?.at ?? 0));
    expect(gaps.length).toBeGreaterThan(4);
    for (const [index, gap] of gaps.slice(1).entries())
      expect(gap).toBeGreaterThan(1.5 * (gaps[index] ?? 0));
    await stage.end();
  });

  it('is not tried again before the receiver wants it', async () => {
    const { attempts, notifiers, watch } = aReceiver((_access, all) =>
      all.length === 1 ? down({ retryAfterMs: 90_000 }) : undefined,
    );
    const stage = aStage({ parts: { notifiers } });
    watch(stage);
    stage.start();
    await stage.untilPhase('Initialized');
    await stage.pass(5 * 60_000);
    expect(attempts).toHaveLength(2);
    expect((attempts[1]?.at ?? 0) - (attempts[0]?.at ?? 0)).toBeGreaterThanOrEqual(89_999);
    await stage.end();
  });

  it('is given up after a day, with a Warning that says so', async () => {
    const { notifiers, watch } = aReceiver(() => down());
    const stage = aStage({ parts: { notifiers } });
    watch(stage);
    stage.start();
    await stage.untilPhase('Initialized');
    await stage.pass(25 * 60 * 60_000);
    // Events are forgotten after an hour: what was written counts.
    const told = stage
      .requests()
      .filter(({ resource }) => resource === 'events')
      .map(({ body }) => (body as { reason?: string }).reason);
    expect(told).toContain('NotificationLost');
    expect(stage.status().run).toMatchObject({ outbox: [], dropped: 1 });
    await stage.end();
  });

  it('that is on its way when the operator stops is not told of as failed', async () => {
    const notifiers = {
      get: () => ({
        name: 'slack',
        send: (_access: NotifierAccess, _message: Message, signal: AbortSignal) =>
          new Promise<never>((_resolve, reject) => {
            const giveUp = (): void => reject(new Error('given up'));
            signal.addEventListener('abort', giveUp, { once: true });
          }),
      }),
    };
    const stage = aStage({ parts: { notifiers } });
    stage.start();
    await stage.untilPhase('Initialized');
    await stage.end();
    expect(stage.events().map(({ reason }) => reason)).not.toContain('NotificationFailed');
  });

  it('reaches one receiver while another never answers', async () => {
    const { attempts, notifiers, watch } = aReceiver(({ address }) =>
      address.includes('deaf') ? new Promise(() => {}) : undefined,
    );
    const stage = aStage(
      { parts: { notifiers } },
      {
        alerts: ['deaf', 'open'].map((name) => ({ name, providerRef: { name } })),
      },
    );
    watch(stage);
    for (const name of ['deaf', 'open'])
      stage.create(alertProvider({ address: `http://${name}.example/` }, name));
    stage.start();
    await stage.untilPhase('Initialized');
    stage.push('demo:2');
    await stage.untilPhase('Succeeded', 120_000);
    await stage.pass(1_000);
    const open = attempts.filter(({ to }) => to.includes('open'));
    expect(open.map(({ message }) => message.severity)).toEqual(['info', 'info', 'info']);
    await stage.end();
  });
});

describe('a post-rollout hook', () => {
  it.each([
    ['Succeeded', 100],
    ['Failed', 50],
  ])('is told of %s, again until it says yes, and then not again', async (phase, rate) => {
    const bodies: { phase: string }[] = [];
    const answers: WebhookAnswer[] = [
      { kind: 'no', status: 500, text: '' },
      { kind: 'unreachable', why: 'connection refused' },
    ];
    const stage = aStage(
      {
        metric: () => ({ kind: 'sample', sample: { kind: 'value', value: rate } }),
        webhook({ body }) {
          bodies.push(body as { phase: string });
          return answers.shift() ?? { kind: 'yes' };
        },
      },
      { webhooks: [{ name: 'after', type: 'post-rollout', url: 'http://after.example/' }] },
    );
    stage.start();
    await stage.untilPhase('Initialized');
    stage.push('demo:2');
    await stage.untilPhase(phase, 120_000);
    await stage.pass(60 * 60_000);
    expect(bodies.map((body) => body.phase)).toEqual([phase, phase, phase]);
    await stage.end();
  });
});
