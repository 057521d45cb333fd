/**
 * What happens in one trial, drawn from its seed: the spec, the releases, and who disturbs what when.
 */
import { Dice } from './random.ts';

export type Router = 'gatewayapi' | 'kubernetes';

/** How an image behaves, as canary and as primary. */
export interface Image {
  readonly pods: 'ready' | 'slow' | 'never' | 'crashes';
  /** The same image does not come up as primary. */
  readonly primaryFails: boolean;
  readonly metrics: 'good' | 'bad' | 'none' | 'moody';
}

export const healthyImage: Image = { pods: 'ready', primaryFails: false, metrics: 'good' };

export type Strategy =
  | { readonly kind: 'weights'; readonly steps: readonly number[]; readonly back: number }
  | { readonly kind: 'iterations'; readonly iterations: number };

export interface Hook {
  readonly type: string;
  readonly deadline: boolean;
  readonly onDeadline: 'rollback' | 'proceed';
}

export interface Rates {
  readonly refused409: number;
  readonly refused429: number;
  readonly refused5xx: number;
  readonly vanishes: number;
  readonly reset: number;
  readonly answerLost: number;
  readonly answerVanishes: number;
  readonly arrivesLate: number;
  readonly slow: number;
}

export const noFaults: Rates = {
  refused409: 0,
  refused429: 0,
  refused5xx: 0,
  vanishes: 0,
  reset: 0,
  answerLost: 0,
  answerVanishes: 0,
  arrivesLate: 0,
  slow: 0,
};

export interface Kill {
  /** What the process is doing when it dies, as `writeKind` names it. */
  readonly kind: string;
  /** The how manieth of that kind, counted from `notBefore`. */
  readonly nth: number;
  readonly notBefore: number;
  readonly position: 'killBefore' | 'killAfter' | 'killLate';
  readonly laterMs: number;
  readonly restartAfterMs: number;
}

export interface Event {
  readonly at: number;
  readonly what: string;
  /** In [0, 1): whatever the event has to choose. */
  readonly luck: number;
  readonly forMs: number;
}

export interface Plan {
  readonly seed: number;
  readonly router: Router;
  readonly group: 'serin.dev' | 'flagger.app';
  readonly replicas: number;
  readonly intervalMs: number;
  readonly strategy: Strategy;
  readonly threshold: number;
  readonly skipAnalysis: boolean;
  readonly metrics: readonly string[];
  readonly onNoData: 'hold' | 'fail' | 'pass' | undefined;
  readonly holdDeadlineMs: number;
  readonly progressDeadlineMs: number;
  readonly revertOnDeletion: boolean | undefined;
  readonly hooks: readonly Hook[];
  readonly adoptsService: boolean;
  readonly adoptsRoute: boolean;
  readonly operators: 1 | 2;
  readonly images: readonly Image[];
  readonly rates: Rates;
  readonly kills: readonly Kill[];
  readonly events: readonly Event[];
  /** From here on nobody disturbs anything. */
  readonly calmAt: number;
  /** Whether gates that are closed at the end stay closed. */
  readonly gatesStayClosed: boolean;
}

const killKinds = [
  'patch canaries/status',
  'patch canaries',
  'create deployments',
  'patch deployments',
  'patch deployments/scale',
  'delete deployments',
  'create services',
  'patch services',
  'delete services',
  'create httproutes',
  'patch httproutes',
  'create events',
  'read',
] as const;

/** Whether the router ever writes so. */
export function killKindsOf(router: Router): readonly string[] {
  return killKinds.filter((kind) => router === 'gatewayapi' || !kind.includes('httproutes'));
}

/** Events by how often they are drawn. */
const eventWeights: Readonly<Record<string, number>> = {
  release: 14,
  revert: 5,
  'route up': 3,
  'route down': 3,
  'route spoiled': 2,
  'route deleted': 2,
  'note removed': 2,
  'apex selector': 3,
  'apex deleted': 1,
  'backend deleted': 2,
  'target scaled': 3,
  'primary scaled': 2,
  'primary asleep': 1,
  'primary deleted': 2,
  'target deleted': 1,
  'status phase': 2,
  'status run wiped': 2,
  'status wiped': 2,
  suspend: 3,
  'spec steps': 3,
  'spec broken': 3,
  'gitops service': 2,
  'gitops route': 2,
  'gitops deployment': 2,
  'pods crash': 4,
  'pods unready': 4,
  'primary crashes': 3,
  'primary unready': 3,
  'clock forward': 2,
  'clock back': 2,
  'metrics down': 3,
  'metrics slow': 2,
  'metrics silent': 2,
  'slack down': 3,
  'gateway late': 4,
  'gateway stuck': 3,
  'gateway silent': 2,
  'watches cut': 3,
  'watches silent': 3,
  'history gone': 3,
  'stale lists': 3,
  paused: 5,
  gates: 5,
  delete: 2,
};

const bag: readonly string[] = Object.entries(eventWeights).flatMap(([what, weight]) =>
  Array.from({ length: weight }, () => what),
);

export const eventKinds: readonly string[] = Object.keys(eventWeights);

export function draw(seed: number, router: Router): Plan {
  const dice = new Dice(seed, router);
  const group = dice.chance(0.15) ? 'flagger.app' : 'serin.dev';
  const operators = dice.chance(0.25) ? 2 : 1;
  const kills = drawKills(dice, router);
  const deletes = dice.chance(0.2) || kills.some(({ kind }) => kind.startsWith('delete'));
  const calmAt = dice.between(50, 110) * 1_000;
  const strategy = drawStrategy(dice, router);
  const isQuiet = dice.chance(0.25);
  return {
    seed,
    router,
    group,
    replicas: dice.between(1, 2),
    intervalMs: dice.between(2, 5) * 1_000,
    strategy,
    threshold: dice.between(1, 3),
    skipAnalysis: dice.chance(0.08),
    metrics: dice.pick([
      ['request-success-rate'],
      ['request-success-rate'],
      ['request-success-rate', 'request-duration'],
      ['request-success-rate', 'request-duration'],
      [],
    ]),
    onNoData: dice.pick([undefined, undefined, undefined, 'hold', 'fail', 'pass'] as const),
    holdDeadlineMs: dice.between(8, 20) * 1_000,
    progressDeadlineMs: dice.between(15, 30) * 1_000,
    revertOnDeletion: dice.pick([undefined, undefined, true, false]),
    hooks: drawHooks(dice),
    adoptsService: dice.chance(0.35),
    adoptsRoute: router === 'gatewayapi' && dice.chance(0.35),
    operators,
    images: Array.from({ length: 12 }, (_, index) =>
      index === 0 ? firstImage(dice) : drawImage(dice),
    ),
    rates: drawRates(dice),
    kills,
    events: drawEvents(dice, calmAt, isQuiet, deletes, operators),
    calmAt,
    gatesStayClosed: dice.chance(0.3),
  };
}

function firstImage(dice: Dice): Image {
  return dice.chance(0.9) ? healthyImage : { ...healthyImage, pods: dice.pick(['slow', 'never']) };
}

function drawImage(dice: Dice): Image {
  const luck = dice.random();
  if (luck < 0.45) return healthyImage;
  if (luck < 0.6) return { ...healthyImage, metrics: 'bad' };
  if (luck < 0.68) return { ...healthyImage, metrics: 'none' };
  if (luck < 0.76) return { ...healthyImage, metrics: 'moody' };
  if (luck < 0.83) return { ...healthyImage, pods: 'never' };
  if (luck < 0.9) return { ...healthyImage, pods: 'crashes' };
  if (luck < 0.93) return { ...healthyImage, pods: 'slow' };
  return { ...healthyImage, primaryFails: true };
}

function drawStrategy(dice: Dice, router: Router): Strategy {
  if (router === 'kubernetes' || dice.chance(0.25))
    return { kind: 'iterations', iterations: dice.between(1, 3) };
  const steps = dice.pick([[50], [100], [20, 60], [30, 60], [10, 50, 100], [25, 50, 75]]);
  return { kind: 'weights', steps, back: dice.chance(0.2) ? dice.between(20, 60) : 0 };
}

function drawHooks(dice: Dice): readonly Hook[] {
  if (dice.chance(0.5)) return [];
  const types = [
    'confirm-rollout',
    'confirm-traffic-increase',
    'confirm-promotion',
    'pre-rollout',
    'rollout',
    'post-rollout',
    'rollback',
    'event',
  ];
  return types
    .filter(() => dice.chance(0.35))
    .map((type) => ({
      type,
      deadline: dice.chance(0.5),
      onDeadline: dice.chance(0.3) ? ('proceed' as const) : ('rollback' as const),
    }));
}

function drawRates(dice: Dice): Rates {
  if (dice.chance(0.35)) return noFaults;
  const some = (): number => (dice.chance(0.35) ? dice.random() * 0.08 : 0);
  return {
    refused409: some(),
    refused429: some(),
    refused5xx: some(),
    vanishes: some() / 2,
    reset: some(),
    answerLost: some(),
    answerVanishes: some() / 2,
    arrivesLate: some(),
    slow: some(),
  };
}

function drawKills(dice: Dice, router: Router): readonly Kill[] {
  const kinds = killKindsOf(router);
  const count = dice.pick([0, 1, 1, 2, 2, 3]);
  let from = 0;
  return Array.from({ length: count }, () => {
    const kind = dice.pick(kinds);
    const isFirst = kind.startsWith('create') && !kind.endsWith('events');
    const isCommon =
      kind === 'patch canaries/status' || kind === 'read' || kind === 'create events';
    from += isFirst || kind === 'patch canaries' ? 0 : dice.between(0, 40_000);
    return {
      kind,
      nth: isFirst ? dice.between(1, 2) : dice.between(1, isCommon ? 6 : 3),
      notBefore: from,
      position: dice.pick(['killBefore', 'killAfter', 'killLate'] as const),
      laterMs: dice.pick([5, 50, 500, 2_000, 8_000, 20_000]),
      restartAfterMs: dice.pick([10, 100, 1_000, 5_000, 15_000]),
    };
  });
}

function drawEvents(
  dice: Dice,
  calmAt: number,
  isQuiet: boolean,
  deletes: boolean,
  operators: number,
): readonly Event[] {
  const events: Event[] = [];
  const add = (at: number, what: string): void => {
    events.push({ at, what, luck: dice.random(), forMs: dice.between(1, 12) * 1_000 });
  };
  const first = dice.chance(0.8) ? dice.between(9_000, 20_000) : dice.between(500, 9_000);
  add(first, 'release');
  add(first + dice.between(10_000, 40_000), 'release');
  const count = isQuiet ? 0 : dice.between(1, 6);
  for (let index = 0; index < count; index += 1) {
    const what = dice.pick(bag);
    if (what === 'delete') continue;
    add(dice.between(1_000, calmAt - 1_000), what);
  }
  if (operators === 2 && dice.chance(0.6)) add(dice.between(5_000, calmAt - 15_000), 'paused');
  if (deletes) add(dice.between(12_000, calmAt), 'delete');
  return events.sort((a, b) => a.at - b.at);
}
