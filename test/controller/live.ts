/**
 * Simulated time beside real connections: an operator in memory that asks a real HTTP server.
 */
import { setTimeout as sleep } from 'node:timers/promises';

import { webhookClient } from '../../src/adapters/gates/webhook-client.ts';
import { metricsProviders } from '../../src/adapters/metrics/registry.ts';
import { notifiers } from '../../src/adapters/notifiers/registry.ts';
import type { OperatorParts } from '../../src/operator.ts';
import type { Stage } from './stage.ts';

/** Counts what is on its way, so that simulated time can wait for it. */
export class Wire {
  #underWay = 0;

  get isBusy(): boolean {
    return this.#underWay > 0;
  }

  async carry<T>(exchange: Promise<T>): Promise<T> {
    this.#underWay += 1;
    try {
      return await exchange;
    } finally {
      this.#underWay -= 1;
    }
  }

  /** The real adapters, each with its calls counted. */
  parts(): Pick<OperatorParts, 'metrics' | 'notifiers'> {
    return {
      metrics: {
        get: (type) => ({
          name: type,
          create: (access) => {
            const provider = metricsProviders.get(type).create(access);
            return {
              query: (query, at, signal) => this.carry(provider.query(query, at, signal)),
            };
          },
        }),
      },
      notifiers: {
        get: (type) => ({
          name: type,
          send: (access, message, signal) =>
            this.carry(notifiers.get(type).send(access, message, signal)),
        }),
      },
    };
  }

  /** The real client of webhooks, its time limits on the clock of the stage. */
  webhooks(stage: Stage): OperatorParts['webhooks'] {
    const client = webhookClient(stage.world.clock);
    return { call: (call, signal) => this.carry(client.call(call, signal)) };
  }

  /**
   * Moves time on until it is so. What is on its way gets a few real milliseconds for each simulated tenth of a
   * second: an answer arrives long before a time limit of seconds, and one that never comes runs into it.
   */
  async until(stage: Stage, what: string, isSo: () => boolean, limitMs = 600_000): Promise<void> {
    for (let leftMs = limitMs; leftMs > 0; leftMs -= 100) {
      for (let turns = 0; this.isBusy && turns < 8; turns += 1) {
        await sleep(1);
        await stage.pass(0);
      }
      if (isSo()) return;
      await stage.pass(100);
    }
    throw new Error(`${what} did not happen; status: ${JSON.stringify(stage.status(), null, 1)}`);
  }

  async pass(stage: Stage, ms: number): Promise<void> {
    const until = stage.world.clock.monotonic() + ms;
    await this.until(stage, 'time', () => stage.world.clock.monotonic() >= until, ms + 1_000);
  }

  async untilPhase(stage: Stage, phase: string, limitMs = 600_000): Promise<void> {
    await this.until(stage, `phase ${phase}`, () => stage.status().phase === phase, limitMs);
  }
}
