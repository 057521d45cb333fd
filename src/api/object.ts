/**
 * The few parts of Kubernetes objects we rely on.
 *
 * Everything else that an object carries stays in it: these types are loose on purpose, because what is read
 * is written back, and a field we do not know is somebody else's.
 */

/** Any object of the API, as it came over the wire. */
export interface KubernetesObject {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: ObjectMeta;
  readonly [field: string]: unknown;
}

/** `metadata` of an object. Times are RFC 3339 texts, as sent. */
export interface ObjectMeta {
  readonly name: string;
  readonly namespace?: string | undefined;
  readonly uid?: string | undefined;
  readonly resourceVersion?: string | undefined;
  readonly generation?: number | undefined;
  readonly creationTimestamp?: string | undefined;
  readonly deletionTimestamp?: string | undefined;
  readonly labels?: Readonly<Record<string, string>> | undefined;
  readonly annotations?: Readonly<Record<string, string>> | undefined;
  readonly finalizers?: readonly string[] | undefined;
  readonly ownerReferences?: readonly OwnerReference[] | undefined;
  readonly managedFields?: readonly ManagedFields[] | undefined;
  readonly [field: string]: unknown;
}

/** Who an object belongs to; when the last owner goes, the object goes. */
export interface OwnerReference {
  readonly apiVersion: string;
  readonly kind: string;
  readonly name: string;
  readonly uid: string;
  readonly controller?: boolean | undefined;
  readonly blockOwnerDeletion?: boolean | undefined;
}

/** Which fields one manager wrote last, and when. */
export interface ManagedFields {
  readonly manager?: string | undefined;
  readonly operation?: string | undefined;
  readonly time?: string | undefined;
  readonly subresource?: string | undefined;
  readonly fieldsV1?: unknown;
  readonly [field: string]: unknown;
}

/** What the work queue and the caches call an object of a known kind. */
export interface ObjectKey {
  readonly namespace: string;
  readonly name: string;
}

/** Names one object of the API. */
export interface ObjectRef extends ObjectKey {
  readonly apiVersion: string;
  readonly kind: string;
}

/** A text that is equal for two references exactly when they name the same object. */
export function refKey({ apiVersion, kind, namespace, name }: ObjectRef): string {
  return `${apiVersion}/${kind}/${namespace}/${name}`;
}

/** The reference that names `object`; objects without a namespace get the empty one. */
export function refOf({ apiVersion, kind, metadata }: KubernetesObject): ObjectRef {
  return { apiVersion, kind, namespace: metadata.namespace ?? '', name: metadata.name };
}

/** `namespace/name`, as logs and messages write it. */
export function keyText({ namespace, name }: ObjectKey): string {
  return `${namespace}/${name}`;
}

/** One entry of `status.conditions`. */
export interface Condition {
  readonly type: string;
  readonly status: 'True' | 'False' | 'Unknown';
  readonly reason: string;
  readonly message?: string | undefined;
  readonly observedGeneration?: number | undefined;
  readonly lastUpdateTime?: string | undefined;
  readonly lastTransitionTime?: string | undefined;
}

/** A port by number or by the name a container gives it. */
export type IntOrString = number | string;

/** The pods a workload or a Service means. */
export interface LabelSelector {
  readonly matchLabels?: Readonly<Record<string, string>> | undefined;
  readonly matchExpressions?:
    | readonly {
        readonly key: string;
        readonly operator: string;
        readonly values?: readonly string[] | undefined;
      }[]
    | undefined;
}

export interface ContainerPort {
  readonly name?: string | undefined;
  readonly containerPort: number;
  readonly protocol?: string | undefined;
  readonly [field: string]: unknown;
}

export interface Container {
  readonly name: string;
  readonly image?: string | undefined;
  readonly ports?: readonly ContainerPort[] | undefined;
  readonly [field: string]: unknown;
}

export interface PodTemplate {
  readonly metadata?:
    | {
        readonly labels?: Readonly<Record<string, string>> | undefined;
        readonly annotations?: Readonly<Record<string, string>> | undefined;
        readonly [field: string]: unknown;
      }
    | undefined;
  readonly spec?:
    | {
        readonly containers?: readonly Container[] | undefined;
        readonly [field: string]: unknown;
      }
    | undefined;
  readonly [field: string]: unknown;
}

/** A Deployment as far as rollouts look at it. */
export interface Deployment extends KubernetesObject {
  readonly spec: {
    readonly replicas?: number | undefined;
    readonly paused?: boolean | undefined;
    readonly selector: LabelSelector;
    readonly template: PodTemplate;
    readonly strategy?:
      | {
          readonly type?: string | undefined;
          readonly rollingUpdate?:
            | {
                readonly maxUnavailable?: IntOrString | undefined;
                readonly maxSurge?: IntOrString | undefined;
              }
            | undefined;
        }
      | undefined;
    readonly [field: string]: unknown;
  };
  readonly status?:
    | {
        readonly observedGeneration?: number | undefined;
        readonly replicas?: number | undefined;
        readonly updatedReplicas?: number | undefined;
        readonly readyReplicas?: number | undefined;
        readonly availableReplicas?: number | undefined;
        readonly conditions?: readonly Condition[] | undefined;
        readonly [field: string]: unknown;
      }
    | undefined;
}

export interface ServicePort {
  readonly name?: string | undefined;
  readonly port: number;
  readonly protocol?: string | undefined;
  readonly targetPort?: IntOrString | undefined;
  readonly appProtocol?: string | undefined;
  readonly nodePort?: number | undefined;
  readonly [field: string]: unknown;
}

/** A core Service as far as rollouts look at it. */
export interface Service extends KubernetesObject {
  readonly spec: {
    readonly selector?: Readonly<Record<string, string>> | undefined;
    readonly ports?: readonly ServicePort[] | undefined;
    readonly clusterIP?: string | undefined;
    readonly type?: string | undefined;
    readonly [field: string]: unknown;
  };
}

/** A parent (usually a Gateway) or a backend of a route. */
export interface RouteReference {
  readonly group?: string | undefined;
  readonly kind?: string | undefined;
  readonly namespace?: string | undefined;
  readonly name: string;
  readonly sectionName?: string | undefined;
  readonly port?: number | undefined;
  readonly [field: string]: unknown;
}

export interface HttpRouteRule {
  readonly matches?: readonly Readonly<Record<string, unknown>>[] | undefined;
  readonly filters?: readonly Readonly<Record<string, unknown>>[] | undefined;
  readonly backendRefs?:
    | readonly (RouteReference & { readonly weight?: number | undefined })[]
    | undefined;
  readonly [field: string]: unknown;
}

/** An HTTPRoute of the Gateway API as far as rollouts look at it. */
export interface HttpRoute extends KubernetesObject {
  readonly spec: {
    readonly parentRefs?: readonly RouteReference[] | undefined;
    readonly hostnames?: readonly string[] | undefined;
    readonly rules?: readonly HttpRouteRule[] | undefined;
    readonly [field: string]: unknown;
  };
  readonly status?:
    | {
        readonly parents?:
          | readonly {
              readonly parentRef: RouteReference;
              readonly controllerName?: string | undefined;
              readonly conditions?: readonly Condition[] | undefined;
            }[]
          | undefined;
        readonly [field: string]: unknown;
      }
    | undefined;
}

/** Where the pods behind a Service can be reached. */
export interface EndpointSlice extends KubernetesObject {
  readonly endpoints?:
    | readonly {
        readonly addresses: readonly string[];
        readonly conditions?:
          | {
              readonly ready?: boolean | undefined;
              readonly serving?: boolean | undefined;
              readonly terminating?: boolean | undefined;
            }
          | undefined;
        readonly targetRef?: { readonly kind?: string; readonly name?: string } | undefined;
        readonly [field: string]: unknown;
      }[]
    | undefined;
}
