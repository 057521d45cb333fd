/**
 * Judging one sample against one range, and a round's checks together.
 */

/** The answer to one query. */
export type Sample =
  | { readonly kind: 'value'; readonly value: number; readonly seriesCount?: number }
  | { readonly kind: 'noData'; readonly why: string }
  | { readonly kind: 'manySeries'; readonly values: readonly number[] };

/** Both ends inclusive. */
export interface Range {
  readonly min?: number;
  readonly max?: number;
}

/** What came of asking one check. */
export type CheckAnswer =
  | { readonly kind: 'sample'; readonly sample: Sample }
  | { readonly kind: 'unavailable'; readonly why: string }
  | { readonly kind: 'denied'; readonly why: string }
  | { readonly kind: 'invalid'; readonly why: string };
