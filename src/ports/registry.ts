import { DefectError, InvalidError } from '../errors.ts';

type Named = { readonly name: string } | { readonly names: readonly string[] };

/** Adapters by the names that users write. */
export interface Registry<T> {
  /** Every name, in the order of registration; the first of each adapter is its main spelling. */
  readonly names: readonly string[];
  readonly entries: readonly T[];
  find(name: string): T | undefined;
  /** Like `find`; throws `InvalidError` (`UnknownName`) that lists the names there are. */
  get(name: string): T;
}

/** Builds a registry of adapters; `what` says in messages what they are. A name that is given twice is a defect. */
export function registry<T extends Named>(what: string, entries: readonly T[]): Registry<T> {
  const byName = new Map<string, T>();
  for (const entry of entries) {
    for (const name of namesOf(entry)) {
      if (byName.has(name)) {
        throw new DefectError(`two adapters for ${what} "${name}"`, { reason: 'InternalError' });
      }
      byName.set(name, entry);
    }
  }
  const names = [...byName.keys()];
  return {
    names,
    entries,
    find: (name) => byName.get(name),
    get(name) {
      const entry = byName.get(name);
      if (entry !== undefined) return entry;
      throw new InvalidError(`unknown ${what} "${name}"; known: ${names.join(', ')}`, {
        reason: 'UnknownName',
        details: { name },
      });
    },
  };
}

function namesOf(entry: Named): readonly string[] {
  return 'names' in entry ? entry.names : [entry.name];
}
