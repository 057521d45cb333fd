/** The writes of a demo that matter, as the API server has recorded them. */
import type { ApiServer, RequestRecord as ApiRecord } from '../api-server/server.ts';
import { isRecord } from '../controllers/objects.ts';

export interface WeightWrite {
  readonly at: number;
  /** Percent for the canary. */
  readonly weight: number;
}

export interface ImageWrite {
  readonly at: number;
  readonly image: string;
}

export interface Note {
  readonly at: number;
  readonly warning: boolean;
  readonly text: string;
}

export class ClusterLog {
  readonly weights: WeightWrite[] = [];
  readonly primaryImages: ImageWrite[] = [];
  readonly notes: Note[] = [];
  readonly #app: string;
  readonly #onNote: (note: Note) => void;

  constructor(api: ApiServer, app: string, onNote: (note: Note) => void = () => {}) {
    this.#app = app;
    this.#onNote = onNote;
    api.onRequest((record) => this.#read(record));
  }

  get weight(): number {
    return this.weights.at(-1)?.weight ?? 0;
  }

  /** When the weight was first written as 0 after it had been above, since `from`. */
  backAtZero(from: number): number | undefined {
    const writes = this.weights.filter(({ at }) => at >= from);
    const raised = writes.findIndex(({ weight }) => weight > 0);
    return raised < 0 ? undefined : writes.slice(raised).find(({ weight }) => weight === 0)?.at;
  }

  #read({ at, resource, subresource, verb, name, status, object, user }: ApiRecord): void {
    const wrote = (verb === 'create' || verb === 'update' || verb === 'patch') && status < 300;
    if (!wrote || subresource !== '' || object === undefined) return;
    if (resource === 'httproutes' && name === this.#app) this.#readRoute(at, object);
    if (resource === 'deployments' && name === `${this.#app}-primary`) {
      const [image] = imagesIn(object);
      if (image !== undefined) this.primaryImages.push({ at, image });
    }
    if (resource === 'events' && user === 'operator') this.#readEvent(at, object);
  }

  #readRoute(at: number, route: unknown): void {
    const weight = canaryPercent(route, `${this.#app}-canary`);
    if (weight !== undefined && weight !== this.weights.at(-1)?.weight) {
      this.weights.push({ at, weight });
    }
  }

  #readEvent(at: number, event: object): void {
    if (!isRecord(event)) return;
    const text = event['message'] ?? event['note'];
    if (typeof text !== 'string') return;
    const note = { at, warning: event['type'] === 'Warning', text };
    this.notes.push(note);
    this.#onNote(note);
  }
}

/** The share of the canary in the first rule that names it. */
function canaryPercent(route: unknown, canary: string): number | undefined {
  for (const rule of listAt(route, 'spec', 'rules')) {
    const refs = listAt(rule, 'backendRefs').filter(isRecord);
    const weights = refs.map(({ weight }) => (typeof weight === 'number' ? weight : 1));
    const at = refs.findIndex(({ name }) => name === canary);
    const sum = weights.reduce((total, weight) => total + weight, 0);
    const own = weights[at];
    if (own !== undefined) return sum === 0 ? 0 : (own / sum) * 100;
  }
  return undefined;
}

function imagesIn(deployment: unknown): readonly string[] {
  return listAt(deployment, 'spec', 'template', 'spec', 'containers')
    .filter(isRecord)
    .flatMap(({ image }) => (typeof image === 'string' ? [image] : []));
}

function listAt(value: unknown, ...path: readonly string[]): readonly unknown[] {
  let current = value;
  for (const key of path) current = isRecord(current) ? current[key] : undefined;
  return Array.isArray(current) ? current : [];
}
