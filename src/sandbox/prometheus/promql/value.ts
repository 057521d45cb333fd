/** What expressions evaluate to. */
import type { Labels } from '../labels.ts';

export interface VectorSample {
  readonly labels: Labels;
  readonly value: number;
}

export interface Point {
  readonly tMs: number;
  readonly value: number;
}

export interface RangeSeries {
  readonly labels: Labels;
  /** Never empty, without stale markers, oldest first. */
  readonly points: readonly Point[];
}

/** A range vector with the window it was cut from. */
export interface RangeVector {
  readonly series: readonly RangeSeries[];
  readonly startMs: number;
  readonly endMs: number;
}

/** The answer to an instant query. */
export type QueryResult =
  | { readonly type: 'scalar'; readonly value: number }
  | { readonly type: 'string'; readonly value: string }
  | { readonly type: 'vector'; readonly samples: readonly VectorSample[] }
  | { readonly type: 'matrix'; readonly series: readonly RangeSeries[] };
