/** Turns what controllers say into Kubernetes Events; the same words again are counted, not repeated. */
import { type Client, pathOf } from './controllers/api.ts';
import { keyOf, type KubeObject, timestamp } from './controllers/objects.ts';
import type { Remark } from './controllers/round.ts';

const EVENTS = { apiVersion: 'v1', kind: 'Event', plural: 'events' };
/** What was said long ago may be said as if it were new. */
const MAX_KNOWN = 1_000;
const COMPONENT = 'sandbox-controllers';

interface Known {
  readonly name: string;
  count: number;
}

export class EventLog {
  readonly #client: Client;
  readonly #known = new Map<string, Known>();
  #written = 0;

  constructor(client: Client) {
    this.#client = client;
  }

  write(remark: Remark, now: number): void {
    const { about, reason, message } = remark;
    const key = `${about.metadata.uid ?? keyOf(about)} ${reason} ${message}`;
    const known = this.#known.get(key);
    if (known === undefined) this.#create(key, remark, now);
    else this.#repeat(known, about.metadata.namespace ?? '', now);
  }

  #create(key: string, { about, type, reason, message }: Remark, now: number): void {
    const { name, namespace = '', uid = '' } = about.metadata;
    const time = timestamp(now);
    const event: KubeObject & Record<string, unknown> = {
      apiVersion: 'v1',
      kind: 'Event',
      metadata: { name: `${name}.${now.toString(16)}${(this.#written++).toString(16)}`, namespace },
      involvedObject: { apiVersion: about.apiVersion, kind: about.kind, name, namespace, uid },
      type,
      reason,
      message,
      source: { component: COMPONENT },
      reportingComponent: COMPONENT,
      firstTimestamp: time,
      lastTimestamp: time,
      count: 1,
    };
    const written = this.#client.create(EVENTS, event);
    if (written.outcome !== 'done') return;
    if (this.#known.size >= MAX_KNOWN) this.#known.clear();
    this.#known.set(key, { name: event.metadata.name, count: 1 });
  }

  #repeat(known: Known, namespace: string, now: number): void {
    known.count++;
    this.#client.handle({
      method: 'PATCH',
      path: pathOf(EVENTS, namespace, known.name),
      query: {},
      contentType: 'application/merge-patch+json',
      body: { count: known.count, lastTimestamp: timestamp(now) },
    });
  }
}
