/** Addresses for pods: each free one is used once before any is used again. */

export class Addresses {
  readonly #base: number;
  readonly #count: number;
  readonly #taken = new Set<number>();
  #last = 0;

  /** `cidr` is IPv4. The first and the last address of the range are left alone. */
  constructor(cidr: string) {
    const [address = '', bits = '32'] = cidr.split('/');
    this.#base = toNumber(address);
    this.#count = 2 ** (32 - Number(bits));
  }

  /** Throws when every address is in use. */
  take(): string {
    for (let tried = 0; tried < this.#count; tried += 1) {
      this.#last = (this.#last % (this.#count - 2)) + 1;
      if (this.#taken.has(this.#last)) continue;
      this.#taken.add(this.#last);
      return toText(this.#base + this.#last);
    }
    throw new Error('every address of the pod range is in use');
  }

  give(address: string): void {
    this.#taken.delete(toNumber(address) - this.#base);
  }

  /** Unique among the addresses in use, and short enough for a network device. */
  deviceOf(address: string): string {
    return `v${toNumber(address) - this.#base}`;
  }
}

function toNumber(address: string): number {
  return address.split('.').reduce((sum, part) => sum * 256 + Number(part), 0);
}

function toText(value: number): string {
  return [24, 16, 8, 0].map((shift) => Math.floor(value / 2 ** shift) % 256).join('.');
}
