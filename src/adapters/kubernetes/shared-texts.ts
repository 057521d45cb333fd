/**
 * Lets equal short texts of cached objects be one string in memory.
 *
 * A namespace, a label, `ClusterIP`, `RollingUpdate`: the same few texts stand in every object, and each parse makes
 * new ones. With a thousand canaries they are a third of the cache.
 */

/** Longer ones are rarely equal. */
const maxChars = 48;
/** Then we start over: what is in use has been shared, and the map must not become the leak. */
const maxTexts = 20_000;
/** Their values are never equal to anything else's. */
const unique = new Set(['uid', 'resourceVersion', 'continue']);
/** A third of an object, and dropped as soon as it has been looked at. */
const passing = 'managedFields';

export class SharedTexts {
  readonly #texts = new Map<string, string>();

  /** Works in place: for values that were just parsed and that nobody else has. Returns the value. */
  share<T>(value: T): T {
    if (typeof value === 'object' && value !== null) this.#within(value);
    return value;
  }

  #within(value: object): void {
    for (const [key, item] of Object.entries(value)) {
      if (typeof item === 'object' && item !== null) {
        if (key !== passing) this.#within(item);
      } else if (typeof item === 'string' && item.length <= maxChars && !unique.has(key)) {
        Reflect.set(value, key, this.#one(item));
      }
    }
  }

  #one(text: string): string {
    const known = this.#texts.get(text);
    if (known !== undefined) return known;
    if (this.#texts.size >= maxTexts) this.#texts.clear();
    this.#texts.set(text, text);
    return text;
  }
}
