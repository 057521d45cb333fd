import type { TableGenerators } from './markdown.ts';

/**
 * The tables of the written pages that are made from the code. To add one: a line here, and
 * `<!-- table:NAME -->` and `<!-- /table -->` in a page; `UPDATE=1 npm test -- readme` fills it.
 */
export const tables: TableGenerators = {};
