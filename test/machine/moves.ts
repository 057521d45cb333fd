/**
 * What everybody but the operator may do between two passes.
 */
import { afterRestart, aged, type Ledger } from '../promises/ledger.ts';
import { later, type Caps } from './ages.ts';
import {
  changed,
  freshMemoryState,
  runOf,
  type Health,
  type Setting,
  type SideState,
  type SpecKind,
  type WorldState,
} from './model.ts';

export interface Moment {
  readonly world: WorldState;
  readonly ledger: Ledger;
}

export interface Move {
  readonly name: string;
  /** `undefined`: it would change nothing here. */
  readonly make: (moment: Moment) => Moment | undefined;
}

function move(name: string, change: (world: WorldState) => WorldState | undefined): Move {
  return {
    name,
    make({ world, ledger }) {
      if (world.gone) return undefined;
      const next = change(world);
      return next === undefined || next === world ? undefined : { world: next, ledger };
    },
  };
}

/** Time passes. While a Canary is suspended its clocks stand still, so that time makes no difference. */
export function tick(name: string, ms: number): Move {
  return {
    name,
    make({ world, ledger }) {
      if (world.gone || runOf(world)?.suspendedAt !== undefined) return undefined;
      return { world: later(world, ms), ledger: aged(ledger, ms) };
    },
  };
}

export function cappedLedger(ledger: Ledger, caps: Caps): Ledger {
  const cap = (name: string, age: number | undefined): number | undefined =>
    age === undefined ? undefined : caps(name, age);
  return {
    ...ledger,
    raisedAgo: cap('ledger.raisedAgo', ledger.raisedAgo),
    round: ledger.round && { ...ledger.round, ago: caps('ledger.round', ledger.round.ago) },
    settledFor: cap('ledger.settledFor', ledger.settledFor),
    keptFor: caps('ledger.keptFor', ledger.keptFor),
    rounds: Math.min(9, ledger.rounds),
    trafficVersion: ledger.trafficVersion === 'v0' ? 'v0' : 'other',
  };
}

export const restart: Move = {
  name: 'restart',
  make({ world, ledger }) {
    if (world.gone || !world.memory.looked) return undefined;
    return { world: { ...world, memory: freshMemoryState }, ledger: afterRestart(ledger) };
  },
};

// ── workloads ───────────────────────────────────────────────────────────────

const withHealth = (side: SideState | undefined, health: Health): SideState | undefined =>
  side === undefined || side.replicas === 0 || side.health === health ? side : { ...side, health };

export function targetBecomes(health: Health): Move {
  return move(`canary ${health}`, (world) => {
    const target = withHealth(world.target, health);
    return target === world.target ? undefined : { ...world, target };
  });
}

export function primaryBecomes(health: Health): Move {
  return move(`primary ${health}`, (world) => {
    const primary = withHealth(world.primary, health);
    return primary === world.primary ? undefined : { ...world, primary };
  });
}

export function push(revision: string): Move {
  return move(`push ${revision}`, (world) => {
    const { target } = world;
    if (target === undefined || target.revision === revision) return undefined;
    const health = target.health === 'all' ? 'some' : target.health;
    return { ...world, target: { ...target, revision, health } };
  });
}

export function scaleTarget(replicas: number): Move {
  return move(`scale target to ${replicas}`, (world) => {
    const { target } = world;
    if (target === undefined || target.replicas === replicas) return undefined;
    return { ...world, target: { ...target, replicas, health: 'none' } };
  });
}

export function scalePrimary(replicas: number): Move {
  return move(`scale primary to ${replicas}`, (world) => {
    const { primary } = world;
    if (primary === undefined || primary.replicas === replicas) return undefined;
    return { ...world, primary: { ...primary, replicas, health: 'none' } };
  });
}

export const pauseTarget = move('pause target', (world) =>
  world.target === undefined
    ? undefined
    : { ...world, target: { ...world.target, paused: world.target.paused !== true } },
);

export const deletePrimary = move('delete primary', (world) => ({ ...world, primary: undefined }));

export const deleteTarget = move('delete target', (world) => ({ ...world, target: undefined }));

// ── the Canary ──────────────────────────────────────────────────────────────

export function editSpec(spec: SpecKind): Move {
  return move(`spec ${spec}`, (world) => (world.spec === spec ? undefined : { ...world, spec }));
}

export const deleteCanary = move('delete the Canary', (world) =>
  world.deleting ? undefined : { ...world, deleting: true, gone: !world.hasFinalizer },
);

export const loseRecord = move('the record is lost', (world) =>
  world.status.run === undefined
    ? undefined
    : { ...world, status: { ...world.status, run: undefined } },
);

// ── traffic ─────────────────────────────────────────────────────────────────

export const gatewayAccepts = move('gateway accepts', (world) =>
  world.accepted ? undefined : { ...world, accepted: true },
);

/** Somebody writes a weight; the note of ours stays, as it does in a merge patch. */
export function editRoute(weight: number, { weights, acceptsAtOnce }: Setting): Move {
  return move(`route edited to ${weight}`, (world) => {
    if (weights === 'switch') {
      const apex = weight === 100 ? ('canary' as const) : ('primary' as const);
      return world.apex === apex ? undefined : changed({ ...world, apex });
    }
    if (world.routes.every((route) => route.weight === weight && !route.resting)) return undefined;
    const routes = world.routes.map((route) => ({ ...route, weight, resting: false }));
    return { ...changed({ ...world, routes }), accepted: acceptsAtOnce };
  });
}

/** A GitOps tool applies the manifest that it knows: no note, and the weight that stands there. */
export function reapplyRoute(weight: number, { weights }: Setting): Move {
  return move(`route re-applied at ${weight}`, (world) =>
    weights === 'switch' || world.routes.length === 0
      ? undefined
      : changed({
          ...world,
          routes: world.routes.map(() => ({ weight, applied: undefined, resting: false })),
        }),
  );
}

export const deleteRoute = move('delete route', (world) =>
  world.routes.length === 0 ? undefined : changed({ ...world, routes: [] }),
);

export function editApex(apex: WorldState['apex']): Move {
  return move(`apex edited to ${apex}`, (world) =>
    world.apex === apex ? undefined : changed({ ...world, apex }),
  );
}
