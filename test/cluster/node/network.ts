/**
 * The network of a pod: a namespace of its own, a pair of virtual devices, and routes to single addresses.
 *
 * A sleeping process holds the namespaces. When it is killed and the pod's containers are gone, the kernel takes the
 * namespaces, both devices and the routes away; nothing is left to clean up.
 */

import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';

import type { Addresses } from './addresses.ts';
import { run, tools } from './commands.ts';

/** The namespaces of one pod. */
export interface Sandbox {
  readonly podIP: string;
  /** Arguments of `nsenter` that lead into its namespaces. */
  readonly enter: readonly string[];
  readonly pid: number;
  close(): Promise<void>;
}

export interface SandboxOptions {
  readonly addresses: Addresses;
  readonly hostname: string;
  readonly hostIP: string;
  /** The node's own network instead of one of its own. */
  readonly hostNetwork: boolean;
}

const gateway = '169.254.1.1';
/** Says that the namespaces are there, then only keeps them. As container engines do, low ports are for everybody. */
const holdScript = `echo "$1" >/proc/sys/kernel/hostname
[ -z "$2" ] || echo 0 >/proc/sys/net/ipv4/ip_unprivileged_port_start
echo ready
exec sleep infinity`;

/** In one process of ours: each costs the agent more than the tool itself. */
const connectScript = `set -e
echo "$2" | ${tools.ip} -batch -
echo "$3" | ${tools.nsenter} --target "$1" --net ${tools.ip} -batch -`;

export async function openSandbox(options: SandboxOptions): Promise<Sandbox> {
  const { addresses, hostname, hostIP, hostNetwork } = options;
  const podIP = hostNetwork ? hostIP : addresses.take();
  const giveBack = (): void => {
    if (!hostNetwork) addresses.give(podIP);
  };
  const holder = hold(hostname, hostNetwork);
  try {
    const pid = await readyPid(holder);
    const enter = ['--target', String(pid), '--uts', '--ipc', ...(hostNetwork ? [] : ['--net'])];
    if (!hostNetwork) await connect({ pid, podIP, hostIP, device: addresses.deviceOf(podIP) });
    const close = async (): Promise<void> => {
      await end(holder);
      giveBack();
    };
    return { podIP, pid, enter, close };
  } catch (error) {
    await end(holder);
    giveBack();
    throw error;
  }
}

function hold(hostname: string, hostNetwork: boolean): ChildProcess {
  const namespaces = ['--uts', '--ipc', ...(hostNetwork ? [] : ['--net'])];
  const script = ['-c', holdScript, 'pod', hostname, hostNetwork ? '' : 'own'];
  const args = ['--pdeathsig', 'KILL', tools.unshare, ...namespaces, tools.sh, ...script];
  return spawn(tools.setpriv, args, { stdio: ['ignore', 'pipe', 'inherit'] });
}

async function readyPid({ pid, stdout }: ChildProcess): Promise<number> {
  for await (const _ of stdout ?? []) {
    stdout?.destroy();
    if (pid !== undefined) return pid;
  }
  throw new Error('the namespaces of the pod cannot be made');
}

async function connect(link: {
  readonly pid: number;
  readonly podIP: string;
  readonly hostIP: string;
  readonly device: string;
}): Promise<void> {
  const { pid, podIP, hostIP, device } = link;
  const node = [
    `link add ${device} type veth peer name eth0 netns ${pid}`,
    `link set ${device} up`,
    `addr add ${gateway}/32 dev ${device}`,
    `route add ${podIP}/32 dev ${device} src ${hostIP}`,
  ];
  const pod = [
    'link set lo up',
    'link set eth0 up',
    `addr add ${podIP}/32 dev eth0`,
    `route add ${gateway} dev eth0 scope link`,
    `route add default via ${gateway}`,
  ];
  const batches = [node, pod].map((lines) => lines.join('\n'));
  await run(tools.sh, ['-c', connectScript, 'connect', String(pid), ...batches]);
}

async function end(child: ChildProcess): Promise<void> {
  if (child.pid === undefined || child.exitCode !== null || child.signalCode !== null) return;
  const ended = once(child, 'exit');
  child.kill('SIGKILL');
  await ended;
}
