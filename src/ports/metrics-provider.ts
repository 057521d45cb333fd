import type { Sample } from '../core/analysis.ts';

/** One question to a metrics backend. */
export interface MetricsProvider {
  /**
   * Answers one query with one number, or says why there is none. `at` is the evaluation time, epoch
   * milliseconds, shared by all queries of a round.
   *
   * Throws `InvalidError` for a query the backend cannot run or an answer nobody can read, `DeniedError` when it
   * refuses us, `UnavailableError` when it does not answer before `signal` aborts.
   */
  query(query: string, at: number, signal: AbortSignal): Promise<Sample>;
}

/** Where a backend is and how to log in; from a MetricTemplate and its Secret, or from the settings. */
export interface MetricsAccess {
  readonly type: string;
  readonly address: string;
  readonly headers: Readonly<Record<string, readonly string[]>>;
  readonly insecureSkipVerify: boolean;
  /** Decoded values of the Secret, when there is one. Never to be logged. */
  readonly secret: Readonly<Record<string, string>> | undefined;
}

/** Builds the provider for one access; the same access gives the same provider. Throws `InvalidError`. */
export interface MetricsProviderKind {
  readonly name: string;
  create(access: MetricsAccess): MetricsProvider;
}
