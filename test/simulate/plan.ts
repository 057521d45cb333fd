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
  /** It never writes a word into the status of a route. */
  readonly gatewayIsSilent: boolean;
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

/** What a process may be killed at, and seldom gets to. */
const seldomKilled = [
  'patch deployments',
  'patch deployments/scale',
  'delete deployments',
  'patch services',
  'patch httproutes',
] as const;

/** What this router may be killed at; not every one writes routes. */
export function killKindsOf(router: Router): readonly string[] {
  return killKinds.filter((kind) => isWrittenBy(router, kind));
}

function seldomKilledOf(router: Router): readonly string[] {
  return seldomKilled.filter((kind) => isWrittenBy(router, kind));
}

function isWrittenBy(router: Router, kind: string): boolean {
  return router === 'gatewayapi' || !kind.includes('httproutes');
}

/** Events by how often they are drawn; some also come with a theme, or with every trial. */
const eventWeights: Readonly<Record<string, number>> = {
  release: 5,
  revert: 10,
  'route up': 7,
  'route down': 6,
  'route spoiled': 5,
  'route deleted': 7,
  'note removed': 5,
  'apex selector': 4,
  'apex deleted': 9,
  'backend deleted': 4,
  'target scaled': 4,
  'primary scaled': 2,
  'primary asleep': 5,
  'primary deleted': 4,
  'primary template': 5,
  'target deleted': 4,
  'status phase': 5,
  'status run wiped': 4,
  'status wiped': 4,
  suspend: 5,
  'other operator': 5,
  'spec steps': 4,
  'spec broken': 2,
  'gitops service': 2,
  'gitops route': 2,
  'gitops deployment': 5,
  'pods crash': 6,
  'pods unready': 6,
  'primary crashes': 8,
  'primary unready': 7,
  'clock forward': 4,
  'clock back': 4,
  'metrics down': 2,
  'metrics slow': 4,
  'metrics silent': 4,
  'slack down': 4,
  'slack deaf': 4,
  'gateway late': 5,
  'gateway stuck': 3,
  'watches cut': 5,
  'watches silent': 4,
  'history gone': 5,
  'stale lists': 4,
  paused: 5,
  gates: 5,
};

/** What can happen to users of this router, and how often it is drawn. */
function eventWeightsOf(router: Router): Readonly<Record<string, number>> {
  if (router === 'gatewayapi') return eventWeights;
  return Object.fromEntries(
    Object.entries(eventWeights).filter(([kind]) => !/^route |^gateway |gitops route/.test(kind)),
  );
}

export function eventKindsOf(router: Router): readonly string[] {
  return Object.keys(eventWeightsOf(router));
}

/** What a trial leads to on purpose, because chance alone would take it there too seldom. */
type Theme =
  | 'gate deadline'
  | 'rollback'
  | 'metrics down'
  | 'gateway stuck'
  | 'contested'
  | 'spec broken';

/** Themes by how often they are drawn: what a router gets to easily by itself comes less often. */
const themeWeights: Readonly<Record<Router, Readonly<Record<Theme, number>>>> = {
  gatewayapi: {
    'gate deadline': 2,
    rollback: 3,
    'metrics down': 3,
    'gateway stuck': 2,
    contested: 2,
    'spec broken': 3,
  },
  kubernetes: {
    'gate deadline': 2,
    rollback: 2,
    'metrics down': 2,
    'gateway stuck': 0,
    contested: 3,
    'spec broken': 3,
  },
};

export function draw(seed: number, router: Router): Plan {
  const dice = new Dice(seed, router);
  const theme = dice.chance(0.6) ? dice.weighted(themeWeights[router]) : undefined;
  // A gateway is waited for for a minute, in which nothing else must end the run.
  const isAlone = theme === 'gateway stuck';
  const kills = !isAlone && dice.chance(0.8) ? drawKills(dice, router, seed) : [];
  const kinds = new Set(kills.map(({ kind }) => kind));
  const letsGo = [...kinds].some((kind) => kind.startsWith('delete'));
  const operators = dice.chance(0.25) ? 2 : 1;
  const calmAt = isAlone ? 115_000 : dice.between(60, 110) * 1_000;
  const events = drawEvents(dice, router, calmAt, operators, letsGo, theme);
  const names = new Set(events.map(({ what }) => what));
  return {
    seed,
    router,
    group: !letsGo && dice.chance(0.15) ? 'flagger.app' : 'serin.dev',
    replicas: dice.between(1, 2),
    intervalMs: dice.between(2, 5) * 1_000,
    strategy: drawStrategy(dice, router, theme),
    threshold: dice.between(1, 3),
    skipAnalysis: theme === undefined && dice.chance(0.08),
    metrics: drawMetrics(dice, theme),
    onNoData: dice.pick([undefined, undefined, undefined, 'hold', 'fail', 'pass']),
    holdDeadlineMs: dice.between(8, 20) * 1_000,
    progressDeadlineMs: dice.between(15, 30) * 1_000,
    revertOnDeletion: letsGo ? true : dice.pick([undefined, undefined, true, false]),
    hooks: drawHooks(dice, theme),
    adoptsService: names.has('gitops service') || kinds.has('patch services') || dice.chance(0.3),
    adoptsRoute:
      router === 'gatewayapi' &&
      !kinds.has('create httproutes') &&
      (names.has('gitops route') || dice.chance(0.3)),
    gatewayIsSilent: router === 'gatewayapi' && theme !== 'gateway stuck' && dice.chance(0.1),
    operators,
    images: Array.from({ length: 16 }, (_, index) =>
      index === 0 && !isAlone
        ? firstImage(dice)
        : theme !== undefined && index <= 1
          ? healthyImage
          : drawImage(dice),
    ),
    rates: drawRates(dice),
    kills,
    events,
    calmAt,
    gatesStayClosed: theme === undefined && dice.chance(0.3),
  };
}

function drawMetrics(dice: Dice, theme: Theme | undefined): readonly string[] {
  const both = ['request-success-rate', 'request-duration'];
  if (theme === 'metrics down') return both;
  return dice.pick([both.slice(0, 1), both.slice(0, 1), both, both, []]);
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

const gateTypes = ['confirm-rollout', 'confirm-promotion'] as const;

function drawStrategy(dice: Dice, router: Router, theme: Theme | undefined): Strategy {
  if (theme === 'gateway stuck') return { kind: 'weights', steps: [20, 60], back: 0 };
  if (router === 'kubernetes' || dice.chance(0.25))
    return { kind: 'iterations', iterations: dice.between(1, 3) };
  const steps = dice.pick([[50], [100], [20, 60], [30, 60], [10, 50, 100], [25, 50, 75]]);
  return { kind: 'weights', steps, back: dice.chance(0.2) ? dice.between(20, 60) : 0 };
}

function drawHooks(dice: Dice, theme: Theme | undefined): readonly Hook[] {
  if (theme === 'gate deadline')
    return [{ type: dice.pick(gateTypes), deadline: true, onDeadline: 'rollback' }];
  if (theme === 'rollback') return [{ type: 'rollback', deadline: false, onDeadline: 'rollback' }];
  if (theme !== undefined || dice.chance(0.5)) return [];
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

/** Two by turns, so that every position comes up equally often, and one more by chance. */
function drawKills(dice: Dice, router: Router, seed: number): readonly Kill[] {
  const kinds = killKindsOf(router);
  const positions = ['killBefore', 'killAfter', 'killLate'] as const;
  const turn = (index: number): readonly [string, Kill['position']] => [
    kinds[index % kinds.length] ?? 'read',
    positions[Math.floor(index / kinds.length) % positions.length] ?? 'killBefore',
  ];
  const chosen = [turn(seed), turn(seed + Math.floor((kinds.length * 3) / 2))];
  chosen.push([dice.pick(dice.chance(0.6) ? seldomKilledOf(router) : kinds), dice.pick(positions)]);
  return chosen.map(([kind, position]) => {
    const most = mostOf(kind);
    return {
      kind,
      nth: dice.between(1, most),
      notBefore: most === 4 ? dice.between(0, 30_000) : 0,
      position,
      laterMs: dice.pick([5, 50, 500, 2_000, 8_000, 20_000]),
      restartAfterMs: dice.pick([10, 100, 1_000, 5_000, 12_000]),
    };
  });
}

/** Which of these writes it may be; what comes late in the life of a Canary must not be waited for too long. */
function mostOf(kind: string): number {
  if (kind === 'read') return 10;
  if (kind === 'create services' || kind === 'patch deployments') return 2;
  const comesOnce = ['create deployments', 'create httproutes', 'patch canaries'].includes(kind);
  return comesOnce || kind.startsWith('delete') ? 1 : 4;
}

function drawEvents(
  dice: Dice,
  router: Router,
  calmAt: number,
  operators: number,
  letsGo: boolean,
  theme: Theme | undefined,
): readonly Event[] {
  const events: Event[] = [];
  const add = (at: number, what: string, forMs = dice.between(1, 12) * 1_000): void => {
    events.push({ at, what, luck: dice.random(), forMs });
  };
  const isAlone = theme === 'gateway stuck';
  const isEarly = !isAlone && dice.chance(0.2);
  const first = isEarly ? dice.between(500, 9_000) : dice.between(9_000, 16_000);
  add(first, 'release');
  const second = first + dice.between(10_000, 35_000);
  if (theme === undefined) add(second, 'release');
  if (!isAlone) add(second + dice.between(10_000, 35_000), 'release');
  if (theme !== undefined) addTheme(theme, first, dice, add);
  const count = isAlone || dice.chance(0.25) ? 0 : dice.between(1, theme === undefined ? 9 : 4);
  for (let index = 0; index < count; index += 1)
    add(dice.between(1_000, calmAt - 1_000), dice.weighted(eventWeightsOf(router)));
  if (operators === 2 && dice.chance(0.6)) add(dice.between(5_000, calmAt - 15_000), 'paused');
  if (letsGo) add(calmAt + 25_000, 'delete');
  else if (!isAlone && dice.chance(0.25))
    add(
      dice.chance(0.5) ? second + dice.between(1_000, 8_000) : dice.between(12_000, calmAt),
      'delete',
    );
  return events.sort((a, b) => a.at - b.at);
}

function addTheme(
  theme: Theme,
  first: number,
  dice: Dice,
  add: (at: number, what: string, forMs: number) => void,
): void {
  const soon = first + dice.between(2_000, theme === 'gateway stuck' ? 3_000 : 8_000);
  switch (theme) {
    case 'gate deadline':
      return add(1_000, 'gates', 20_000);
    case 'rollback':
      return add(soon, 'gates', 8_000);
    case 'metrics down':
      return add(first + 2_000, 'metrics down', 30_000);
    case 'gateway stuck':
      return add(soon, 'gateway stuck', 22_000);
    case 'contested':
      add(soon, 'gitops route', 20_000);
      return add(soon + 1, 'gitops service', 20_000);
    case 'spec broken':
      return add(soon, 'spec broken', 14_000);
  }
}
