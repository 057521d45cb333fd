import type { KubernetesObject } from '../api/object.ts';
import type { Workload } from '../core/workload.ts';

/** The pod label that tells the two sides apart: `app: cart` and `app: cart-primary`. */
export interface SelectorLabel {
  readonly key: string;
  readonly value: string;
}

export interface DiscoveredPort {
  readonly name: string;
  readonly port: number;
}

export interface CopyOptions {
  /** Prefixes of the labels and annotations that the primary takes over; `*` for all. */
  readonly includeLabelPrefixes: readonly string[];
  /** Labels whose value is the workload's name and gets `-primary` in affinity and spread rules. */
  readonly selectorLabels: readonly string[];
}

/**
 * What we do to one kind of target. Pure: objects in, objects out; the controller reads and writes.
 */
export interface WorkloadKind {
  readonly apiVersion: string;
  readonly kind: string;
  /** Reads what the core needs. `hash` computes a revision from a pod template. */
  view(object: KubernetesObject, hash: (template: unknown) => string): Workload;
  /** The first of `selectorLabels` in the target's selector. `undefined`: we cannot split it. */
  selectorLabel(
    object: KubernetesObject,
    selectorLabels: readonly string[],
  ): SelectorLabel | undefined;
  ports(object: KubernetesObject): readonly DiscoveredPort[];
  /** The primary to create, at least one replica, serving the target's template. No owner references: the caller adds them. */
  createPrimary(
    target: KubernetesObject,
    label: SelectorLabel,
    options: CopyOptions,
  ): KubernetesObject;
  /**
   * The primary with the target's template, whole; never fewer replicas than it has. Reports in `safer` when the
   * update strategy had to be replaced by 25 %/25 % because the target's would take every pod away at once.
   */
  promote(
    primary: KubernetesObject,
    target: KubernetesObject,
    label: SelectorLabel,
    options: CopyOptions,
  ): { readonly object: KubernetesObject; readonly safer: string | undefined };
  /**
   * The target's template: of a target its own, of a primary the one it was made from, its names exchanged back.
   * The same object for the same input, so that its hash can be remembered. `options` as at promotion.
   */
  templateOf(
    object: KubernetesObject,
    label: SelectorLabel,
    side: 'target' | 'primary',
    options: CopyOptions,
  ): unknown;
  /** Why this target can never be rolled out safely (`UnsafeStrategy`); `undefined` when it can. */
  unsafe(target: KubernetesObject): string | undefined;
}
