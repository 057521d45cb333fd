/**
 * Stories that the transcripts tell. Each is one canary called cart, whose Deployment has two replicas.
 */
import type { CheckAnswer } from '../../src/core/analysis.ts';
import type { KubernetesObject } from '../../src/api/object.ts';
import type { WebhookAnswer, WebhookCall } from '../../src/ports/webhook-client.ts';
import type { PodBehaviour } from '../../src/sandbox/controllers/simulated-pods.ts';
import { canary, deployment, newImage, World } from '../simulate/world.ts';
import { Transcript } from './transcript.ts';

export interface Stage {
  readonly world: World;
  readonly transcript: Transcript;
  /** Success rate that Prometheus answers; `undefined`: no data. */
  rate: number | undefined;
  /** Answers of webhooks by name; `yes` when not named. */
  readonly gates: Record<string, WebhookAnswer>;
  /** How pods of an image behave; ready after a second when not named. */
  readonly images: Record<string, PodBehaviour>;
  until(phase: string, limitMs?: number): Promise<void>;
  pass(ms: number, note?: string): Promise<void>;
  push(image: string): void;
  /** Stops the operator and starts another one. */
  restart(): Promise<void>;
}

export interface Scenario {
  readonly name: string;
  readonly analysis?: object;
  readonly spec?: object;
  /** Objects that are there before the Canary. */
  readonly before?: readonly KubernetesObject[];
  readonly deployment?: KubernetesObject;
  readonly canary?: KubernetesObject;
  /** Where the Canary is; `serin.dev` when not said. */
  readonly group?: 'flagger.app';
  /** How pods of an image behave from the beginning. */
  readonly images?: Readonly<Record<string, PodBehaviour>>;
  /** Makes everything that is there before the operator, in place of Deployment and Canary. */
  readonly prepare?: (world: World) => Promise<void>;
  play(stage: Stage): Promise<void>;
}

const healthy: PodBehaviour = { readyAfterMs: 1_000, stopAfterMs: 500 };

/** Plays one scenario on a world of its own and gives its text. */
export async function play(scenario: Scenario): Promise<string> {
  const images: Record<string, PodBehaviour> = { ...scenario.images };
  const gates: Record<string, WebhookAnswer> = {};
  let rate: number | undefined = 100;
  const metric = (): CheckAnswer => ({
    kind: 'sample',
    sample:
      rate === undefined
        ? { kind: 'noData', why: 'the query matched no series' }
        : { kind: 'value', value: rate },
  });
  const webhook = ({ url }: WebhookCall): WebhookAnswer =>
    gates[new URL(url).pathname.slice(1)] ?? { kind: 'yes' };
  const behave = (pod: { spec?: { containers?: readonly { image?: string }[] } }): PodBehaviour =>
    images[pod.spec?.containers?.[0]?.image ?? ''] ?? healthy;
  const world = new World({ metric, webhook, behave });
  const transcript = new Transcript(world);
  for (const object of scenario.before ?? []) world.create(object);
  if (scenario.prepare === undefined) {
    world.create(scenario.deployment ?? deployment('demo:1'));
    world.create(scenario.canary ?? canary(scenario.analysis, scenario.spec));
  } else await scenario.prepare(world);
  const canaryPath = `/apis/${scenario.group ?? 'serin.dev'}/v1beta1/namespaces/shop/canaries/cart`;
  const phaseNow = (): unknown => {
    const { status } = world.call('GET', canaryPath);
    return (status as { readonly phase?: string } | undefined)?.phase;
  };
  let stop = new AbortController();
  let { done } = world.operator(stop.signal);
  const stage: Stage = {
    world,
    transcript,
    images,
    gates,
    get rate() {
      return rate;
    },
    set rate(value) {
      transcript.note(`success rate is now ${value ?? 'unknown'}`);
      rate = value;
    },
    async until(phase, limitMs = 600_000) {
      const reached = await world.clock.advanceUntil(() => phaseNow() === phase, limitMs);
      if (!reached) transcript.note(`phase ${phase} was not reached`);
      await world.clock.advance(1);
    },
    async pass(ms, note) {
      await world.clock.advance(ms);
      if (note !== undefined) transcript.note(note);
    },
    push(image) {
      transcript.note(`push ${image}`);
      world.patch('Deployment', 'cart', newImage(image));
    },
    async restart() {
      stop.abort();
      await world.clock.advance(10_000);
      await done;
      transcript.note('the operator is restarted');
      stop = new AbortController();
      ({ done } = world.operator(stop.signal));
    },
  };
  await scenario.play(stage);
  stop.abort();
  await world.clock.advance(10_000);
  await done;
  return transcript.text();
}

const gate = (type: string, more: object = {}): object => ({
  name: type,
  type,
  url: `http://gates/${type}`,
  ...more,
});
const closed: WebhookAnswer = { kind: 'no', status: 403, text: 'closed' };

const initialised = (stage: Stage): Promise<void> => stage.until('Initialized');

async function pushed(stage: Stage): Promise<void> {
  await initialised(stage);
  stage.push('demo:2');
}

async function deleted(stage: Stage): Promise<void> {
  stage.transcript.note('delete');
  stage.world.delete('Canary', 'cart');
  await stage.pass(60_000);
}

export const scenarios: readonly Scenario[] = [
  { name: 'initialisation', play: initialised },
  {
    name: 'initialisation whose first template is bad',
    async play(stage) {
      stage.images['demo:1'] = {};
      await stage.pass(90_000);
      stage.push('demo:2');
      await initialised(stage);
    },
  },
  {
    name: 'promotion',
    async play(stage) {
      await pushed(stage);
      await stage.until('Succeeded');
      await stage.pass(60_000);
    },
  },
  {
    name: 'abort on threshold',
    async play(stage) {
      await pushed(stage);
      await stage.pass(15_000);
      stage.rate = 50;
      await stage.until('Failed');
      await stage.pass(60_000);
    },
  },
  {
    name: 'canary never ready',
    async play(stage) {
      await initialised(stage);
      stage.images['demo:2'] = {};
      stage.push('demo:2');
      await stage.until('Failed');
      await stage.pass(60_000);
    },
  },
  {
    name: 'canary lost at weight 50',
    analysis: { stepWeight: undefined, maxWeight: undefined, stepWeights: [50] },
    async play(stage) {
      await initialised(stage);
      stage.images['demo:2'] = { readyAfterMs: 1_000, crashAfterMs: 8_000 };
      stage.push('demo:2');
      await stage.until('Failed');
      await stage.pass(60_000);
    },
  },
  {
    name: 'revision changed mid-run',
    async play(stage) {
      await pushed(stage);
      await stage.pass(15_000);
      stage.push('demo:3');
      await stage.until('Succeeded');
      await stage.pass(10_000);
    },
  },
  {
    name: 'revision reverted mid-run',
    async play(stage) {
      await pushed(stage);
      await stage.pass(15_000);
      stage.push('demo:1');
      await stage.until('Succeeded');
      await stage.pass(30_000);
      stage.push('demo:2');
      await stage.pass(5_000);
    },
  },
  {
    name: 'revision reverted in Failed',
    async play(stage) {
      await pushed(stage);
      await stage.pass(5_000);
      stage.rate = 50;
      await stage.until('Failed');
      await stage.pass(20_000);
      stage.push('demo:1');
      await stage.until('Succeeded');
      stage.rate = 100;
      await stage.pass(20_000);
      stage.push('demo:2');
      await stage.until('Promoting');
    },
  },
  {
    name: 'revision changed in Failed',
    async play(stage) {
      await pushed(stage);
      stage.rate = 50;
      await stage.until('Failed');
      stage.push('demo:3');
      stage.rate = 100;
      await stage.until('Succeeded');
      await stage.pass(10_000);
    },
  },
  {
    name: 'gates closed and opened',
    analysis: {
      stepWeight: 50,
      maxWeight: 50,
      webhooks: [
        gate('confirm-rollout'),
        gate('confirm-traffic-increase'),
        gate('confirm-promotion'),
      ],
    },
    async play(stage) {
      await initialised(stage);
      for (const type of ['confirm-rollout', 'confirm-traffic-increase', 'confirm-promotion'])
        stage.gates[type] = closed;
      stage.push('demo:2');
      for (const type of ['confirm-rollout', 'confirm-traffic-increase', 'confirm-promotion']) {
        await stage.pass(45_000);
        stage.transcript.note(`${type} opens`);
        delete stage.gates[type];
        await stage.pass(15_000);
      }
      await stage.until('Succeeded');
      await stage.pass(10_000);
    },
  },
  {
    name: 'gate that never opens, with a deadline',
    analysis: { webhooks: [gate('confirm-promotion', { deadline: '40s' })] },
    async play(stage) {
      await initialised(stage);
      stage.gates['confirm-promotion'] = closed;
      stage.push('demo:2');
      await stage.until('Failed');
      await stage.pass(10_000);
    },
  },
  {
    name: 'rollback hook',
    analysis: { webhooks: [gate('rollback')] },
    async play(stage) {
      stage.gates['rollback'] = closed;
      await pushed(stage);
      await stage.pass(15_000);
      stage.transcript.note('rollback is asked for');
      delete stage.gates['rollback'];
      await stage.until('Failed');
      await stage.pass(10_000);
    },
  },
  {
    name: 'hooks before and during a run',
    analysis: {
      stepWeight: 50,
      maxWeight: 50,
      webhooks: [gate('pre-rollout'), gate('rollout'), gate('post-rollout')],
    },
    async play(stage) {
      await initialised(stage);
      stage.gates['pre-rollout'] = { kind: 'no', status: 500, text: 'smoke test failed' };
      stage.push('demo:2');
      await stage.pass(5_000);
      delete stage.gates['pre-rollout'];
      await stage.until('Succeeded');
      await stage.pass(10_000);
    },
  },
  {
    name: 'blue green',
    analysis: { stepWeight: undefined, maxWeight: undefined, iterations: 2 },
    async play(stage) {
      await pushed(stage);
      await stage.until('Succeeded');
      await stage.pass(10_000);
    },
  },
  {
    name: 'blue green by kubernetes',
    analysis: { stepWeight: undefined, maxWeight: undefined, iterations: 2 },
    spec: { provider: 'kubernetes' },
    async play(stage) {
      await pushed(stage);
      await stage.until('Succeeded');
      await stage.pass(10_000);
      stage.push('demo:3');
      await stage.pass(5_000);
      stage.rate = 50;
      await stage.until('Failed');
      await stage.pass(10_000);
    },
  },
  {
    name: 'traffic returns in steps',
    analysis: { stepWeight: 50, maxWeight: 100, stepWeightPromotion: 40 },
    async play(stage) {
      await pushed(stage);
      await stage.until('Succeeded');
      await stage.pass(10_000);
    },
  },
  {
    name: 'analysis skipped',
    spec: { skipAnalysis: true },
    async play(stage) {
      await pushed(stage);
      await stage.until('Succeeded');
      await stage.pass(10_000);
    },
  },
  {
    name: 'primary broken mid-promotion and repaired',
    async play(stage) {
      await pushed(stage);
      await stage.until('Promoting');
      // The same image that was fine as canary does not come up as primary.
      stage.images['demo:2'] = {};
      await stage.until('Failed');
      await stage.pass(20_000);
      stage.transcript.note('the new pods of the primary can start now');
      stage.images['demo:2'] = healthy;
      const pods = '/api/v1/namespaces/shop/pods';
      const { items } = stage.world.call('GET', pods);
      for (const { metadata } of items as readonly KubernetesObject[])
        if (metadata.name.startsWith('cart-primary-'))
          stage.world.call('DELETE', `${pods}/${metadata.name}`);
      await stage.until('Succeeded');
      await stage.pass(10_000);
    },
  },
  {
    name: 'new revision while the canary serves',
    async play(stage) {
      await pushed(stage);
      await stage.until('Promoting');
      stage.images['demo:2'] = {};
      await stage.until('Failed');
      await stage.pass(20_000);
      stage.push('demo:3');
      await stage.until('Succeeded');
      await stage.pass(10_000);
    },
  },
  {
    name: 'no data',
    analysis: { holdDeadline: '60s' },
    async play(stage) {
      await initialised(stage);
      stage.rate = undefined;
      stage.push('demo:2');
      await stage.until('Failed');
      await stage.pass(10_000);
    },
  },
  {
    name: 'spec broken mid-run and repaired',
    async play(stage) {
      await pushed(stage);
      await stage.pass(15_000);
      stage.transcript.note('the spec breaks');
      stage.world.patch('Canary', 'cart', { spec: { analysis: { mirror: true } } });
      await stage.pass(45_000);
      stage.transcript.note('the spec is repaired');
      stage.world.patch('Canary', 'cart', { spec: { analysis: { mirror: null } } });
      await stage.until('Succeeded');
      await stage.pass(10_000);
    },
  },
  {
    name: 'suspended mid-run',
    async play(stage) {
      await pushed(stage);
      await stage.pass(15_000);
      stage.transcript.note('suspend');
      stage.world.patch('Canary', 'cart', { spec: { suspend: true } });
      await stage.pass(120_000);
      stage.transcript.note('resume');
      stage.world.patch('Canary', 'cart', { spec: { suspend: false } });
      await stage.until('Succeeded');
      await stage.pass(10_000);
    },
  },
  {
    name: 'route edited by hand',
    async play(stage) {
      await pushed(stage);
      await stage.pass(15_000);
      const weigh = (canaryWeight: number): void => {
        stage.transcript.note(`somebody sets the canary weight to ${canaryWeight}`);
        const spec = stage.world.get('HTTPRoute', 'cart')?.['spec'] as {
          rules: { backendRefs: { name: string; weight: number }[] }[];
        };
        const rules = spec.rules.map((rule) => ({
          ...rule,
          backendRefs: rule.backendRefs.map((ref) => ({
            ...ref,
            weight: ref.name === 'cart-canary' ? canaryWeight : 100 - canaryWeight,
          })),
        }));
        stage.world.patch('HTTPRoute', 'cart', { spec: { rules } });
      };
      weigh(90);
      await stage.pass(2_000);
      weigh(5);
      await stage.pass(2_000);
      await stage.until('Succeeded');
      await stage.pass(10_000);
    },
  },
  {
    name: 'operator restarted mid-run',
    async play(stage) {
      await pushed(stage);
      await stage.pass(15_000);
      await stage.restart();
      await stage.until('Succeeded');
      await stage.pass(10_000);
    },
  },
  {
    name: 'deletion while idle',
    async play(stage) {
      await initialised(stage);
      await deleted(stage);
    },
  },
  {
    name: 'deletion mid-run',
    async play(stage) {
      await pushed(stage);
      await stage.pass(15_000);
      await deleted(stage);
    },
  },
  {
    name: 'deletion without reverting',
    spec: { revertOnDeletion: false },
    async play(stage) {
      await initialised(stage);
      await deleted(stage);
    },
  },
  {
    name: 'deletion after the target',
    async play(stage) {
      await initialised(stage);
      stage.transcript.note('delete the Deployment, then the Canary');
      stage.world.delete('Deployment', 'cart');
      stage.world.delete('Canary', 'cart');
      await stage.pass(60_000);
    },
  },
  {
    name: 'adopted Service and route',
    before: [
      {
        apiVersion: 'v1',
        kind: 'Service',
        metadata: { name: 'cart', namespace: 'shop' },
        spec: { selector: { app: 'cart' }, ports: [{ port: 80, targetPort: 8080 }] },
      },
      {
        apiVersion: 'gateway.networking.k8s.io/v1',
        kind: 'HTTPRoute',
        metadata: { name: 'front', namespace: 'shop' },
        spec: {
          parentRefs: [{ name: 'public' }],
          rules: [
            {
              matches: [{ path: { type: 'PathPrefix', value: '/static' } }],
              backendRefs: [{ name: 'files', port: 80 }],
            },
            { backendRefs: [{ name: 'cart', port: 80 }] },
          ],
        },
      },
    ],
    async play(stage) {
      await pushed(stage);
      await stage.until('Succeeded');
      await stage.pass(10_000);
      await deleted(stage);
    },
  },
  {
    name: 'primary deleted while idle',
    async play(stage) {
      await initialised(stage);
      stage.transcript.note('somebody deletes the primary');
      stage.world.delete('Deployment', 'cart-primary');
      await stage.pass(30_000);
    },
  },
];
