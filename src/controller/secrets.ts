/**
 * Secrets, read by name when they are needed and kept for a short while.
 *
 * They are never listed or watched: that would need permission to read them all. What was read is asked for again
 * after a minute, or at once when the other side refuses the credentials, so that a rotated Secret is taken up.
 */
import type { ObjectKey } from '../api/object.ts';
import { InvalidError } from '../errors.ts';
import type { Clock } from '../ports/clock.ts';
import type { Cluster } from '../ports/cluster.ts';

const keepMs = 60_000;

interface Kept {
  readonly values: Readonly<Record<string, string>>;
  readonly readAt: number;
}

export class Secrets {
  readonly #cluster: Cluster;
  readonly #clock: Clock;
  readonly #kept = new Map<string, Kept>();

  constructor(cluster: Cluster, clock: Clock) {
    this.#cluster = cluster;
    this.#clock = clock;
  }

  /** Decoded values. Throws `InvalidError` (`SecretNotFound`) that names the Secret, never what is in it. */
  async read(
    { namespace, name }: ObjectKey,
    signal: AbortSignal,
  ): Promise<Readonly<Record<string, string>>> {
    const key = `${namespace}/${name}`;
    const kept = this.#kept.get(key);
    const now = this.#clock.monotonic();
    if (kept !== undefined && now - kept.readAt < keepMs) return kept.values;
    const secret = await this.#cluster.read(
      { apiVersion: 'v1', kind: 'Secret', namespace, name },
      signal,
    );
    if (secret === undefined) {
      this.#kept.delete(key);
      throw new InvalidError(`Secret ${key} does not exist`, {
        reason: 'SecretNotFound',
        details: { secret: key },
      });
    }
    const values = decoded(secret['data']);
    this.#kept.set(key, { values, readAt: now });
    return values;
  }

  /** The other side refused what was in it. */
  forget({ namespace, name }: ObjectKey): void {
    this.#kept.delete(`${namespace}/${name}`);
  }
}

function decoded(data: unknown): Readonly<Record<string, string>> {
  if (typeof data !== 'object' || data === null) return {};
  return Object.fromEntries(
    Object.entries(data).map(([key, value]) => [
      key,
      Buffer.from(String(value), 'base64').toString('utf8'),
    ]),
  );
}
