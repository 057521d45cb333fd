/**
 * Where the programs of a test cluster come from: built, fetched or found, and kept in the cache of the
 * user. What cannot be had is named with the reason; whether one can do without is the caller's choice.
 */
import { type Contents, create, lookUp } from './cache.ts';
import { NotProvided, reasonOf } from './command.ts';
import { inLane, lanes } from './lanes.ts';
import { type ManifestName, manifestNames, type Name, type ProgramName } from './names.ts';
import { plan } from './plan.ts';
import type { Source } from './source.ts';
import { thisMachine, type World } from './world.ts';

export interface Missing {
  readonly name: Name;
  readonly why: string;
}

export interface Provided {
  /** Absolute, of the programs that could be had. */
  readonly paths: Readonly<Partial<Record<ProgramName, string>>>;
  /** Without a leading `v`. */
  readonly versions: Readonly<Partial<Record<Name, string>>>;
  readonly origins: Readonly<Partial<Record<Name, string>>>;
  /** Absolute paths of YAML files, in the order in which they are to be applied. */
  readonly files: Readonly<Partial<Record<ManifestName, readonly string[]>>>;
  readonly missing: readonly Missing[];
}

/** What is not kept in the cache is built or fetched, which `say` hears of; nothing is installed. */
export async function provide(
  wanted: readonly Name[],
  say: (line: string) => void,
  world: World = thisMachine(),
): Promise<Provided> {
  const { sources, refused } = await plan(wanted, world);
  const outcomes = await Promise.all(
    lanes.map((lane) =>
      travel(
        sources.filter((source) => source.lane === lane),
        say,
        world,
      ),
    ),
  );
  const refusals = refused.map(({ names, why }) => ({ names, result: { why } }));
  return gather([...refusals, ...outcomes.flat()]);
}

/** The path of a program that one cannot do without; throws the reason why it is missing. */
export function pathOf({ paths, missing }: Provided, name: ProgramName): string {
  return paths[name] ?? lacking(name, missing);
}

/** The files of a set of manifests that one cannot do without; throws the reason why they are missing. */
export function filesOf({ files, missing }: Provided, name: ManifestName): readonly string[] {
  return files[name] ?? lacking(name, missing);
}

function lacking(name: Name, missing: readonly Missing[]): never {
  const why = missing.find((each) => each.name === name)?.why ?? 'it was not asked for';
  throw new NotProvided(`${name} is missing: ${why}`);
}

interface Obtained {
  readonly names: readonly Name[];
  readonly result: Contents | { readonly why: string };
}

/** One after the other, because the sources of one lane share its tool. */
async function travel(
  sources: readonly Source[],
  say: (line: string) => void,
  world: World,
): Promise<readonly Obtained[]> {
  const outcomes: Obtained[] = [];
  for (const source of sources) {
    outcomes.push({ names: source.gives, result: await obtain(source, say, world) });
  }
  return outcomes;
}

async function obtain(
  { lane, recipe, announcement }: Source,
  say: (line: string) => void,
  world: World,
): Promise<Obtained['result']> {
  try {
    return (
      lookUp(world.cache, recipe) ??
      (await inLane(
        world.cache,
        lane,
        async () => {
          // Who has waited for another process finds what that one made.
          const made = lookUp(world.cache, recipe);
          if (made !== undefined) return made;
          if (announcement !== undefined) say(announcement);
          return await create(world.cache, recipe);
        },
        () => say(`waiting for another process (${recipe.name})`),
      ))
    );
  } catch (error) {
    return { why: reasonOf(error) };
  }
}

function gather(outcomes: readonly Obtained[]): Provided {
  const paths: Partial<Record<ProgramName, string>> = {};
  const versions: Partial<Record<Name, string>> = {};
  const origins: Partial<Record<Name, string>> = {};
  const files: Partial<Record<ManifestName, readonly string[]>> = {};
  const missing: Missing[] = [];
  for (const { names, result } of outcomes) {
    for (const name of names) {
      if ('why' in result) {
        missing.push({ name, why: result.why });
        continue;
      }
      const { files: found = [], version } = result.items[name] ?? {};
      const [first] = found;
      if (first === undefined || version === undefined) {
        throw new Error(`the cached entry of ${name} does not hold it`);
      }
      versions[name] = version;
      origins[name] = result.origin;
      if (isManifest(name)) files[name] = found;
      else paths[name] = first;
    }
  }
  return { paths, versions, origins, files, missing };
}

function isManifest(name: Name): name is ManifestName {
  return manifestNames.some((each) => each === name);
}
