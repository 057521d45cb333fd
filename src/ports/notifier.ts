/** One message for people, as plain facts; a notifier gives it its looks. */
export interface Message {
  /** Equal ids are the same fact said twice. Shown in the message. */
  readonly id: string;
  readonly severity: 'info' | 'warn' | 'error';
  /** `<canary>.<namespace>` */
  readonly author: string;
  readonly text: string;
  readonly fields: readonly { readonly title: string; readonly value: string }[];
}

export interface NotifierAccess {
  /** Incoming-webhook URL, or `https://slack.com/api/chat.postMessage` with a token. Secret: never logged. */
  readonly address: string;
  readonly token: string | undefined;
  readonly channel: string;
  readonly username: string;
  readonly proxy: string | undefined;
}

/**
 * Delivers one message. Resolves when the receiver has taken it; throws `InvalidError` when repeating is
 * pointless (404, an unknown channel), `DeniedError` for refused credentials, `UnavailableError` otherwise.
 * No address, token or answer body with secrets may be in what it throws.
 */
export interface NotifierKind {
  readonly name: string;
  send(access: NotifierAccess, message: Message, signal: AbortSignal): Promise<void>;
}
