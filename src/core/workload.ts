/**
 * What the core knows of one workload: the target or the primary.
 */
export interface Workload {
  readonly name: string;
  readonly uid: string;
  readonly generation: number;
  readonly observedGeneration: number;
  /** Hash of the pod template without what is ours, `<algorithm>:<hex>`. */
  readonly revision: string;
  /** `spec.replicas`. */
  readonly replicas: number;
  readonly status: {
    readonly replicas: number;
    readonly updated: number;
    readonly available: number;
  };
  readonly paused: boolean;
  /** The workload itself says that its rollout passed its own deadline. */
  readonly progressDeadlineExceeded: boolean;
  /** Being deleted. */
  readonly deleting: boolean;
  /** `metadata.annotations`, `metadata.labels` are read where needed from the object. */
  readonly annotations: Readonly<Record<string, string>>;
}
