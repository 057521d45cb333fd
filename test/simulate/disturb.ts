/**
 * What people, other tools and the cluster do to a trial, by name of the event.
 */
import type { KubernetesObject } from '../../src/api/object.ts';
import type { ApiAnswer } from '../../src/sandbox/api-server/call.ts';
import { mainRule, weightIn } from './mirror.ts';
import { healthyImage, type Event } from './plan.ts';
import { adoptedRoute, adoptedService, strategyFields } from './specs.ts';
import { imageName, type Trial } from './trial.ts';
import { deployment, newImage } from './world.ts';

type Act = (trial: Trial, event: Event) => string | undefined;

/** Does what the event says; counts it if there was something to do. */
export function disturb(trial: Trial, event: Event): void {
  const act = acts[event.what];
  if (act === undefined) throw new Error(`no such event: ${event.what}`);
  let told: string | undefined;
  try {
    told = act(trial, event);
  } catch {
    return; // What it was about is not there now.
  }
  if (told === undefined) return;
  trial.count(`event: ${event.what}`);
  trial.note(told);
}

const acts: Readonly<Record<string, Act>> = {
  release(trial) {
    trial.released += 1;
    const image = imageName(trial.released);
    trial.world.patch('Deployment', 'cart', newImage(image));
    return `push ${image} ${JSON.stringify(trial.images.get(image) ?? healthyImage)}`;
  },
  revert(trial) {
    if (trial.released < 2) return undefined;
    const image = trial.mirror.get('Deployment', 'cart-primary');
    const template = (
      image?.['spec'] as { template?: { spec?: { containers?: { image?: string }[] } } }
    )?.template;
    const back = template?.spec?.containers?.[0]?.image;
    if (back === undefined) return undefined;
    trial.world.patch('Deployment', 'cart', newImage(back));
    return `revert to ${back}`;
  },

  // ── routes and Services ───────────────────────────────────────────────────
  'route up': (trial, { luck }) => weigh(trial, 60 + Math.floor(luck * 40)),
  'route down': (trial, { luck }) => weigh(trial, Math.floor(luck * 15)),
  'route spoiled'(trial) {
    const route = routeOf(trial);
    if (route === undefined) return undefined;
    const rules = rulesOf(route).map((rule) =>
      rule === mainRule(route) ? { ...rule, backendRefs: [{ name: 'cart', port: 80 }] } : rule,
    );
    trial.world.patch('HTTPRoute', route.metadata.name, { spec: { rules } });
    return 'somebody points the route at the apex';
  },
  'route deleted'(trial) {
    const route = routeOf(trial);
    if (route === undefined || trial.plan.adoptsRoute) return undefined;
    trial.world.delete('HTTPRoute', route.metadata.name);
    return 'somebody deletes the route';
  },
  'note removed'(trial) {
    const kind = trial.plan.router === 'gatewayapi' ? 'HTTPRoute' : 'Service';
    const name = kind === 'Service' ? 'cart' : routeOf(trial)?.metadata.name;
    if (name === undefined) return undefined;
    trial.world.patch(kind, name, { metadata: { annotations: { 'serin.dev/applied': null } } });
    return 'somebody removes the note on the route';
  },
  'apex selector'(trial, { luck }) {
    const app = luck < 0.7 ? 'cart' : 'nobody';
    trial.world.patch('Service', 'cart', { spec: { selector: { app } } });
    return `somebody points the apex Service at ${app}`;
  },
  'apex deleted'(trial) {
    if (trial.plan.adoptsService) return undefined;
    trial.world.delete('Service', 'cart');
    return 'somebody deletes the apex Service';
  },
  'backend deleted'(trial, { luck }) {
    const name = luck < 0.5 ? 'cart-primary' : 'cart-canary';
    trial.world.delete('Service', name);
    return `somebody deletes Service ${name}`;
  },
  'gitops service'(trial, { forMs }) {
    if (!trial.plan.adoptsService) return undefined;
    const { spec } = adoptedService() as { spec?: object };
    repeat(trial, forMs, () => trial.world.patch('Service', 'cart', { spec }));
    return 'a GitOps tool applies the apex Service again and again';
  },
  'gitops route'(trial, { forMs }) {
    if (!trial.plan.adoptsRoute) return undefined;
    const { spec } = adoptedRoute() as { spec?: object };
    repeat(trial, forMs, () => trial.world.patch('HTTPRoute', 'front', { spec }));
    return 'a GitOps tool applies the route again and again';
  },

  // ── workloads ─────────────────────────────────────────────────────────────
  'target scaled': (trial, { luck }) =>
    scaleTo(trial, 'cart', luck < 0.4 ? 0 : 1 + Math.floor(luck * 3)),
  'primary scaled': (trial, { luck }) => scaleTo(trial, 'cart-primary', 1 + Math.floor(luck * 3)),
  'primary asleep'(trial, { forMs }) {
    if (trial.mirror.get('Deployment', 'cart-primary') === undefined) return undefined;
    trial.world.clock.after(forMs + 5_000, () =>
      disturb(trial, { at: 0, what: 'primary scaled', luck: 0, forMs: 0 }),
    );
    return scaleTo(trial, 'cart-primary', 0);
  },
  'primary deleted'(trial) {
    trial.world.delete('Deployment', 'cart-primary');
    return 'somebody deletes the primary';
  },
  'primary template'(trial) {
    trial.world.patch('Deployment', 'cart-primary', newImage(imageName(1)));
    return `somebody puts ${imageName(1)} into the primary`;
  },
  'target deleted'(trial, { forMs }) {
    const image = imageName(trial.released);
    trial.world.delete('Deployment', 'cart');
    trial.world.clock.after(forMs, () => {
      try {
        trial.world.create(deployment(image, trial.plan.replicas));
        trial.note('the target is there again');
      } catch {
        trial.note('the target could not be made again');
      }
    });
    return 'somebody deletes the target';
  },
  'gitops deployment'(trial, { forMs }) {
    repeat(trial, forMs, () =>
      trial.world.patch('Deployment', 'cart', { spec: { replicas: trial.plan.replicas } }),
    );
    return 'a GitOps tool applies the replicas of the target again and again';
  },
  'pods crash': (trial) =>
    eachPod(trial, 'cart-', (uid) => trial.world.pods.crash(uid, trial.world.clock.now())),
  'primary crashes': (trial) =>
    eachPod(trial, 'cart-primary-', (uid) => trial.world.pods.crash(uid, trial.world.clock.now())),
  'pods unready': (trial, { forMs }) => unready(trial, 'cart-', forMs),
  'primary unready': (trial, { forMs }) => unready(trial, 'cart-primary-', forMs * 3),

  // ── the Canary ────────────────────────────────────────────────────────────
  'status phase'(trial, { luck }) {
    const phases = ['Succeeded', 'Failed', 'Progressing', 'Initializing', 'Promoting'];
    const phase = phases[Math.floor(luck * phases.length)];
    trial.world.patch('Canary', 'cart', { status: { phase } }, 'status');
    return `somebody sets the phase to ${phase}`;
  },
  'status run wiped'(trial) {
    trial.world.patch('Canary', 'cart', { status: { run: null } }, 'status');
    trial.judge.onRecordLost();
    return 'somebody wipes status.run';
  },
  'status wiped'(trial) {
    trial.world.patch('Canary', 'cart', { status: null }, 'status');
    trial.judge.onRecordLost();
    return 'somebody wipes the status';
  },
  'other operator'(trial, { forMs, luck }) {
    const status = { phase: 'Progressing', canaryWeight: Math.floor(luck * 100), run: null };
    repeat(trial, luck < 0.5 ? 1 : forMs, () => {
      trial.world.patch('Canary', 'cart', { status }, 'status');
      trial.judge.onRecordLost();
    });
    return 'another operator writes the status';
  },
  suspend(trial, { forMs }) {
    trial.world.patch('Canary', 'cart', { spec: { suspend: true } });
    trial.world.clock.after(forMs, () => resume(trial));
    return 'suspend';
  },
  'spec steps'(trial, { luck }) {
    const { strategy } = trial.plan;
    const next =
      strategy.kind === 'weights'
        ? { ...strategy, steps: luck < 0.5 ? [15, 45, 90] : [70] }
        : { ...strategy, iterations: luck < 0.5 ? 1 : 4 };
    trial.world.patch('Canary', 'cart', { spec: { analysis: strategyFields(next) } });
    return `the steps change: ${JSON.stringify(next)}`;
  },
  'spec broken'(trial, { forMs }) {
    trial.world.patch('Canary', 'cart', { spec: { analysis: { mirror: true } } });
    trial.world.clock.after(forMs * 2, () => repair(trial));
    return 'the spec breaks';
  },
  delete(trial) {
    trial.world.delete('Canary', 'cart');
    return 'delete';
  },

  // ── time and the network ──────────────────────────────────────────────────
  'clock forward': (trial, { luck }) => jump(trial, 1_000 + luck * 4_000_000),
  'clock back': (trial, { luck }) => jump(trial, -1_000 - luck * 4_000_000),
  'metrics down': (trial, event) => take(trial, 'metrics', event),
  'metrics slow': (trial, event) => take(trial, 'metrics slow', event),
  'metrics silent': (trial, event) => take(trial, 'metrics silent', event),
  'slack down': (trial, event) => take(trial, 'slack', event),
  'slack deaf': (trial, event) => take(trial, 'slack deaf', event),
  'gateway late'(trial, { luck }) {
    if (trial.plan.router !== 'gatewayapi' || trial.plan.gatewayIsSilent) return undefined;
    trial.gateway.mode = 'late';
    trial.gateway.lagMs = 1_000 + luck * 14_000;
    return `the gateway follows ${Math.round(trial.gateway.lagMs)} ms late`;
  },
  'gateway stuck'(trial, { forMs }) {
    if (trial.plan.router !== 'gatewayapi' || trial.plan.gatewayIsSilent) return undefined;
    trial.gateway.mode = 'stuck';
    trial.world.clock.after(forMs * 4, () => trial.gateway.heal());
    return 'the gateway does not follow';
  },
  'watches cut'(trial) {
    trial.cutWatches();
    return 'all watches break';
  },
  'watches silent': (trial, event) => take(trial, 'watches', event),
  'history gone'(trial) {
    trial.world.server.compact();
    trial.cutWatches();
    return 'the history of the API server is gone, all watches break';
  },
  'stale lists'(trial, { forMs }) {
    trial.stale = snapshot(trial);
    trial.world.clock.after(forMs, () => {
      trial.down.set('lists', trial.now + 3_000);
      trial.note('an API server that lags behind answers lists');
      trial.world.server.compact();
      for (const process of trial.processes) {
        if (process.life.isAlive) trial.kill(process, 10, 'to start with stale lists');
      }
    });
    return 'an API server falls behind';
  },
  paused(trial, { forMs }) {
    const process = trial.processes.findLast(({ life }) => life.isAlive && !life.isPaused);
    if (process === undefined) return undefined;
    process.life.pause();
    trial.world.clock.after(forMs + 6_000, () => {
      process.leaseLostUntil = trial.now + 3_000;
      process.heldBackUntil = trial.now + 4_000;
      trial.note(`process ${process.life.id} goes on`);
      process.life.resume();
    });
    return `process ${process.life.id} stands still`;
  },
  gates(trial, { luck, forMs }) {
    const { hooks } = trial.plan;
    const hook = hooks[Math.floor(luck * hooks.length)];
    if (hook === undefined) return undefined;
    trial.closedGates.set(hook.type, trial.now + forMs * 3);
    return `${hook.type} says no`;
  },

  /** What was left broken is repaired, so that everything can come to rest. */
  calm(trial) {
    resume(trial);
    repair(trial);
    if (trial.mirror.get('Deployment', 'cart') === undefined && !trial.judge.wasDeleted)
      trial.world.create(deployment(imageName(trial.released), trial.plan.replicas));
    const crashing = [...trial.images].filter(([, image]) => image.pods === 'crashes');
    for (const [name, image] of crashing) trial.images.set(name, { ...image, pods: 'ready' });
    for (const pod of trial.world.pods.running()) {
      const image = pod.spec.containers[0]?.image;
      if (crashing.every(([name]) => name !== image)) continue;
      trial.world.pods.crash(pod.metadata.uid ?? '', trial.world.clock.now(), trial.behave(pod));
    }
    trial.world.wake();
    const primary = trial.mirror.get('Deployment', 'cart-primary');
    const { replicas } = (primary?.['spec'] ?? {}) as { readonly replicas?: number };
    if (replicas === 0) scaleTo(trial, 'cart-primary', 1);
    return undefined;
  },
};

function weigh(trial: Trial, weight: number): string | undefined {
  const route = routeOf(trial);
  if (route === undefined || weightIn(route) === undefined) return undefined;
  const rules = rulesOf(route).map((rule) =>
    rule === mainRule(route)
      ? {
          ...rule,
          backendRefs: (rule.backendRefs ?? []).map((ref) => ({
            ...ref,
            weight: ref.name === 'cart-canary' ? weight : 100 - weight,
          })),
        }
      : rule,
  );
  trial.world.patch('HTTPRoute', route.metadata.name, { spec: { rules } });
  return `somebody sets the canary weight to ${weight}`;
}

interface Rule {
  readonly backendRefs?: readonly { readonly name: string; readonly weight?: number }[];
}

function rulesOf(route: KubernetesObject): readonly Rule[] {
  return ((route['spec'] ?? {}) as { readonly rules?: readonly Rule[] }).rules ?? [];
}

function routeOf(trial: Trial): KubernetesObject | undefined {
  return trial.mirror.get('HTTPRoute', trial.plan.adoptsRoute ? 'front' : 'cart');
}

function scaleTo(trial: Trial, name: string, replicas: number): string {
  trial.world.patch('Deployment', name, { spec: { replicas } });
  return `somebody scales ${name} to ${replicas}`;
}

function resume(trial: Trial): void {
  if (trial.judge.wasDeleted) return;
  trial.world.patch('Canary', 'cart', { spec: { suspend: null } });
}

function repair(trial: Trial): void {
  if (trial.mirror.get('Canary', 'cart') === undefined) return;
  trial.world.patch('Canary', 'cart', { spec: { analysis: { mirror: null } } });
}

function eachPod(trial: Trial, prefix: string, act: (uid: string) => void): string | undefined {
  const pods = trial.world.pods
    .running()
    .filter(({ metadata }) => metadata.name.startsWith(prefix))
    .filter(({ metadata }) => prefix !== 'cart-' || !metadata.name.startsWith('cart-primary-'));
  if (pods.length === 0) return undefined;
  for (const pod of pods) act(pod.metadata.uid ?? '');
  trial.world.wake();
  return `pods ${prefix}* are struck`;
}

function unready(trial: Trial, prefix: string, forMs: number): string | undefined {
  const struck: string[] = [];
  const told = eachPod(trial, prefix, (uid) => {
    trial.world.pods.setReady(uid, false);
    struck.push(uid);
  });
  trial.world.clock.after(forMs, () => {
    for (const uid of struck) trial.world.pods.setReady(uid, true);
    trial.world.wake();
  });
  return told;
}

/** A tool that puts its own version back every two seconds. */
function repeat(trial: Trial, forMs: number, apply: () => void): void {
  const until = trial.now + forMs;
  const again = (): void => {
    if (trial.now > until || trial.now > trial.plan.calmAt) return;
    try {
      apply();
    } catch {
      return;
    }
    trial.world.clock.after(1_500, again);
  };
  again();
}

function jump(trial: Trial, ms: number): string {
  trial.skewMs += Math.round(ms);
  return `the wall clock jumps by ${Math.round(ms)} ms`;
}

function take(trial: Trial, what: string, { forMs }: Event): string {
  trial.down.set(what, trial.now + forMs);
  return `${what} for ${forMs} ms`;
}

/** Lists as they are now, to be given to somebody later. */
function snapshot(trial: Trial): Map<string, ApiAnswer> {
  const paths = [
    `/apis/${trial.world.group}/canaries`,
    '/apis/apps/v1/deployments',
    '/api/v1/services',
    '/apis/gateway.networking.k8s.io/v1/httproutes',
    '/apis/gateway.networking.k8s.io/v1beta1/httproutes',
  ];
  return new Map(
    paths.map((path) => [
      path,
      trial.world.server.handle({
        method: 'GET',
        path,
        query: {},
        headers: { 'user-agent': 'judge' },
      }),
    ]),
  );
}
