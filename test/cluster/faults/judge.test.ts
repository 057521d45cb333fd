import { describe, expect, it } from 'vitest';

import type { KubernetesObject } from '../../../src/api/object.ts';
import { marks } from '../../../src/api/marks.ts';
import { endStateOf, factOf } from './end-state.ts';
import { shiftsOf, violationsIn } from './judge.ts';
import type { Asked, CaseRecord, Seen, Told } from './record.ts';
import { targetOf, type RequestRecord } from './request-record.ts';

const routes = '/apis/gateway.networking.k8s.io/v1/namespaces/shop/httproutes/cart';

/** A story told line by line: each line is a moment later and another version of something. */
class Story {
  readonly seen: Seen[] = [];
  readonly writes: RequestRecord[] = [];
  readonly asked: Asked[] = [];
  readonly told: Told[] = [];
  readonly ends: number[] = [];
  at = 100_000;
  #version = 10;

  constructor() {
    this.deployment('cart-primary', 'demo:1', 1).deployment('cart', 'demo:2', 1).route(0);
  }

  wait(ms: number): this {
    this.at += ms;
    return this;
  }

  see(object: KubernetesObject): this {
    this.#version += 1;
    const metadata = { ...object.metadata, resourceVersion: String(this.#version) };
    const { at } = this;
    this.seen.push({ version: this.#version, at, gone: false, object: { ...object, metadata } });
    return this;
  }

  /** The server took its time over the last write. */
  takenLater(ms: number): void {
    const last = this.writes.at(-1);
    if (last !== undefined) last.answeredAt = this.at + ms;
  }

  /** The last thing seen was a write of the operator. */
  byOperator(): this {
    const path = routes;
    this.writes.push({
      ...targetOf(path),
      number: this.writes.length + 1,
      write: this.writes.length + 1,
      at: this.at,
      method: 'PATCH',
      path,
      isWatch: false,
      body: '',
      outcome: 'answered',
      status: 200,
      answer: `{"metadata":{"resourceVersion":"${this.#version}"}}`,
      answeredAt: this.at,
    });
    return this;
  }

  route(weight: number, reason = 'raise', run = 'run-1'): this {
    const note = JSON.stringify({ run, revision: 'r', weight, for: reason });
    return this.see({
      apiVersion: 'gateway.networking.k8s.io/v1',
      kind: 'HTTPRoute',
      metadata: { name: 'cart', annotations: { [marks.applied]: note } },
      spec: {
        rules: [
          {
            backendRefs: [
              { name: 'cart-primary', weight: 100 - weight },
              { name: 'cart-canary', weight },
            ],
          },
        ],
      },
    }).byOperator();
  }

  deployment(name: string, image: string, replicas: number, available = replicas): this {
    return this.see({
      apiVersion: 'apps/v1',
      kind: 'Deployment',
      metadata: { name },
      spec: { replicas, template: { spec: { containers: [{ image }] } } },
      status: { availableReplicas: available },
    }).byOperator();
  }

  canary(status: object): this {
    return this.see({
      apiVersion: 'serin.dev/v1beta1',
      kind: 'Canary',
      metadata: { name: 'cart' },
      status,
    });
  }

  round(answer: Asked['answer'] = 'good'): this {
    for (const query of ['rate', 'latency']) this.asked.push({ at: this.at, query, answer });
    return this;
  }

  tell(id: string): this {
    this.told.push({ at: this.at, receiver: 'slack', id, text: 'words' });
    return this;
  }

  get record(): CaseRecord {
    const { seen, writes, asked, told, ends } = this;
    const images = { old: 'demo:1', new: 'demo:2' };
    return {
      steps: [30, 60],
      intervalMs: 1_000,
      checks: 2,
      images,
      seen,
      writes,
      asked,
      told,
      ends,
    };
  }

  get violations(): readonly string[] {
    return violationsIn(this.record).map(({ id, what }) => `${id}: ${what}`);
  }
}

function promoted(): Story {
  return new Story()
    .wait(500)
    .route(30)
    .wait(1_000)
    .round()
    .route(60)
    .wait(1_000)
    .round()
    .deployment('cart-primary', 'demo:2', 1)
    .wait(100)
    .route(0, 'promoted')
    .deployment('cart', 'demo:2', 0);
}

const waiting = (...ids: readonly string[]) => ({ run: { outbox: ids.map((id) => ({ id })) } });

describe('the judge of real rollouts', () => {
  it('finds nothing in a promotion as it should be', () => {
    const { record, violations } = promoted();
    expect(violations).toEqual([]);
    expect(shiftsOf(record).map(({ from, to }) => [from, to])).toEqual([
      [0, 30],
      [30, 60],
      [60, 0],
    ]);
  });

  it('finds nothing in an abort as it should be', () => {
    const story = new Story()
      .route(30)
      .wait(1_000)
      .round('bad')
      .route(0, 'abort:FailedChecks')
      .canary({ phase: 'Failed' })
      .deployment('cart', 'demo:2', 0);
    expect(story.violations).toEqual([]);
  });

  it('sees a step that was left out', () => {
    expect(new Story().route(60).violations).toEqual([
      'r2: the weight went from 0 to 60, the next step is 30',
    ]);
  });

  it('sees two steps within one interval, by when the writes were sent', () => {
    const story = new Story().route(30).wait(400).round().route(60);
    expect(story.violations).toEqual([
      'p1: the weight went to 60 only 400 ms after the last raise',
    ]);
  });

  it('counts an interval from when the raise before was taken', () => {
    const story = new Story().route(30);
    story.takenLater(500);
    expect(story.wait(1_000).round().route(60).violations).toEqual([
      'p1: the weight went to 60 only 500 ms after the last raise',
    ]);
  });

  it.each([
    ['no round', (story: Story) => story, 'no round was asked since the last raise'],
    ['a failed one', (story: Story) => story.round('bad'), 'the last round was bad: rate'],
    [
      'one without an answer',
      (story: Story) => story.round('unknown'),
      'the last round was unknown: rate',
    ],
  ])('sees a raise after %s', (_, tell, why) => {
    const story = tell(new Story().route(30).wait(1_000)).route(60);
    expect(story.violations).toEqual([`p1: the weight went from 30 to 60: ${why}`]);
  });

  it('sees a round that was asked before the last raise', () => {
    const story = new Story().round().wait(10).route(30).wait(1_000).route(60);
    expect(story.violations).toEqual([
      'p1: the weight went from 30 to 60: no round was asked since the last raise',
    ]);
  });

  it('sees traffic that comes back after an abort', () => {
    const story = new Story().route(30).wait(1_000).route(0, 'abort:FailedChecks').wait(1_000);
    expect(story.route(30, 'raise', 'run-1').violations).toEqual([
      'p2: after the abort the canary has 30 % in the same run',
    ]);
    expect(
      new Story().route(0, 'abort:FailedChecks').route(30, 'raise', 'run-2').violations,
    ).toEqual([]);
  });

  it('sees an abort that is recorded before it is carried out', () => {
    const story = new Story().route(30).canary({ phase: 'Failed' });
    expect(story.violations).toEqual(['p2: Failed was recorded while the canary had 30 %']);
  });

  it('sees a primary that is written too early, twice, or with something else', () => {
    const early = new Story().route(30).wait(1_000).round().deployment('cart-primary', 'demo:2', 1);
    expect(early.violations).toEqual(['p4: the primary was written at a weight of 30']);
    const twice = promoted()
      .deployment('cart-primary', 'demo:1', 1)
      .deployment('cart-primary', 'demo:2', 1);
    expect(twice.violations).toContain('p6: the primary was written twice');
    expect(promoted().deployment('cart-primary', 'demo:3', 1).violations).toContain(
      'p4: the primary was written with demo:3',
    );
  });

  it('sees pods that go while they have traffic', () => {
    const story = new Story().route(30).deployment('cart', 'demo:2', 0);
    expect(story.violations).toEqual(['p3: the target was scaled from 1 to 0 at 30 %']);
  });

  it('sees traffic that goes to nobody while somebody is there', () => {
    const story = new Story().deployment('cart', 'demo:2', 1, 0).wait(5_000);
    expect(story.route(30).violations).toEqual([
      'r1: the weight went to 30 although the canary has no available replica',
    ]);
  });

  it('lets nobody know at once what has just become so', () => {
    const story = new Story().wait(5_000).deployment('cart', 'demo:2', 1).wait(600);
    expect(story.deployment('cart', 'demo:2', 1, 0).wait(300).route(30).violations).toEqual([]);
  });

  it('sees a message that is said again for no reason', () => {
    const again = new Story().canary(waiting('a')).tell('a').wait(10).tell('a');
    expect(again.violations).toEqual(['p6: slack a was said again: words']);
  });

  it('lets a message be said again by a process that cannot know that it was heard', () => {
    const story = new Story().canary(waiting('a')).tell('a').wait(10);
    story.ends.push(story.at);
    expect(story.wait(10).tell('a').violations).toEqual([]);
    const acknowledged = new Story().canary(waiting('a')).tell('a').wait(10).canary(waiting());
    acknowledged.ends.push(acknowledged.at);
    expect(acknowledged.wait(10).tell('a').violations).toEqual([
      'p6: slack a was said again: words',
    ]);
  });
});

describe('the end of a rollout', () => {
  it('is told without what differs from run to run', () => {
    const story = promoted().tell('uid-rev-2/started@2026-11-21T19:45:52Z/global');
    story.tell('uid-rev-2/started@2026-11-21T19:45:53Z/global').canary({
      phase: 'Succeeded',
      canaryWeight: 0,
      conditions: [{ type: 'Ready', status: 'True', reason: 'Succeeded', message: 'words' }],
      ...waiting('a'),
    });
    expect(endStateOf(story.record)).toEqual({
      phase: 'Succeeded',
      weight: 0,
      waiting: '',
      conditions: ['Ready=True Succeeded'],
      route: '0 promoted 0',
      target: 'demo:2 × 0',
      primary: 'demo:2 × 1',
      services: ['cart undefined', 'cart-canary undefined', 'cart-primary undefined'],
      told: ['slack started/global'],
      untold: 1,
    });
    expect(factOf('e0c1b44e-596e147d4a-2/failed/global')).toBe('failed/global');
  });
});
