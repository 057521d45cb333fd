/**
 * Metrics as they are made: registered, remembered for the documentation, and taken back series by series when what
 * they are about goes away.
 */
import { Counter, Gauge, Histogram, type Registry } from 'prom-client';

/** A row of the documentation. */
export interface MetricDoc {
  readonly name: string;
  readonly type: 'counter' | 'gauge' | 'histogram';
  readonly labels: readonly string[];
  readonly help: string;
}

interface Definition<L extends string> {
  readonly name: string;
  readonly help: string;
  readonly labelNames?: readonly L[];
}

/** Makes metrics in one registry, each of them with a help text. */
export class Catalogue {
  readonly docs: MetricDoc[] = [];
  readonly #registry: Registry;

  constructor(registry: Registry) {
    this.#registry = registry;
  }

  counter<L extends string = never>(definition: Definition<L>): Counter<L> {
    return new Counter<L>(this.#noted('counter', definition));
  }

  /** `collect` runs before each scrape. */
  gauge<L extends string = never>(
    definition: Definition<L> & { readonly collect?: (this: Gauge<L>) => void },
  ): Gauge<L> {
    const { collect } = definition;
    return new Gauge<L>({
      ...this.#noted('gauge', definition),
      ...(collect === undefined ? {} : { collect }),
    });
  }

  histogram<L extends string = never>(
    definition: Definition<L> & { readonly buckets?: readonly number[] },
  ): Histogram<L> {
    const { buckets } = definition;
    return new Histogram<L>({
      ...this.#noted('histogram', definition),
      ...(buckets === undefined ? {} : { buckets: [...buckets] }),
    });
  }

  #noted<L extends string>(
    type: MetricDoc['type'],
    { name, help, labelNames = [] }: Definition<L>,
  ): { name: string; help: string; labelNames: readonly L[]; registers: Registry[] } {
    this.docs.push({ name, type, labels: labelNames, help });
    return { name, help, labelNames, registers: [this.#registry] };
  }
}

/** Anything whose series can be taken back. */
interface Removable<L extends string> {
  remove(labels: Partial<Record<L, string | number>>): void;
}

/** Which series exist because of which object, so that they go when it goes. */
export class OwnedSeries {
  readonly #byOwner = new Map<string, Map<string, { readonly id: string; remove(): void }>>();

  /**
   * Remembers that `owner` is why a metric has these labels, and gives the labels back. A slot holds one series:
   * another one in its place takes the earlier back.
   */
  hold<L extends string>(
    owner: string,
    slot: string,
    metric: Removable<L>,
    labels: Record<L, string>,
  ): Record<L, string> {
    const slots = this.#byOwner.get(owner) ?? new Map<string, { id: string; remove(): void }>();
    this.#byOwner.set(owner, slots);
    const id = JSON.stringify(labels);
    const held = slots.get(slot);
    if (held?.id === id) return labels;
    held?.remove();
    slots.set(slot, { id, remove: () => metric.remove(labels) });
    return labels;
  }

  /** Takes back everything of an object that has gone. */
  forget(owner: string): void {
    for (const held of this.#byOwner.get(owner)?.values() ?? []) held.remove();
    this.#byOwner.delete(owner);
  }
}
