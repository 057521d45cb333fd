/**
 * A recording of Flagger, and the same manifests and the same steps played to our operator in memory.
 */
import { readFileSync } from 'node:fs';
import path from 'node:path';

import type { KubernetesObject } from '../../src/api/object.ts';
import type { CheckAnswer } from '../../src/core/analysis.ts';
import type { WebhookAnswer, WebhookCall } from '../../src/ports/webhook-client.ts';
import type { RequestRecord } from '../../src/sandbox/api-server/server.ts';
import { settings, World } from '../simulate/world.ts';

export const recordings = path.resolve(
  import.meta.dirname,
  '../../../shared/testdata/flagger-recordings',
);

interface Moment {
  readonly step?: string;
  readonly canaryPatched?: object;
  readonly write?: string;
  readonly resource?: string;
  readonly name?: string;
  readonly code?: number;
  readonly object?: KubernetesObject;
  readonly status?: Status;
  readonly query?: string;
  readonly webhook?: string;
  readonly body?: unknown;
  readonly alert?: string;
}

export interface Status {
  readonly phase?: string;
  readonly canaryWeight?: number;
  readonly iterations?: number;
  readonly failedChecks?: number;
  readonly conditions?: readonly {
    readonly type: string;
    readonly status: string;
    readonly reason: string;
  }[];
}

interface Recording {
  readonly scenario: string;
  readonly manifests: readonly KubernetesObject[];
  readonly timeline: readonly Moment[];
}

export function readRecording(name: string): Recording {
  return JSON.parse(readFileSync(path.join(recordings, `${name}.json`), 'utf8')) as Recording;
}

/** What one side did, in the order in which it did it. */
export interface Doings {
  /** Bodies of routes as they were written. */
  readonly routes: readonly KubernetesObject[];
  /** The last state of each Service and of the primary, by name. */
  readonly services: Readonly<Record<string, KubernetesObject>>;
  readonly primaries: readonly KubernetesObject[];
  readonly statuses: readonly Status[];
  readonly queries: readonly string[];
  readonly hooks: readonly { readonly name: string; readonly body: HookBody }[];
  readonly alerts: readonly { readonly receiver: string; readonly text: string }[];
}

export interface HookBody {
  readonly name: string;
  readonly namespace: string;
  readonly phase: string;
  readonly checksum: string;
  readonly metadata?: Readonly<Record<string, string>>;
}

/** Blanks mean nothing outside of strings, and no string here has one. */
const folded = (text: string): string => text.replaceAll(/\s+/g, '');

export function flaggersDoings({ timeline }: Recording): Doings {
  const done = timeline.filter(({ code = 200 }) => code < 300);
  const objects = (resource: string) =>
    done.flatMap((moment) =>
      moment.resource === resource && moment.write !== 'patch' && moment.object !== undefined
        ? [moment.object]
        : [],
    );
  return {
    routes: objects('httproutes'),
    services: Object.fromEntries(objects('services').map((o) => [o.metadata.name, o])),
    primaries: objects('deployments').filter(({ metadata }) => metadata.name.endsWith('-primary')),
    statuses: done.flatMap(({ resource, status }) =>
      resource === 'canaries/status' && status !== undefined ? [status] : [],
    ),
    queries: timeline.flatMap(({ query }) => (query === undefined ? [] : [folded(query)])),
    hooks: timeline.flatMap(({ webhook, body }) =>
      webhook === undefined ? [] : [{ name: webhook, body: body as HookBody }],
    ),
    alerts: timeline.flatMap(({ alert, body }) => {
      const { attachments = [] } = (body ?? {}) as { attachments?: readonly { text: string }[] };
      return alert === undefined ? [] : [{ receiver: alert, text: attachments[0]?.text ?? '' }];
    }),
  };
}

const plurals: Readonly<Record<string, string>> = {
  ConfigMap: 'configmaps',
  Secret: 'secrets',
  Deployment: 'deployments',
  AlertProvider: 'alertproviders',
  MetricTemplate: 'metrictemplates',
  Canary: 'canaries',
};

/** One replay; `play` takes the recording's steps, without waiting longer than Flagger would have needed. */
export class Replay {
  readonly #recording: Recording;
  readonly #world: World;
  readonly #queries: string[] = [];
  readonly #hooks: { name: string; body: HookBody }[] = [];
  readonly #alerts: { receiver: string; text: string }[] = [];
  readonly #closed = new Set<string>();
  readonly #unready = new Set<string>();
  /** `good`, `bad`, `empty` or `error`. */
  #metrics = 'good';

  constructor(recording: Recording) {
    this.#recording = recording;
    this.#world = new World({
      metric: (query) => this.#answer(query),
      webhook: (call) => this.#hook(call),
      behave: ({ spec }) =>
        this.#unready.has(spec.containers[0]?.image ?? '')
          ? {}
          : { readyAfterMs: 500, stopAfterMs: 100 },
      settings: {
        copy: { ...settings.copy, includeLabelPrefixes: ['app.kubernetes.io', 'owner'] },
        globalNotifier: undefined,
      },
    });
  }

  async play(): Promise<Doings> {
    const { manifests, timeline, scenario } = this.#recording;
    this.#world.create({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: scenario } });
    for (const manifest of manifests) {
      const metadata = { ...manifest.metadata, namespace: scenario };
      this.#world.call('POST', this.#path(manifest.apiVersion, manifest.kind), {
        ...manifest,
        metadata,
      });
    }
    const stop = new AbortController();
    const notifiers = {
      get: () => ({
        name: 'slack',
        send: async ({ channel }: { channel: string }, { text }: { text: string }) => {
          this.#alerts.push({ receiver: channel, text });
        },
      }),
    };
    const { done } = this.#world.operator(stop.signal, undefined, 'serin-0', { notifiers });
    for (const { step, canaryPatched } of timeline) {
      if (step !== undefined) await this.#step(step);
      if (canaryPatched !== undefined) this.#world.call('PATCH', this.#canary(), canaryPatched);
    }
    await this.#world.clock.advance(30_000);
    stop.abort();
    await this.#world.clock.advance(30_000);
    await done;
    return this.#doings();
  }

  #path(apiVersion: string, kind: string): string {
    const root = apiVersion.includes('/') ? `/apis/${apiVersion}` : `/api/${apiVersion}`;
    return `${root}/namespaces/${this.#recording.scenario}/${plurals[kind]}`;
  }

  #canary(): string {
    return `${this.#path('flagger.app/v1beta1', 'Canary')}/podinfo`;
  }

  #status(): Status {
    return this.#world.call('GET', this.#canary())['status'] ?? {};
  }

  async #step(step: string): Promise<void> {
    const [verb = '', what = '', more = ''] = step.split(' ');
    switch (verb) {
      case 'wait':
        return this.#until(step, () => this.#status().phase === what);
      case 'weight':
        return this.#until(step, () => this.#status().canaryWeight === Number(what));
      case 'image':
        if (more === 'true') this.#unready.add(`podinfo:${what}`);
        this.#push(what);
        return;
      case 'sleep':
        await this.#world.clock.advance(Number(what) * 1_000);
        return;
      case 'set':
        if (what === 'metrics') this.#metrics = more;
        else if (more === 'closed') this.#closed.add(what);
        else this.#closed.delete(what);
        return;
      case 'patch':
        return;
      default:
        throw new Error(`no idea how to do "${step}"`);
    }
  }

  async #until(step: string, isSo: () => boolean): Promise<void> {
    if (await this.#world.clock.advanceUntil(isSo, 400_000)) {
      await this.#world.clock.advance(100);
      return;
    }
    throw new Error(`"${step}" did not come true: ${JSON.stringify(this.#status(), null, 1)}`);
  }

  #push(version: string): void {
    const target = `${this.#path('apps/v1', 'Deployment')}/podinfo`;
    const text = JSON.stringify(this.#world.call('GET', target)['spec']);
    const spec = JSON.parse(
      text
        .replaceAll(/"image":"[^"]*"/g, `"image":"podinfo:${version}"`)
        .replaceAll(/"v":"[^"]*"/g, `"v":"${version}"`),
    ) as object;
    this.#world.call('PATCH', target, { spec });
  }

  #answer(query: string): CheckAnswer {
    this.#queries.push(folded(query));
    switch (this.#metrics) {
      case 'good':
        return sample(goodValue(query));
      case 'bad':
        return sample(query.includes('histogram') ? 0.12 : 50);
      case 'empty':
        return { kind: 'sample', sample: { kind: 'noData', why: 'nothing' } };
      default:
        return { kind: 'unavailable', why: 'answered 500' };
    }
  }

  #hook({ url, body }: WebhookCall): WebhookAnswer {
    const name = new URL(url).pathname.split('/').at(-1) ?? '';
    this.#hooks.push({ name, body: JSON.parse(JSON.stringify(body)) as HookBody });
    return this.#closed.has(name) ? { kind: 'no', status: 403, text: '' } : { kind: 'yes' };
  }

  #doings(): Doings {
    const written = this.#world.records.filter(
      ({ userAgent, method, status }) =>
        userAgent.startsWith('serin') && method !== 'GET' && status < 300,
    );
    const objects = (resource: string): KubernetesObject[] =>
      written.filter(isWhole(resource)).flatMap(({ object }) => (object ? [object] : []));
    return {
      routes: objects('httproutes'),
      services: Object.fromEntries(objects('services').map((o) => [o.metadata.name, o])),
      primaries: objects('deployments').filter(({ metadata }) =>
        metadata.name.endsWith('-primary'),
      ),
      statuses: written
        .filter(({ resource, subresource }) => resource === 'canaries' && subresource === 'status')
        .map(({ object }) => (object?.['status'] ?? {}) as Status),
      queries: this.#queries,
      hooks: this.#hooks,
      alerts: this.#alerts,
    };
  }
}

function isWhole(resource: string): (record: RequestRecord) => boolean {
  return (record) => record.resource === resource && record.subresource === '';
}

/** As the recorder's Prometheus answered. */
function goodValue(query: string): number {
  if (query.includes('histogram')) return 0.12;
  return query.includes('http_request_duration_seconds_count') ? 100 : 1;
}

function sample(value: number): CheckAnswer {
  return { kind: 'sample', sample: { kind: 'value', value } };
}
