/**
 * What the controllers have to look at, and when. Keys wait in the order they came and never twice;
 * an appointment that is made again replaces the one before if it is earlier.
 */
export class Agenda {
  readonly #due = new Set<string>();
  readonly #appointments = new Map<string, number>();
  // A binary heap by time, then by arrival, so that equal times keep their order. Stale entries are skipped.
  readonly #heap: { at: number; order: number; key: string }[] = [];
  #order = 0;

  add(key: string): void {
    this.#due.add(key);
  }

  addAt(key: string, at: number): void {
    const known = this.#appointments.get(key);
    if (known !== undefined && known <= at) return;
    this.#appointments.set(key, at);
    this.#push({ at, order: this.#order++, key });
  }

  /** The next key, appointments that have come included. */
  next(now: number): string | undefined {
    for (let top = this.#top(); top !== undefined && top.at <= now; top = this.#top()) {
      this.#pop();
      this.#appointments.delete(top.key);
      this.#due.add(top.key);
    }
    for (const key of this.#due) {
      this.#due.delete(key);
      return key;
    }
    return undefined;
  }

  /** When there is something to do: `now` if there is already, `undefined` if never. */
  nextAt(now: number): number | undefined {
    return this.#due.size > 0 ? now : this.#top()?.at;
  }

  #top(): { at: number; key: string } | undefined {
    for (;;) {
      const top = this.#heap[0];
      if (top === undefined || this.#appointments.get(top.key) === top.at) return top;
      this.#pop();
    }
  }

  #push(entry: { at: number; order: number; key: string }): void {
    const heap = this.#heap;
    let at = heap.length;
    heap.push(entry);
    while (at > 0) {
      const parent = (at - 1) >> 1;
      const above = heap[parent];
      if (above === undefined || !isEarlier(entry, above)) break;
      heap[at] = above;
      at = parent;
    }
    heap[at] = entry;
  }

  #pop(): void {
    const heap = this.#heap;
    const last = heap.pop();
    if (last === undefined || heap.length === 0) return;
    let at = 0;
    for (;;) {
      const left = heap[2 * at + 1];
      const right = heap[2 * at + 2];
      if (left === undefined) break;
      const smaller = right !== undefined && isEarlier(right, left) ? right : left;
      if (!isEarlier(smaller, last)) break;
      heap[at] = smaller;
      at = 2 * at + (smaller === left ? 1 : 2);
    }
    heap[at] = last;
  }
}

interface Timed {
  readonly at: number;
  readonly order: number;
}

function isEarlier(a: Timed, b: Timed): boolean {
  return a.at < b.at || (a.at === b.at && a.order < b.order);
}
