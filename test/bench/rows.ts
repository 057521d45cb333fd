import type { Row } from './row.ts';
import { decideRow } from './rows/decide.ts';
import { idleRow, manyRow, readyRow } from './rows/idle.ts';
import { latenessRow } from './rows/lateness.ts';
import { abortRow, promotionRow } from './rows/release.ts';

/** Every row, in the order of the table. */
export const rows: readonly Row[] = [
  idleRow,
  promotionRow,
  abortRow,
  manyRow,
  latenessRow,
  readyRow,
  decideRow,
];
