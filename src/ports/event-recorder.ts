import type { ObjectRef } from '../api/object.ts';

/** One Kubernetes Event to show at an object; equal ones are counted instead of repeated. */
export interface EventFact {
  readonly about: ObjectRef & { readonly uid: string; readonly resourceVersion?: string };
  readonly type: 'Normal' | 'Warning';
  readonly reason: string;
  readonly message: string;
}

export interface EventRecorder {
  /** Queues and returns at once; a lost event is logged and never stops a pass. */
  record(fact: EventFact): void;
  /** Sends what is queued, within the signal's time; used on exit. */
  flush(signal: AbortSignal): Promise<void>;
}
