/** The Node object and its Lease: where the node is, and that it is alive. */

import { availableParallelism, totalmem } from 'node:os';

import type { Api } from './api.ts';

export interface NodeFacts {
  readonly name: string;
  readonly address: string;
  readonly podCidr: string;
  /** Of the endpoint that serves logs. */
  readonly port: number;
}

const architecture = process.arch === 'x64' ? 'amd64' : process.arch;
const version = 'v1.36.3';
const maxPods = 1_000;
/** More than the machine has: requests are for the scheduler, and nothing here is limited. */
const cpuFactor = 50;
const leaseSeconds = 40;
const namespace = 'kube-node-lease';

/** Makes the Node, or says again what it is. */
export async function registerNode(api: Api, facts: NodeFacts): Promise<void> {
  const { name, podCidr } = facts;
  const path = `/api/v1/nodes/${name}`;
  if ((await api.get(path)) === undefined) {
    const labels = {
      'kubernetes.io/hostname': name,
      'kubernetes.io/os': 'linux',
      'kubernetes.io/arch': architecture,
    };
    await api.create('/api/v1/nodes', {
      apiVersion: 'v1',
      kind: 'Node',
      metadata: { name, labels },
      spec: { podCIDR: podCidr, podCIDRs: [podCidr] },
    });
  }
  await api.patch(`${path}/status`, { status: nodeStatus(facts, new Date().toISOString()) });
}

/** Says that the node is alive; to be called well within 40 s. */
export async function renewLease(api: Api, name: string): Promise<void> {
  const folder = `/apis/coordination.k8s.io/v1/namespaces/${namespace}/leases`;
  const spec = {
    holderIdentity: name,
    leaseDurationSeconds: leaseSeconds,
    renewTime: new Date().toISOString().replace('Z', '000Z'),
  };
  if ((await api.get(`${folder}/${name}`)) !== undefined) {
    return await api.patch(`${folder}/${name}`, { spec });
  }
  const metadata = { name, namespace };
  await api.create(folder, { apiVersion: 'coordination.k8s.io/v1', kind: 'Lease', metadata, spec });
}

export function nodeStatus({ name, address, port }: NodeFacts, now: string) {
  const memory = `${Math.floor(totalmem() / 1024)}Ki`;
  const cpu = String(availableParallelism() * cpuFactor);
  const size = { cpu, memory, pods: String(maxPods), 'ephemeral-storage': '100Gi' };
  const condition = (type: string, status: string, reason: string) => ({
    type,
    status,
    reason,
    lastHeartbeatTime: now,
    lastTransitionTime: now,
  });
  return {
    capacity: size,
    allocatable: size,
    // No host name: the API server would try that first, and nothing here resolves it.
    addresses: [{ type: 'InternalIP', address }],
    conditions: [
      condition('MemoryPressure', 'False', 'KubeletHasSufficientMemory'),
      condition('DiskPressure', 'False', 'KubeletHasNoDiskPressure'),
      condition('PIDPressure', 'False', 'KubeletHasSufficientPID'),
      condition('Ready', 'True', 'KubeletReady'),
    ],
    daemonEndpoints: { kubeletEndpoint: { Port: port } },
    nodeInfo: {
      architecture,
      operatingSystem: 'linux',
      kubeletVersion: version,
      kubeProxyVersion: '',
      containerRuntimeVersion: 'process://1',
      kernelVersion: '',
      osImage: 'Linux',
      machineID: name,
      systemUUID: name,
      bootID: name,
    },
  };
}
