/** One rollout in a namespace of its own, with the operators that look after it one after the other. */
import type { KubernetesObject } from '../../../src/api/object.ts';
import { appliedTo } from '../../../src/core/applied.ts';
import { weightIn } from '../../simulate/mirror.ts';
import type { Arena } from './arena.ts';
import { eventually } from './eventually.ts';
import type { Held } from './faults.ts';
import { outboxOf, violationsIn } from './judge.ts';
import { canary, checks, deployment, images, release, steps } from './manifests.ts';
import type { CanaryOptions } from './manifests.ts';
import type { Watched } from './operator-process.ts';
import { Outside, type Mood } from './outside.ts';
import type { CaseRecord } from './record.ts';
import { described } from './request-record.ts';

export interface RolloutOptions {
  /** Of its namespace, before what tells this arena's from others'. */
  readonly name: string;
  readonly mood?: Mood;
  readonly canary?: CanaryOptions;
  /** Beside those that every operator of a rollout gets. */
  readonly flags?: readonly string[];
}

interface Status {
  readonly phase?: string;
  readonly message?: string;
  readonly failedChecks?: number;
  readonly conditions?: readonly { readonly type: string; readonly reason: string }[];
}

const finals: readonly string[] = ['Succeeded', 'Failed'];

export class Rollout implements AsyncDisposable {
  readonly namespace: string;
  readonly outside: Outside;
  readonly operators: Watched[] = [];
  readonly #arena: Arena;
  readonly #options: RolloutOptions;
  readonly #ends: number[] = [];

  private constructor(arena: Arena, options: RolloutOptions, outside: Outside) {
    this.namespace = namespaceOf(arena, options);
    this.outside = outside;
    this.#arena = arena;
    this.#options = options;
  }

  /** Creates its objects. Nobody looks after them yet. */
  static async create(arena: Arena, options: RolloutOptions): Promise<Rollout> {
    const { mood } = options;
    const namespace = namespaceOf(arena, options);
    await arena.createNamespace(namespace);
    await arena.create(deployment(namespace));
    await arena.create(canary(namespace, options.canary));
    return new Rollout(arena, options, await Outside.start(mood));
  }

  get status(): Status {
    return this.#arena.last(this.namespace, 'Canary', 'cart')?.['status'] ?? {};
  }

  get route(): KubernetesObject | undefined {
    return this.#arena.last(this.namespace, 'HTTPRoute', 'cart');
  }

  get weight(): number {
    return weightIn(this.route) ?? 0;
  }

  /** What the last write of traffic was for. */
  get lastReason(): string {
    return (this.route && appliedTo(this.route)?.for) ?? '';
  }

  get leader(): Watched | undefined {
    return this.operators.find(
      ({ process: operator }) => operator.endedAt === undefined && operator.isLeading,
    );
  }

  /** Starts an operator for this namespace only. It may have to wait for the Lease. */
  async start(...more: readonly string[]): Promise<Watched> {
    return this.startWith({}, ...more);
  }

  async startWith(
    env: Readonly<Record<string, string>>,
    ...more: readonly string[]
  ): Promise<Watched> {
    const { namespace, outside } = this;
    const flags = [
      `--namespace=${namespace}`,
      `--lease-namespace=${namespace}`,
      `--lease-identity=operator-${this.operators.length + 1}`,
      `--metrics-server=${outside.url}`,
      '--drain=200ms',
      ...(this.#options.flags ?? []),
      ...more,
    ];
    const variables = { SLACK_URL: `${outside.url}/slack`, ...env };
    const operator = await this.#arena.startOperator({ flags, env: variables });
    this.operators.push(operator);
    return operator;
  }

  /** SIGKILL, at once. */
  kill({ process: operator }: Watched): void {
    operator.signal('SIGKILL');
    this.#ends.push(Date.now());
  }

  /** SIGSTOP: it keeps what it knows and does nothing. */
  stop({ process: operator }: Watched): void {
    operator.signal('SIGSTOP');
    this.#ends.push(Date.now());
  }

  /** From now on this operator hears nothing of its Lease, and loses it. The rest goes through. */
  depose({ proxy }: Watched): Held {
    this.#ends.push(Date.now());
    return proxy.faults.hold(({ resource }) => resource === 'leases');
  }

  /** The Lease of one that is dead need not be waited for. */
  async dropLease(): Promise<void> {
    const at = `/apis/coordination.k8s.io/v1/namespaces/${this.namespace}/leases/serin`;
    await this.#arena.admin.must('DELETE', at);
  }

  async release(image: string = images.new): Promise<void> {
    const at = `/apis/apps/v1/namespaces/${this.namespace}/deployments/cart`;
    const contentType = 'application/strategic-merge-patch+json';
    await this.#arena.admin.must('PATCH', at, release(image), { contentType });
  }

  async until(what: string, isSo: () => boolean, limitMs?: number): Promise<void> {
    const limits = limitMs === undefined ? {} : { limitMs };
    await eventually(`${this.namespace}: ${what}`, isSo, { ...limits, more: () => this.story() });
  }

  /** An operator leads and has nothing more to do. */
  async untilIdle(operator: Watched): Promise<void> {
    await this.until('an operator leads', () => operator.process.isLeading);
    await this.untilQuiet([operator]);
  }

  /** No request but for the Lease and watches for a while. */
  async untilQuiet(operators: readonly Watched[] = this.operators, quietMs = 300): Promise<void> {
    await this.until('the operators are quiet', () => {
      const requests = operators.flatMap(({ proxy }) => proxy.requests);
      const others = requests.filter(({ resource, isWatch }) => resource !== 'leases' && !isWatch);
      return Date.now() - Math.max(...others.map(({ at }) => at), 0) > quietMs;
    });
  }

  /** The target is at 0, and everybody has been told. */
  isIdle(): boolean {
    const canaryNow = this.#arena.last(this.namespace, 'Canary', 'cart');
    const target = this.#arena.last(this.namespace, 'Deployment', 'cart');
    const { replicas } = (target?.['spec'] ?? {}) as { readonly replicas?: number };
    return replicas === 0 && outboxOf(canaryNow).length === 0;
  }

  isOver(): boolean {
    return finals.includes(this.status.phase ?? '') && this.isIdle();
  }

  async untilOver(limitMs = 60_000): Promise<void> {
    await this.until('the rollout is over', () => this.isOver(), limitMs);
    await this.untilQuiet();
  }

  record(): CaseRecord {
    const { outside } = this;
    return {
      steps,
      checks,
      images,
      intervalMs: 1_000,
      seen: this.#arena.seen(this.namespace),
      writes: this.operators
        .flatMap(({ proxy }) => proxy.writes)
        .toSorted((one, two) => one.at - two.at),
      asked: outside.asked,
      told: outside.told,
      ends: this.#ends,
    };
  }

  /** What the operators wrote and logged, for people who have to find out. */
  story(): string {
    const writes = this.operators.map(
      ({ proxy, process: operator }, index) =>
        `operator ${index + 1}, ${operator.endedAt === undefined ? 'running' : 'ended'}:\n` +
        [
          ...proxy.writes.map((write) => `  ${write.write} ${described(write)} ${write.outcome}`),
          ...operator.lines.slice(-15),
        ].join('\n'),
    );
    return [JSON.stringify(this.status), ...writes].join('\n');
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.operators.map(({ process: operator }) => operator.end()));
    await this.outside[Symbol.asyncDispose]();
  }
}

/** Lets one operator, which then goes, make the primaries of them all. */
export async function initialise(arena: Arena, rollouts: readonly Rollout[]): Promise<void> {
  const namespaces = rollouts.map(({ namespace }) => namespace);
  const { process: operator } = await arena.startOperator({
    flags: [
      `--namespace=${namespaces.join(',')}`,
      `--lease-namespace=${namespaces[0]}`,
      '--lease-identity=first',
      '--drain=200ms',
    ],
  });
  for (const rollout of rollouts)
    await rollout.until(
      'it is initialised',
      () => rollout.status.phase === 'Initialized' && rollout.isIdle(),
    );
  // Gives its Lease back.
  operator.signal('SIGTERM');
  await operator.exited;
}

/** What broke, told and cleaned up; with the story of it for whoever has to find out. */
export async function judged(rollout: Rollout, faults: string): Promise<readonly string[]> {
  const violations = violationsIn(rollout.record()).map(({ id, what }) => `${id}: ${what}`);
  process.stdout.write(`faults: ${faults}, violations: ${violations.length}\n`);
  const story = rollout.story();
  await rollout[Symbol.asyncDispose]();
  return violations.length === 0 ? [] : [...violations, story];
}

function namespaceOf({ id }: Arena, { name }: RolloutOptions): string {
  return `${name}-${id}`;
}
