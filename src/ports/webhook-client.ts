/** A call to a system outside the cluster that a user named in `spec.analysis.webhooks`. */
export interface WebhookCall {
  readonly url: string;
  readonly timeoutMs: number;
  /** Extra attempts after the first. */
  readonly retries: number;
  readonly disableTLS: boolean;
  readonly body: unknown;
}

/** What the other side said. `unreachable`: nothing we understand, after all attempts. */
export type WebhookAnswer =
  | { readonly kind: 'yes' }
  | { readonly kind: 'no'; readonly status: number; readonly text: string }
  | { readonly kind: 'unreachable'; readonly why: string };

export interface WebhookClient {
  /** Never throws for what the other side does; resolves early with `unreachable` when `signal` aborts. */
  call(call: WebhookCall, signal: AbortSignal): Promise<WebhookAnswer>;
}
