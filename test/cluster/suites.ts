/** The suites of `npm run test:cluster`, in the order in which they run. */

export interface Suite {
  readonly name: string;
  /** Part of the paths of its files. */
  readonly files: string;
  /**
   * In the one cluster that several suites share, in a cluster of its own (it stops parts of it), or on the
   * machine itself, where it starts clusters.
   */
  readonly place: 'shared' | 'own' | 'machine';
}

export const suites: readonly Suite[] = [
  { name: 'launcher', files: 'test/cluster/launcher', place: 'machine' },
  { name: 'node', files: 'test/cluster/node/', place: 'shared' },
  { name: 'contract', files: 'test/cluster/contract/', place: 'shared' },
  { name: 'scenarios', files: 'test/cluster/scenarios/', place: 'shared' },
  // Last in its cluster: it judges what the suites before it made the operator do.
  { name: 'permissions', files: 'test/cluster/permissions', place: 'shared' },
  { name: 'faults', files: 'test/cluster/faults/', place: 'own' },
  { name: 'outages', files: 'test/cluster/outages/', place: 'own' },
];
