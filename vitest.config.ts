import { defineConfig } from 'vitest/config';

const minute = 60_000;

/**
 * The suites of `npm test`, in the order in which they run. What has no folder of its own in this
 * list is a unit test.
 *
 * Suites of one group share the two workers. The simulation computes for minutes, and the
 * end-to-end suite watches real processes by the clock, so neither shares the machine.
 */
const suites = [
  { name: 'architecture', folders: ['architecture'], timeoutMs: minute, group: 0 },
  { name: 'contract', folders: ['contract'], timeoutMs: minute, group: 0 },
  {
    name: 'property',
    folders: ['machine', 'promises', 'transcripts'],
    timeoutMs: 10 * minute,
    group: 1,
  },
  { name: 'simulation', folders: ['simulate', 'mutants'], timeoutMs: 30 * minute, group: 2 },
  { name: 'e2e', folders: ['e2e'], timeoutMs: 5 * minute, group: 3 },
];

const includes = (folders: readonly string[]) => folders.map((name) => `test/${name}/**/*.test.ts`);
const foldersWithAName = suites.flatMap(({ folders }) => folders);

export default defineConfig({
  test: {
    pool: 'forks',
    maxWorkers: 2,
    allowOnly: false,
    projects: [
      {
        extends: true,
        test: {
          name: 'unit',
          include: ['test/**/*.test.ts'],
          exclude: includes(foldersWithAName),
          testTimeout: minute / 2,
        },
      },
      // What needs a real cluster: see test/cluster/test.ts.
      {
        extends: true,
        test: {
          name: 'cluster',
          include: ['test/cluster/**/*.cluster.ts'],
          // They wait for minutes side by side.
          maxConcurrency: 12,
          testTimeout: 10 * minute,
          hookTimeout: 5 * minute,
        },
      },
      // What starts clusters of its own, one after the other.
      {
        extends: true,
        test: {
          name: 'machine',
          include: ['test/cluster/**/*.machine.ts'],
          testTimeout: 10 * minute,
          hookTimeout: 5 * minute,
          fileParallelism: false,
        },
      },
      ...suites.map(({ name, folders, timeoutMs, group }) => ({
        extends: true as const,
        test: {
          name,
          include: includes(folders),
          testTimeout: timeoutMs,
          hookTimeout: timeoutMs,
          sequence: { groupOrder: group },
          fileParallelism: name !== 'e2e',
        },
      })),
    ],
  },
});
