/** Names that follow from content, as Kubernetes' controllers make them: short, safe, always the same. */

// Without vowels and look-alikes, so that no name spells a word.
const ALPHABET = 'bcdfghjklmnpqrstvwxz2456789';

/** FNV-1a, 32 bits. */
export function fnv1a(text: string): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) {
    hash ^= text.charCodeAt(i);
    hash = Math.imul(hash, 0x01000193);
  }
  return hash >>> 0;
}

/** The hash of a pod template, as it appears in names and in the label `pod-template-hash`. */
export function templateHash(template: object, collisions: number): string {
  const digits = String(fnv1a(canonical(template) + (collisions > 0 ? `#${collisions}` : '')));
  return digits.replaceAll(/./g, (digit) => ALPHABET[digit.charCodeAt(0) % ALPHABET.length] ?? '');
}

/** Five characters for the end of a pod's or slice's name. */
export function suffix(seed: string): string {
  let rest = fnv1a(seed);
  let text = '';
  for (let i = 0; i < 5; i++) {
    text += ALPHABET[rest % ALPHABET.length];
    rest = Math.floor(rest / ALPHABET.length);
  }
  return text;
}

const texts = new WeakMap<object, string>();

/** JSON with sorted keys; objects from the API server are frozen, so each is written once. */
export function canonical(value: object): string {
  const known = texts.get(value);
  if (known !== undefined) return known;
  const text = JSON.stringify(sorted(value));
  if (Object.isFrozen(value)) texts.set(value, text);
  return text;
}

function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value)
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([key, inner]) => [key, sorted(inner)]),
  );
}
