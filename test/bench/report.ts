import type { Machine } from './machine.ts';
import type { Figure } from './row.ts';

/** The table for people. A figure that misses is marked; the peer has a column when one of its figures is known. */
export function tableOf(figures: readonly Figure[]): string {
  const hasPeer = figures.some(({ peer }) => peer !== undefined);
  const rows = figures.map((figure) => [
    figure.reached ? ' ' : '✗',
    figure.measure,
    ...(hasPeer ? [figure.peer ?? '–'] : []),
    figure.mustReach,
    figure.measured,
  ]);
  const head = ['', 'Measure', ...(hasPeer ? ['Peer'] : []), 'Must reach', 'Measured'];
  const all = [head, ...rows];
  const widths = head.map((_, column) => Math.max(...all.map((row) => row[column]?.length ?? 0)));
  const line = (row: readonly string[]) =>
    row
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join('  ')
      .trimEnd();
  const rule = widths.map((width) => '-'.repeat(width));
  return [line(head), line(rule), ...rows.map(line), ...remarksOf(figures)].join('\n');
}

function remarksOf(figures: readonly Figure[]): readonly string[] {
  const missed = figures.filter(({ reached }) => !reached);
  return [
    ...figures.flatMap(({ measure, remarks = [] }) =>
      remarks.length === 0 ? [] : ['', measure, ...remarks.map((remark) => `  ${remark}`)],
    ),
    '',
    missed.length === 0
      ? 'Every measure is reached.'
      : `Missed: ${missed.map(({ measure }) => measure).join('; ')}`,
  ];
}

export function describe(machine: Machine, loadAfter: number): string {
  const { processor, cores, memoryGiB, kernel, node, commit, load } = machine;
  return [
    `Machine: ${cores} × ${processor}, ${memoryGiB} GiB, ${kernel}`,
    `Node.js ${node}, commit ${commit}, load ${load} before and ${loadAfter} after`,
  ].join('\n');
}
