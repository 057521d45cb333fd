/**
 * The annotations that we and our neighbours put on objects: all keys in one place.
 *
 * `follow` is for users; the others are notes to our own next pass, kept on the object itself so that a write and
 * what it was for arrive together.
 */

const prefix = 'serin.dev/';

export const marks = {
  /** What our last write of traffic to this object said (JSON). */
  applied: `${prefix}applied`,
  /** Uid of the Canary that adopted this object. */
  adoptedBy: `${prefix}adopted-by`,
  /** `spec.selector` of an adopted Service before we took it (JSON). */
  formerSelector: `${prefix}former-selector`,
  /** What we did to the ports of an adopted Service (JSON). */
  addedPorts: `${prefix}added-ports`,
  /** `spec` of an adopted route before we took it (JSON). */
  formerSpec: `${prefix}former-spec`,
  /** Written so that a write still under way finds another version. */
  touched: `${prefix}touched`,
  /** Revision that a primary holds. */
  revision: `${prefix}revision`,
  /** Other managers that wrote the status of this Canary, and when we answered (JSON). */
  statusWriters: `${prefix}status-writers`,
  /** `none`: leave this Service alone although it selects the pods of a target. */
  follow: `${prefix}follow`,
  /** The Flux annotations of an adopted object that are ours, separated by commas. */
  silenced: `${prefix}silenced`,
} as const;

/** Tell Flux not to take back what we write. */
export const fluxMarks: Readonly<Record<string, string>> = {
  'helm.toolkit.fluxcd.io/driftDetection': 'disabled',
  'kustomize.toolkit.fluxcd.io/reconcile': 'disabled',
};

/** Flagger's random id on the pods of a primary, written at each of its promotions. */
export const flaggerId = 'flagger-id';

/** The last manifest that `kubectl apply` was given. */
export const kubectlLastApplied = 'kubectl.kubernetes.io/last-applied-configuration';

/** Whether a label or annotation is a note of ours. */
export function isMark(key: string): boolean {
  return key.startsWith(prefix);
}

/** Whether a label or annotation is bookkeeping of Flux, which must not travel to objects that Flux does not know. */
export function isFluxKey(key: string): boolean {
  return key.includes('toolkit.fluxcd.io');
}
