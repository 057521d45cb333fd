/**
 * A small pure world around `decide`: one target, its primary, the apex Service, one or more routes, the status.
 *
 * What is left out, and why that is no loss: templates are names of revisions; a side has no pods, some, or all it
 * needs; a route carries one weight. Time stands still at `base`: when time passes, everything that carries a time
 * becomes older instead. That makes worlds comparable, which is what the exploration lives on.
 */
import type { CanaryStatus } from '../../src/api/canary-status.ts';
import { parseRun, type Run } from '../../src/api/run.ts';
import type { ResolvedSpec } from '../../src/api/resolved.ts';
import type { Decision, Effect } from '../../src/core/effects.ts';
import type { Memory, Observation, PrimaryView, Refusal } from '../../src/core/observation.ts';
import { recordOf } from '../../src/core/pass.ts';
import type { AppliedTraffic } from '../../src/core/traffic.ts';
import type { Workload } from '../../src/core/workload.ts';

export const base = Date.parse('2026-01-01T12:00:00.000Z');
export const monotonicBase = 1e9;

/** `some`: pods answer, but a rollout is under way or pods are missing. */
export type Health = 'none' | 'some' | 'all';

export interface SideState {
  readonly revision: string;
  readonly replicas: number;
  readonly health: Health;
  readonly paused?: boolean;
  /** The primary's own note of what it holds. */
  readonly holds?: string;
}

export interface RouteState {
  readonly weight: number;
  readonly applied: AppliedTraffic | undefined;
  readonly resting: boolean;
}

/** What a process remembers, as far as it is not in the status. Ages in milliseconds. */
export interface MemoryState {
  readonly looked: boolean;
  readonly asked: boolean;
  /** Since when the present routes have been known as accepted, and the apex as ours. */
  readonly drain: number | undefined;
  readonly settle: number | undefined;
  readonly unsaved: Memory['unsaved'];
  /** What is unsaved belongs to the record as it is; `undefined`: nothing was noted. */
  readonly unsavedFits: boolean | undefined;
  readonly wordsAgo: number | undefined;
}

export const freshMemoryState: MemoryState = {
  looked: false,
  asked: false,
  drain: undefined,
  settle: undefined,
  unsaved: {},
  unsavedFits: undefined,
  wordsAgo: undefined,
};

export type SpecKind = 'plain' | 'suspended' | 'skip' | 'refused' | 'unreadable' | 'other';

export interface WorldState {
  readonly spec: SpecKind;
  readonly target: SideState | undefined;
  readonly primary: SideState | undefined;
  readonly apex: 'primary' | 'canary' | 'other' | 'missing';
  readonly backends: boolean;
  readonly routes: readonly RouteState[];
  readonly accepted: boolean;
  /** Counts changes of what carries traffic. */
  readonly version: number;
  readonly hasFinalizer: boolean;
  readonly deleting: boolean;
  readonly gone: boolean;
  readonly status: CanaryStatus;
  readonly memory: MemoryState;
}

/** What stays the same throughout a story. */
export interface Setting {
  readonly weights: 'exact' | 'switch';
  /** What the kinds of spec look like; `refused` and `unreadable` are made from `plain`. */
  readonly specs: Readonly<Record<'plain' | 'suspended' | 'skip' | 'other', ResolvedSpec>>;
  readonly routeCount: number;
  /** The gateway accepts what is written at once. */
  readonly acceptsAtOnce: boolean;
  /** Apex and routes were there before the Canary. */
  readonly adopted: boolean;
  /** Every revision may be pushed at any time, so that their names say nothing. */
  readonly isSymmetric?: boolean;
  /** Somebody may delete the primary. */
  readonly losesPrimary?: boolean;
  readonly hasNotifier: boolean;
  readonly drainMs: number;
  readonly settleMs: number;
}

export const refusal: Refusal = {
  reason: 'InvalidSpec',
  message: 'spec.analysis.interval is not a duration: write for example 30s',
};

// ── what a pass sees ────────────────────────────────────────────────────────

export function observe(world: WorldState, setting: Setting): Observation {
  const spec =
    world.spec === 'unreadable'
      ? undefined
      : setting.specs[world.spec === 'refused' ? 'plain' : world.spec];
  const isRefused = world.spec === 'refused' || world.spec === 'unreadable';
  return {
    namespace: 'shop',
    name: 'cart',
    uid: 'canary-uid',
    group: setting.specs.plain.group,
    generation: 1,
    deleting: world.deleting,
    hasFinalizer: world.hasFinalizer,
    namespaceTerminating: false,
    spec,
    refusals: isRefused ? [refusal] : [],
    status: world.status,
    run: recordIn(world.status),
    target: world.target && workload('cart', world.target),
    primary: world.primary && primaryView(world.primary),
    services: {
      known: true,
      backends: world.backends ? 'ready' : 'missing',
      apex: world.apex === 'missing' ? 'missing' : world.apex === 'other' ? 'drifted' : 'ready',
      apexSide: world.apex,
      adopted: setting.adopted,
      marked: setting.adopted,
      followers: 'ready',
      warnings: [],
    },
    traffic: {
      known: true,
      weights: setting.weights,
      routes: routesOf(world, setting).map((route, index) => ({
        name: `HTTPRoute/cart-${index}`,
        weight: route.weight,
        applied: route.applied,
        adopted: setting.adopted,
        resting: route.resting,
        byApex: setting.weights === 'switch' || route.resting || isPrepared(route),
        drifted: false,
      })),
      acceptance: world.accepted
        ? { kind: 'accepted', why: '' }
        : { kind: 'pending', why: 'the gateway has not seen it' },
      version: `v${world.version}`,
    },
    provider: setting.weights === 'switch' ? 'kubernetes' : 'gatewayapi',
    takeOver: 'none',
    writers: { ours: undefined, others: [] },
    note: { answered: {} },
    settings: {
      drainMs: setting.drainMs,
      settleMs: setting.settleMs,
      hasGlobalNotifier: setting.hasNotifier,
      clusterName: undefined,
    },
  };
}

/** As it was split first: whoever writes another weight writes another note. */
function isPrepared({ weight, applied }: ReturnType<typeof routesOf>[number]): boolean {
  return weight === 0 && applied?.for === 'prepare';
}

/** Where the apex Service is the route, its selector is the weight. */
export function routesOf(
  { routes, apex }: WorldState,
  { weights }: Setting,
): readonly (Omit<RouteState, 'weight'> & { readonly weight: number | undefined })[] {
  if (weights === 'exact') return routes;
  if (apex === 'missing') return [];
  const weight = apex === 'canary' ? 100 : apex === 'primary' ? 0 : undefined;
  return [{ weight, applied: routes[0]?.applied, resting: apex === 'primary' }];
}

function workload(name: string, side: SideState): Workload {
  const available = side.health === 'all' ? side.replicas : side.health === 'some' ? 1 : 0;
  return {
    name,
    uid: `${name}-uid`,
    generation: 1 + revisionNumber(side.revision),
    observedGeneration: 1 + revisionNumber(side.revision),
    revision: side.revision,
    replicas: side.replicas,
    status: {
      replicas: side.replicas,
      updated: side.health === 'all' ? side.replicas : 0,
      available,
    },
    paused: side.paused ?? false,
    progressDeadlineExceeded: false,
    deleting: false,
    annotations: {},
  };
}

function primaryView(side: SideState): PrimaryView {
  return {
    ...workload('cart-primary', side),
    holds: side.holds,
    hasConfigCopies: false,
    owned: true,
  };
}

/** A template that changes has another generation; the same revision always has the same one here. */
function revisionNumber(revision: string): number {
  return Number(revision.slice(-1));
}

const read = new WeakMap<object, Run | undefined>();

/** The record as it is read back; each is read once. */
function recordIn({ run }: CanaryStatus): Run | undefined {
  if (run === undefined) return undefined;
  if (!read.has(run)) read.set(run, parseRun(run));
  return read.get(run);
}

function unsavedOf({ memory, status }: WorldState): string | undefined {
  const run = recordIn(status);
  if (memory.unsavedFits === undefined || run === undefined) return undefined;
  return memory.unsavedFits ? recordOf(run) : 'another record';
}

export function memoryOf(world: WorldState): Memory {
  const { memory, version } = world;
  const anchors: Record<string, { elapsedMs: number; monotonic: number }> = {};
  if (memory.drain !== undefined)
    anchors[`drain@v${version}`] = { elapsedMs: memory.drain, monotonic: monotonicBase };
  if (memory.settle !== undefined)
    anchors[`settle@v${version}`] = { elapsedMs: memory.settle, monotonic: monotonicBase };
  return {
    looked: memory.looked,
    asked: memory.asked,
    anchors,
    unsaved: memory.unsaved,
    unsavedOf: unsavedOf(world),
    wordsAt: memory.wordsAgo === undefined ? undefined : monotonicBase - memory.wordsAgo,
  };
}

// ── what effects do ─────────────────────────────────────────────────────────

/** `undefined`: the write is refused, and the pass ends there. */
export function apply(world: WorldState, effect: Effect, setting: Setting): WorldState | undefined {
  switch (effect.type) {
    case 'addFinalizer':
      return { ...world, hasFinalizer: true };
    case 'removeFinalizer':
      return { ...world, hasFinalizer: false, gone: world.deleting };
    case 'createPrimary':
      return createPrimary(world, effect.revision, effect.from);
    case 'promote':
      return promote(world, effect.revision);
    case 'touchPrimary':
      return world.primary === undefined ? undefined : world;
    case 'adoptPrimary':
      return world.primary && { ...world, primary: { ...world.primary, holds: effect.revision } };
    case 'writeBackends':
      return { ...world, backends: true };
    case 'writeApex':
      return moveApex(world, effect.side);
    case 'shiftTraffic':
      return shiftTraffic(world, effect.weight, effect.applied, setting);
    case 'restRoutes':
      return rest(world, effect.applied);
    case 'scaleTarget':
      return { ...world, target: scaled(world.target, effect.replicas) };
    case 'scalePrimary':
      return { ...world, primary: scaled(world.primary, effect.replicas) };
    case 'serveTarget': {
      const moved = moveApex(world, 'canary');
      return setting.weights === 'switch' ? moved : rest(moved, undefined);
    }
    case 'deletePrimary':
      return { ...world, primary: undefined };
    case 'touchShared':
    case 'untouchShared':
    case 'giveBack':
    case 'noteWriters':
    case 'dropReferences':
      return world;
  }
}

/** Effects up to `count`, each route write on its own: what is there if the process dies after so many writes. */
export function applyAll(
  world: WorldState,
  effects: readonly Effect[],
  setting: Setting,
): { readonly world: WorldState; readonly complete: boolean } {
  let next = world;
  for (const effect of effects) {
    const applied = apply(next, effect, setting);
    if (applied === undefined) return { world: next, complete: false };
    next = applied;
  }
  return { world: next, complete: true };
}

function createPrimary(
  world: WorldState,
  revision: string,
  from: 'target' | 'replicaSet',
): WorldState | undefined {
  const { target } = world;
  if (world.primary !== undefined || target === undefined) return undefined;
  if (from === 'target' && target.revision !== revision) return undefined;
  const replicas = Math.max(1, target.replicas);
  return { ...world, primary: { revision, holds: revision, replicas, health: 'none' } };
}

function promote(world: WorldState, revision: string): WorldState | undefined {
  const { target, primary } = world;
  if (target === undefined || primary === undefined || target.revision !== revision)
    return undefined;
  const health =
    primary.revision === revision || primary.health === 'none' ? primary.health : 'some';
  return { ...world, primary: { ...primary, revision, holds: revision, health } };
}

/** New pods are not there at once; pods that are wanted no longer are. */
function scaled(side: SideState | undefined, replicas: number): SideState | undefined {
  if (side === undefined || side.replicas === replicas) return side;
  if (replicas === 0) return { ...side, replicas, health: 'none' };
  return { ...side, replicas, health: side.health === 'none' ? 'none' : 'some' };
}

function moveApex(world: WorldState, side: 'primary' | 'canary'): WorldState {
  return world.apex === side ? world : changed({ ...world, apex: side });
}

function shiftTraffic(
  world: WorldState,
  weight: number,
  applied: AppliedTraffic,
  setting: Setting,
): WorldState | undefined {
  if (setting.weights === 'switch') {
    if (world.apex === 'missing') return undefined;
    const apex = weight === 100 ? ('canary' as const) : ('primary' as const);
    const routes = [{ weight, applied, resting: false }];
    return world.apex === apex ? { ...world, routes } : changed({ ...world, apex, routes });
  }
  const count = Math.max(world.routes.length, setting.routeCount);
  const routes = Array.from({ length: count }, () => ({ weight, applied, resting: false }));
  const same =
    world.routes.length === count &&
    world.routes.every((route) => route.weight === weight && !route.resting);
  const next = { ...world, routes };
  return same ? next : { ...changed(next), accepted: setting.acceptsAtOnce };
}

/** One of several routes is written, and then the process dies. */
export function shiftFirstRoute(
  world: WorldState,
  weight: number,
  applied: AppliedTraffic,
  setting: Setting,
): WorldState | undefined {
  const [, ...others] = world.routes;
  if (setting.weights === 'switch' || others.length === 0) return undefined;
  const routes = [{ weight, applied, resting: false }, ...others];
  return { ...changed({ ...world, routes }), accepted: setting.acceptsAtOnce };
}

function rest(world: WorldState, applied: AppliedTraffic | undefined): WorldState {
  const routes = world.routes.map(() => ({ weight: 0, applied, resting: true }));
  return changed({ ...world, routes });
}

/** Other traffic than before: nobody knows yet whether the data plane follows. */
export function changed(world: WorldState): WorldState {
  return {
    ...world,
    version: world.version + 1,
    memory: { ...world.memory, drain: undefined, settle: undefined },
  };
}

/** What stays in mind after a decision. */
export function remember(world: WorldState, { memory }: Decision, version: number): MemoryState {
  const run = recordIn(world.status);
  const age = (key: string): number | undefined => {
    const anchor = memory.anchors[key];
    return anchor && anchor.elapsedMs + monotonicBase - anchor.monotonic;
  };
  return {
    looked: memory.looked,
    asked: memory.asked,
    drain: world.version === version ? age(`drain@v${version}`) : undefined,
    settle: world.version === version ? age(`settle@v${version}`) : undefined,
    unsaved: memory.unsaved,
    unsavedFits:
      memory.unsavedOf === undefined ||
      run === undefined ||
      Object.keys(memory.unsaved).length === 0
        ? undefined
        : memory.unsavedOf === recordOf(run),
    wordsAgo: memory.wordsAt === undefined ? undefined : monotonicBase - memory.wordsAt,
  };
}

export function runOf({ status }: WorldState): Run | undefined {
  return status.run as Run | undefined;
}
