/**
 * Smooth weighted round robin: over as many requests as the weights add up to, each backend gets exactly its
 * weight, spread out as evenly as can be. No dice, so that shares can be counted.
 */
export class SmoothShares {
  readonly #turns = new Map<string, number[]>();

  /** The index of the backend whose turn it is; `undefined` when no weight is above zero. */
  pick(id: string, weights: readonly number[]): number | undefined {
    const sum = weights.reduce((total, weight) => total + weight, 0);
    if (sum <= 0) return undefined;
    const turns = this.#turnsOf(id, weights);
    let best: number | undefined;
    weights.forEach((weight, index) => {
      turns[index] = (turns[index] ?? 0) + weight;
      if (weight > 0 && (best === undefined || turns[index] > (turns[best] ?? 0))) best = index;
    });
    if (best !== undefined) turns[best] = (turns[best] ?? 0) - sum;
    return best;
  }

  /** Other weights are another sequence; it starts from the beginning. */
  #turnsOf(id: string, weights: readonly number[]): number[] {
    const key = `${id} ${weights.join('/')}`;
    let turns = this.#turns.get(key);
    if (turns === undefined) {
      for (const old of this.#turns.keys()) if (old.startsWith(`${id} `)) this.#turns.delete(old);
      turns = weights.map(() => 0);
      this.#turns.set(key, turns);
    }
    return turns;
  }
}
