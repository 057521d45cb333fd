/**
 * Provides everything that a test cluster is made of, and prints what there is:
 *
 *   node test/cluster/programs/main.ts
 *
 * Exits with 1 when something is missing.
 */
import { allNames, type Name } from './names.ts';
import { type Provided, provide } from './programs.ts';

/** A set of manifests has a line for each of its files. */
function rowsOf({ paths, files, versions, origins }: Provided, name: Name): readonly string[][] {
  const places: Readonly<Partial<Record<Name, string | readonly string[]>>> = {
    ...paths,
    ...files,
  };
  return [places[name] ?? []]
    .flat()
    .map((place, index) =>
      index === 0 ? [name, versions[name] ?? '', origins[name] ?? '', place] : ['', '', '', place],
    );
}

function table(rows: readonly (readonly string[])[]): string {
  const widths = [0, 1, 2].map((column) =>
    Math.max(...rows.map((row) => row[column]?.length ?? 0)),
  );
  return rows
    .map((row) => row.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join('  '))
    .join('\n');
}

const provided = await provide(allNames, (line) => process.stderr.write(`${line}\n`));
const rows = allNames.flatMap((name) => rowsOf(provided, name));
process.stdout.write(`${table([['name', 'version', 'from', 'path'], ...rows])}\n`);
for (const { name, why } of provided.missing) process.stdout.write(`missing: ${name}: ${why}\n`);
process.exitCode = provided.missing.length > 0 ? 1 : 0;
