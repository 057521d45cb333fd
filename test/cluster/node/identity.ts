/** Who a container runs as and what it may do, as arguments of `setpriv`. */

import type { Image } from './image.ts';
import type { ContainerSpec, PodSpec } from './types.ts';

export interface Identity {
  readonly uid: number;
  readonly gid: number;
  /** Beside the primary one. */
  readonly groups: readonly number[];
  /** Lower case, without `cap_`; what root keeps. Other users have none. */
  readonly capabilities: readonly string[];
  readonly noNewPrivileges: boolean;
}

/** What container engines leave to root. */
const defaultCapabilities = [
  'chown',
  'dac_override',
  'fowner',
  'fsetid',
  'kill',
  'setgid',
  'setuid',
  'setpcap',
  'net_bind_service',
  'net_raw',
  'sys_chroot',
  'mknod',
  'audit_write',
  'setfcap',
];

/** The container's word wins over the pod's, and that over the image's. */
export function identityOf(pod: PodSpec, container: ContainerSpec, image: Image): Identity {
  const own = container.securityContext ?? {};
  const shared = pod.securityContext ?? {};
  const imageUid = image.user?.uid ?? 0;
  const uid = own.runAsUser ?? shared.runAsUser ?? imageUid;
  const imageGid = uid === imageUid ? (image.user?.gid ?? 0) : 0;
  const fsGroup = shared.fsGroup === undefined ? [] : [shared.fsGroup];
  return {
    uid,
    gid: own.runAsGroup ?? shared.runAsGroup ?? imageGid,
    groups: [...new Set([...(shared.supplementalGroups ?? []), ...fsGroup])],
    capabilities: capabilitiesOf(own.capabilities),
    noNewPrivileges: own.allowPrivilegeEscalation === false,
  };
}

/** Why the container may not run as it would; `undefined` when it may. */
export function rootProblem(
  pod: PodSpec,
  container: ContainerSpec,
  uid: number,
): string | undefined {
  const mustNot = container.securityContext?.runAsNonRoot ?? pod.securityContext?.runAsNonRoot;
  if (mustNot !== true || uid !== 0) return undefined;
  return `container has runAsNonRoot and image will run as root (container: ${container.name})`;
}

/** The user that every container of the pod asks for; `undefined` when they differ or leave it open. */
export function commonUser({ containers, initContainers = [], securityContext }: PodSpec) {
  const users = new Set(
    [...initContainers, ...containers].map(
      (container) => container.securityContext?.runAsUser ?? securityContext?.runAsUser,
    ),
  );
  const [first] = users;
  return users.size === 1 ? first : undefined;
}

/** Up to the program, which follows. The program dies with the process that started it. */
export function setprivArguments(identity: Identity): readonly string[] {
  const { uid, gid, groups, capabilities, noNewPrivileges } = identity;
  return [
    `--reuid=${uid}`,
    `--regid=${gid}`,
    groups.length === 0 ? '--clear-groups' : `--groups=${groups.join(',')}`,
    `--bounding-set=${['-all', ...capabilities.map((name) => `+${name}`)].join(',')}`,
    '--inh-caps=-all',
    ...(noNewPrivileges ? ['--no-new-privs'] : []),
    '--pdeathsig=KILL',
    '--',
  ];
}

function capabilitiesOf(asked: { add?: readonly string[]; drop?: readonly string[] } = {}) {
  const add = (asked.add ?? []).map(plainName);
  const drop = new Set((asked.drop ?? []).map(plainName));
  const kept = drop.has('all') ? [] : defaultCapabilities.filter((name) => !drop.has(name));
  return [...new Set([...kept, ...add])];
}

const plainName = (name: string): string => name.toLowerCase().replace(/^cap_/, '');
