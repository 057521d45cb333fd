/**
 * Stories of a Canary that Flagger has left, in each phase.
 */
import type { LeftByFlagger } from './flagger-objects.ts';
import { flaggerWrites, installOldDefinition, leaveFlagger } from './flagger-objects.ts';
import type { Scenario, Stage } from './scenarios.ts';

const group = 'flagger.app';

function story(
  name: string,
  left: LeftByFlagger,
  play: (stage: Stage) => Promise<void>,
  images: Scenario['images'] = {},
): Scenario {
  return {
    name: `taken over from Flagger ${name}`,
    group,
    images,
    prepare: (world) => leaveFlagger(world, left),
    play,
  };
}

const quietThen = (image: string) => async (stage: Stage) => {
  await stage.pass(60_000, 'a minute later');
  stage.push(image);
  await stage.until('Progressing');
  await stage.until('Succeeded');
  await stage.pass(10_000);
};

const untilSucceeded = async (stage: Stage): Promise<void> => {
  await stage.until('Progressing');
  await stage.until('Succeeded');
  await stage.pass(30_000);
};

export const takeOvers: readonly Scenario[] = [
  story('while initialized', { phase: 'Initialized', target: 'demo:1' }, quietThen('demo:2')),
  story('after a success', { phase: 'Succeeded', target: 'demo:1' }, quietThen('demo:2')),
  story(
    'after a success, with a new revision that nobody has seen',
    { phase: 'Succeeded', target: 'demo:2' },
    untilSucceeded,
  ),
  story('while failed', { phase: 'Failed', target: 'demo:2' }, quietThen('demo:3')),
  story(
    'while failed, with a revision that was pushed later',
    {
      phase: 'Failed',
      target: 'demo:2',
      status: { lastTransitionTime: '2025-03-01T09:00:00Z' },
    },
    untilSucceeded,
  ),
  story('while waiting', { phase: 'Waiting', target: 'demo:2' }, untilSucceeded),
  story(
    'while progressing',
    { phase: 'Progressing', target: 'demo:2', replicas: 2, weight: 40 },
    untilSucceeded,
  ),
  story(
    'while it waits for promotion',
    { phase: 'WaitingPromotion', target: 'demo:2', replicas: 2, weight: 60 },
    untilSucceeded,
  ),
  story(
    'while promoting',
    { phase: 'Promoting', target: 'demo:2', primary: 'demo:2', replicas: 2, weight: 60 },
    untilSucceeded,
  ),
  story(
    'while finalising',
    { phase: 'Finalising', target: 'demo:2', primary: 'demo:2', replicas: 2 },
    untilSucceeded,
  ),
  story(
    'while promoting to a primary that is down',
    { phase: 'Promoting', target: 'demo:2', primary: 'demo:3', replicas: 2, weight: 60 },
    async (stage) => {
      await stage.pass(30_000, 'the primary can start now');
      delete stage.images['demo:3'];
      const pods = stage.world.call('GET', '/api/v1/namespaces/shop/pods') as {
        readonly items?: readonly { readonly metadata: { readonly name: string } }[];
      };
      for (const { metadata } of pods.items ?? [])
        if (metadata.name.startsWith('cart-primary-'))
          stage.world.call('DELETE', `/api/v1/namespaces/shop/pods/${metadata.name}`);
      await untilSucceeded(stage);
    },
    { 'demo:3': {} },
  ),
  story(
    'while promoting to a primary that stays down',
    { phase: 'Promoting', target: 'demo:2', primary: 'demo:3', replicas: 2, weight: 60 },
    async (stage) => {
      await stage.until('Failed');
      await stage.pass(60_000);
    },
    { 'demo:3': {} },
  ),
  story(
    'with copies of a Secret',
    { phase: 'Succeeded', target: 'demo:1', configCopies: true },
    async (stage) => {
      await stage.pass(30_000);
      stage.transcript.note('a label of the pods changes');
      stage.world.patch('Deployment', 'cart', {
        spec: { template: { metadata: { labels: { tier: 'front' } } } },
      });
      await stage.pass(60_000);
    },
  ),
  {
    name: 'two operators on one Canary',
    group,
    prepare: (world) => leaveFlagger(world, { phase: 'Succeeded', target: 'demo:1' }),
    async play(stage) {
      await stage.pass(30_000);
      stage.push('demo:2');
      await stage.pass(15_000);
      for (let times = 0; times < 4; times += 1) {
        stage.transcript.note('Flagger writes the status');
        flaggerWrites(stage.world);
        await stage.pass(15_000);
      }
      await stage.pass(0, 'Flagger is stopped');
      await stage.pass(600_000);
      await stage.until('Succeeded');
      await stage.pass(10_000);
    },
  },
  {
    name: 'Flagger with an older definition',
    group,
    async prepare(world) {
      await leaveFlagger(world, {
        phase: 'Progressing',
        target: 'demo:2',
        replicas: 2,
        weight: 40,
      });
      installOldDefinition(world);
    },
    play: (stage) => stage.pass(60_000),
  },
];
