/** What happened in a trial, line by line, for whoever has to find out why it failed. */
import type { RequestRecord } from '../../src/sandbox/api-server/server.ts';
import { describe } from '../transcripts/transcript.ts';
import type { World } from './world.ts';

export class Story {
  readonly #world: World;
  readonly #entries: { readonly at: number; readonly what: string | RequestRecord }[] = [];

  constructor(world: World) {
    this.#world = world;
    world.server.onRequest((record) => {
      const { userAgent, verb } = record;
      const isRead = verb === 'get' || verb === 'list' || verb === 'watch';
      if (userAgent.startsWith('serin/') && !isRead) this.#add(record);
    });
  }

  note(text: string): void {
    this.#add(`-- ${text}`);
  }

  text(): string {
    return this.#entries
      .flatMap(({ at, what }) => (typeof what === 'string' ? [{ at, text: what }] : said(at, what)))
      .map(({ at, text }) => `${(at / 1_000).toFixed(3).padStart(8)}  ${text}`)
      .join('\n');
  }

  #add(what: string | RequestRecord): void {
    this.#entries.push({ at: this.#world.clock.monotonic(), what });
  }
}

function said(at: number, record: RequestRecord): { at: number; text: string }[] {
  const writer = record.userAgent.slice('serin/'.length);
  return describe(record).map(({ text }) => ({ at, text: `[${writer}] ${text}` }));
}
