/** What every part of the server shares. */

import type { Registry } from './registry.ts';
import type { Store } from './store.ts';

export interface ServerContext {
  readonly store: Store;
  readonly registry: Registry;
  /** Epoch milliseconds. */
  readonly now: () => number;
  /** From 0 up to 1; the only source of randomness. */
  readonly random: () => number;
}

const HEX = '0123456789abcdef';
/** No vowels and nothing that looks like one: suffixes form no words. */
const SUFFIX = 'bcdfghjklmnpqrstvwxz2456789';

function pick(alphabet: string, length: number, random: () => number): string {
  let text = '';
  for (let index = 0; index < length; index++)
    text += alphabet[Math.floor(random() * alphabet.length)] ?? '';
  return text;
}

export function newUid(random: () => number): string {
  const hex = pick(HEX, 30, random);
  const variant = '89ab'[Math.floor(random() * 4)] ?? '8';
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-4${hex.slice(12, 15)}-${variant}${hex.slice(15, 18)}-${hex.slice(18, 30)}`;
}

export function newSuffix(random: () => number): string {
  return pick(SUFFIX, 5, random);
}
