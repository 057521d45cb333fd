/**
 * The fields of a pod that the agent understands, written out.
 *
 * A pod with any other field is refused as a whole: one that runs without a field it asked for would pass tests that
 * mean nothing. `noEffect` marks fields that change nothing about a process on a single node without limits.
 */

import { isRecord } from '../../../src/adapters/kubernetes/kinds.ts';
import type { Pod } from './types.ts';

type Shape = 'used' | 'noEffect' | ((value: unknown) => boolean) | Fields | Items;
interface Fields {
  readonly fields: Readonly<Record<string, Shape>>;
}
interface Items {
  readonly each: Shape;
}

const used = 'used' as const;
const noEffect = 'noEffect' as const;
const oneOf =
  (...values: readonly unknown[]) =>
  (value: unknown): boolean =>
    values.includes(value);
const onlyFalse = oneOf(false);
const fields = (shapes: Readonly<Record<string, Shape>>): Fields => ({ fields: shapes });
const each = (shape: Shape): Items => ({ each: shape });

const seccompProfile = fields({ type: oneOf('RuntimeDefault', 'Unconfined') });
const keyReference = fields({ name: used, key: used, optional: used });
const objectReference = fields({ name: used, optional: used });
const fieldReference = fields({ apiVersion: noEffect, fieldPath: used });
const keysAsFiles = { items: each(fields({ key: used, path: used, mode: used })), optional: used };
const downwardItems = each(fields({ path: used, mode: used, fieldRef: fieldReference }));

const handlers = {
  httpGet: fields({ path: used, port: used, host: used, scheme: used, httpHeaders: used }),
  exec: fields({ command: used }),
};
const probe = fields({
  ...handlers,
  tcpSocket: fields({ port: used, host: used }),
  initialDelaySeconds: used,
  periodSeconds: used,
  timeoutSeconds: used,
  successThreshold: used,
  failureThreshold: used,
});
const hook = fields({ ...handlers, sleep: fields({ seconds: used }) });

const container = fields({
  name: used,
  image: used,
  imagePullPolicy: noEffect,
  command: used,
  args: used,
  workingDir: used,
  ports: each(fields({ name: used, containerPort: used, protocol: noEffect })),
  env: each(
    fields({
      name: used,
      value: used,
      valueFrom: fields({
        fieldRef: fieldReference,
        secretKeyRef: keyReference,
        configMapKeyRef: keyReference,
      }),
    }),
  ),
  envFrom: each(
    fields({ prefix: used, configMapRef: objectReference, secretRef: objectReference }),
  ),
  resources: noEffect,
  resizePolicy: noEffect,
  volumeMounts: each(
    fields({
      name: used,
      mountPath: used,
      subPath: used,
      readOnly: used,
      mountPropagation: oneOf('None'),
      recursiveReadOnly: oneOf('Disabled'),
    }),
  ),
  startupProbe: probe,
  livenessProbe: probe,
  readinessProbe: probe,
  lifecycle: fields({ postStart: hook, preStop: hook }),
  terminationMessagePath: noEffect,
  terminationMessagePolicy: noEffect,
  securityContext: fields({
    runAsUser: used,
    runAsGroup: used,
    runAsNonRoot: used,
    readOnlyRootFilesystem: used,
    allowPrivilegeEscalation: used,
    capabilities: fields({ add: used, drop: used }),
    privileged: onlyFalse,
    procMount: oneOf('Default'),
    seccompProfile,
  }),
  stdin: onlyFalse,
  stdinOnce: onlyFalse,
  tty: onlyFalse,
});

const volume = fields({
  name: used,
  emptyDir: fields({ medium: noEffect, sizeLimit: noEffect }),
  configMap: fields({ name: used, defaultMode: used, ...keysAsFiles }),
  secret: fields({ secretName: used, defaultMode: used, ...keysAsFiles }),
  downwardAPI: fields({ items: downwardItems, defaultMode: used }),
  projected: fields({
    defaultMode: used,
    sources: each(
      fields({
        configMap: fields({ name: used, ...keysAsFiles }),
        secret: fields({ name: used, ...keysAsFiles }),
        downwardAPI: fields({ items: downwardItems }),
        serviceAccountToken: fields({ path: used, audience: used, expirationSeconds: used }),
      }),
    ),
  }),
});

/** What is understood of `spec`. */
const podSpec = fields({
  activeDeadlineSeconds: oneOf(),
  affinity: noEffect,
  automountServiceAccountToken: noEffect,
  containers: each(container),
  dnsPolicy: noEffect,
  enableServiceLinks: noEffect,
  hostAliases: each(fields({ ip: used, hostnames: used })),
  hostIPC: onlyFalse,
  hostNetwork: used,
  hostPID: onlyFalse,
  hostUsers: oneOf(true),
  hostname: used,
  imagePullSecrets: noEffect,
  initContainers: each(container),
  nodeName: used,
  nodeSelector: noEffect,
  os: fields({ name: oneOf('linux') }),
  preemptionPolicy: noEffect,
  priority: noEffect,
  priorityClassName: noEffect,
  restartPolicy: used,
  schedulerName: noEffect,
  securityContext: fields({
    runAsUser: used,
    runAsGroup: used,
    runAsNonRoot: used,
    fsGroup: used,
    fsGroupChangePolicy: noEffect,
    supplementalGroups: used,
    supplementalGroupsPolicy: noEffect,
    seccompProfile,
  }),
  serviceAccount: noEffect,
  serviceAccountName: used,
  setHostnameAsFQDN: onlyFalse,
  shareProcessNamespace: onlyFalse,
  terminationGracePeriodSeconds: used,
  tolerations: noEffect,
  topologySpreadConstraints: noEffect,
  volumes: each(volume),
});

/**
 * The paths of the fields that the agent does not implement, `spec.containers[0].lifecycle.stopSignal`; empty when the
 * pod can run. A field whose value is not implemented is named with the value.
 */
export function notUnderstood(pod: Pick<Pod, 'spec'>): readonly string[] {
  return unknownIn(pod.spec, podSpec, 'spec');
}

function unknownIn(value: unknown, shape: Shape, path: string): readonly string[] {
  if (isEmpty(value) || shape === used || shape === noEffect) return [];
  if (typeof shape === 'function') {
    return shape(value) ? [] : [`${path} (${JSON.stringify(value)})`];
  }
  if ('each' in shape) {
    if (!Array.isArray(value)) return [path];
    return value.flatMap((item, index) => unknownIn(item, shape.each, `${path}[${index}]`));
  }
  if (!isRecord(value)) return [path];
  return Object.entries(value).flatMap(([name, part]) => {
    const known = Object.hasOwn(shape.fields, name) ? shape.fields[name] : undefined;
    if (known !== undefined) return unknownIn(part, known, `${path}.${name}`);
    return isEmpty(part) ? [] : [`${path}.${name}`];
  });
}

/** Not set, in any of the ways in which Go writes that. An empty object can mean something: `emptyDir: {}`. */
function isEmpty(value: unknown): boolean {
  return value === undefined || value === null || (Array.isArray(value) && value.length === 0);
}
