/**
 * A whole rollout as text: what people did, what the operator wrote, and whom it told. Read from the API server's
 * record, not from the operator.
 */
import type { KubernetesObject } from '../../src/api/object.ts';
import type { RequestRecord } from '../../src/sandbox/api-server/server.ts';
import type { World } from '../simulate/world.ts';

export interface Line {
  readonly at: number;
  readonly text: string;
}

export class Transcript {
  readonly #world: World;
  readonly #lines: Line[] = [];

  constructor(world: World) {
    this.#world = world;
  }

  /** Something that a person or another tool did. */
  note(text: string): void {
    this.#lines.push({ at: this.#world.clock.now(), text: `-- ${text}` });
  }

  text(): string {
    const start = this.#world.clock.now() - this.#world.clock.monotonic();
    const said = this.#world.messages.map(({ at, message }) => ({
      at,
      text: `slack  ${message.severity}: ${message.text}`,
    }));
    const wrote = this.#world.records.flatMap((record) => describe(record));
    // The same millisecond: what was done before what it led to, and words last.
    const all = [...this.#lines, ...wrote, ...said].map((line, order) => ({ ...line, order }));
    all.sort((a, b) => a.at - b.at || a.order - b.order);
    return `${all.map(({ at, text }) => `${clockText(at - start)}  ${text}`).join('\n')}\n`;
  }
}

function clockText(ms: number): string {
  const seconds = Math.floor(ms / 1000);
  return `${String(Math.floor(seconds / 60)).padStart(2, '0')}:${String(seconds % 60).padStart(2, '0')}`;
}

/** What a request of the operator did, in words; nothing for reads and for the Lease. */
export function describe(record: RequestRecord): readonly Line[] {
  const { userAgent, verb, at, status } = record;
  if (!userAgent.startsWith('serin') || verb === 'get' || verb === 'list' || verb === 'watch')
    return [];
  const text = textOf(record);
  return text === undefined ? [] : [{ at, text: status < 300 ? text : `${text} (${status})` }];
}

function textOf({
  verb,
  resource,
  subresource,
  name,
  object,
  body,
  previous,
}: RequestRecord): string | undefined {
  const after = object as KubernetesObject | undefined;
  const before = previous as KubernetesObject | undefined;
  switch (
    `${resource}${subresource === '' || subresource === undefined ? '' : `/${subresource}`}`
  ) {
    case 'leases':
      return undefined;
    case 'events': {
      const { type, reason, message, count } = (after ?? body) as {
        type?: string;
        reason?: string;
        message?: string;
        count?: number;
      };
      return `event  ${type} ${reason}: ${message}${(count ?? 1) > 1 ? ` (${count} times)` : ''}`;
    }
    case 'canaries/status':
      return statusText(before, after);
    case 'canaries':
      return `canary ${canaryText(before, after)}`;
    case 'deployments/scale': {
      const { spec } = body as { spec?: { replicas?: number } };
      return `scale  ${name} to ${spec?.replicas}`;
    }
    case 'httproutes':
      return verb === 'delete' ? `route  ${name} deleted` : `route  ${routeText(after)}`;
    case 'services': {
      const { selector } = (after?.['spec'] ?? {}) as { selector?: object };
      return verb === 'delete'
        ? `service ${name} deleted`
        : `service ${name} ${verb === 'create' ? 'made, ' : ''}selects ${JSON.stringify(selector)}`;
    }
    default:
      return `${resource.slice(0, -1)} ${name} ${verbText(verb ?? '')}${imageOf(after) === imageOf(before) ? '' : `, image ${imageOf(after)}`}`;
  }
}

function noteOn(canary: KubernetesObject | undefined): string | undefined {
  return canary?.metadata.annotations?.['serin.dev/status-writers'];
}

function canaryText(
  before: KubernetesObject | undefined,
  after: KubernetesObject | undefined,
): string {
  if (noteOn(before) !== noteOn(after)) return `note ${noteOn(after) ?? 'removed'}`;
  return (after?.metadata.finalizers ?? []).length > 0 ? 'finalizer set' : 'finalizer removed';
}

function verbText(verb: string): string {
  return (
    (
      { create: 'made', patch: 'changed', update: 'changed', delete: 'deleted' } as Readonly<
        Record<string, string>
      >
    )[verb] ?? verb
  );
}

function imageOf(object: KubernetesObject | undefined): string | undefined {
  const { template } = (object?.['spec'] ?? {}) as {
    template?: { spec?: { containers?: readonly { image?: string }[] } };
  };
  return template?.spec?.containers?.[0]?.image;
}

function routeText(route: KubernetesObject | undefined): string {
  const { rules = [] } = (route?.['spec'] ?? {}) as {
    rules?: readonly { backendRefs?: readonly { name: string; weight?: number }[] }[];
  };
  const split = rules
    .map(({ backendRefs = [] }) =>
      backendRefs.map(({ name, weight }) => `${name} ${weight ?? 1}`).join(', '),
    )
    .join(' | ');
  const applied = route?.metadata.annotations?.['serin.dev/applied'];
  return `${split}${applied === undefined ? '' : ` (${(JSON.parse(applied) as { for: string }).for})`}`;
}

interface StatusView {
  readonly phase?: string;
  readonly canaryWeight?: number;
  readonly failedChecks?: number;
  readonly iterations?: number;
  readonly message?: string;
  readonly conditions?: readonly {
    readonly type: string;
    readonly status: string;
    readonly reason: string;
  }[];
}

function statusText(
  before: KubernetesObject | undefined,
  after: KubernetesObject | undefined,
): string {
  const was = (before?.['status'] ?? {}) as StatusView;
  const is = (after?.['status'] ?? {}) as StatusView;
  const parts = [was.phase === is.phase ? String(is.phase) : `${was.phase ?? 'new'} → ${is.phase}`];
  if (was.canaryWeight !== is.canaryWeight) parts.push(`weight ${is.canaryWeight}`);
  if (was.failedChecks !== is.failedChecks) parts.push(`failed checks ${is.failedChecks}`);
  if (was.iterations !== is.iterations) parts.push(`iteration ${is.iterations}`);
  const conditions = (is.conditions ?? [])
    .filter(({ status }) => status !== 'False')
    .map(({ type, status }) => `${type}${status === 'Unknown' ? '?' : ''}`);
  const reason = is.conditions?.find(({ type }) => type === 'Ready')?.reason;
  return `status ${parts.join(', ')} [${[reason, ...conditions].join(' ')}] ${was.message === is.message ? '' : is.message}`.trimEnd();
}
