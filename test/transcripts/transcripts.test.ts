import { mkdirSync, readFileSync, writeFileSync, existsSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';

import { play, scenarios } from './scenarios.ts';
import { takeOvers } from './take-over.ts';

const folder = path.join(import.meta.dirname, 'golden');

/** `UPDATE=1` rewrites the files; a change of behaviour is then read as a change of a story. */
describe('transcripts of whole rollouts', () => {
  it.each([...scenarios, ...takeOvers].map((scenario) => [scenario.name, scenario] as const))(
    'tells the story of %s',
    async (name, scenario) => {
      const file = path.join(folder, `${name.replaceAll(/[^a-z0-9]+/gi, '-')}.txt`);
      const text = await play(scenario);
      if (process.env['UPDATE'] === '1') {
        mkdirSync(folder, { recursive: true });
        writeFileSync(file, text);
      }
      expect(existsSync(file), `${file} is missing: run with UPDATE=1 and read what it says`).toBe(
        true,
      );
      expect(text).toBe(readFileSync(file, 'utf8'));
    },
  );
});
