import type { Row } from './row.ts';
import { decideRow } from './rows/decide.ts';

/** Every row, in the order of the table. */
export const rows: readonly Row[] = [decideRow];
