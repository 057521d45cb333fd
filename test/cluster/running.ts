/** Finds clusters that run on this machine, by their processes: there is no file that could be out of date. */
import { readdirSync, readFileSync } from 'node:fs';

export interface Found {
  /** Its launcher's child outside: what `npm run cluster` prints. */
  readonly id: number;
  /** Of the first process inside, as seen from here. */
  readonly pid: number;
  /** Its PATH, which names the cluster's programs first. */
  readonly path: string;
}

/** Throws when none runs, or several and `id` does not say which. */
export function runningCluster(id?: number): Found {
  const all = readdirSync('/proc')
    .map(Number)
    .filter((pid) => pid > 0)
    .flatMap(clusterOf);
  const found = id === undefined ? all : all.filter((one) => one.id === id);
  const [first, ...others] = found;
  if (first === undefined) {
    throw new Error(
      id === undefined ? 'no cluster is running: npm run cluster' : `no cluster ${id} is running`,
    );
  }
  if (others.length === 0) return first;
  const ids = found.map((one) => one.id).join(', ');
  throw new Error(`several clusters are running: say which with exec --id N (${ids})`);
}

function clusterOf(pid: number): readonly Found[] {
  try {
    const words = readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0');
    if (words[0] !== 'unshare' || !words.some((word) => word.endsWith('/cluster/inside.ts')))
      return [];
    const first = firstProcessInside(pid);
    if (first === undefined) return [];
    const environment = readFileSync(`/proc/${first}/environ`, 'utf8').split('\0');
    const path = environment.find((entry) => entry.startsWith('PATH='))?.slice('PATH='.length);
    return [{ id: pid, pid: first, path: path ?? '' }];
  } catch (error) {
    if (isGone(error)) return [];
    throw error;
  }
}

/** `unshare` itself stays outside; its only child is process 1 inside. */
export function firstProcessInside(unshare: number): number | undefined {
  const children = readFileSync(`/proc/${unshare}/task/${unshare}/children`, 'utf8').trim();
  return children === '' ? undefined : Number(children);
}

/** Processes come and go while one looks. */
function isGone(error: unknown): boolean {
  return (
    error instanceof Error && 'code' in error && ['ENOENT', 'ESRCH'].includes(String(error.code))
  );
}
