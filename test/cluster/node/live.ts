/** Compares what the API says about the pods of a node with the processes that are there. */

import { readFileSync } from 'node:fs';
import https from 'node:https';

import type { Api } from './api.ts';
import type { ProcessReport } from './server.ts';
import type { Pod } from './types.ts';

/** What the node says about its containers' processes. `ca` is a PEM file. */
export function fetchProcesses(address: string, ca: string): Promise<readonly ProcessReport[]> {
  const url = `https://${address}:10250/processes`;
  return new Promise((resolve, reject) => {
    const request = https.get(url, { ca: readFileSync(ca), agent: false }, (response) => {
      let text = '';
      response.setEncoding('utf8');
      response.on('data', (chunk: string) => {
        text += chunk;
      });
      response.once('error', reject);
      response.once('end', () => resolve(JSON.parse(text) as ProcessReport[]));
    });
    request.once('error', reject);
  });
}

/** Throws with the names of the containers that the API says are Ready and that have no process. */
export async function assertReadyPodsLive(
  api: Pick<Api, 'get'>,
  node: { readonly name: string; readonly address: string },
  ca: string,
): Promise<void> {
  const list = await api.get('/api/v1/pods');
  const items: unknown = list?.['items'];
  if (!Array.isArray(items)) throw new Error('the API server lists no pods');
  const pods: readonly Pod[] = items;
  const here = pods.filter(({ spec }) => spec.nodeName === node.name);
  const missing = readyWithoutProcess(here, await fetchProcesses(node.address, ca));
  if (missing.length > 0) throw new Error(`Ready without a live process: ${missing.join(', ')}`);
}

/** `namespace/pod/container` for each container of a Ready pod that has no live process. */
export function readyWithoutProcess(
  pods: readonly Pod[],
  processes: readonly ProcessReport[],
): readonly string[] {
  const alive = new Set(
    processes.filter((one) => one.alive).map(({ uid, container }) => `${uid}/${container}`),
  );
  return pods
    .filter(isReady)
    .flatMap(({ metadata, spec }) =>
      spec.containers
        .filter(({ name }) => !alive.has(`${metadata.uid}/${name}`))
        .map(({ name }) => `${metadata.namespace}/${metadata.name}/${name}`),
    );
}

function isReady({ status }: Pod): boolean {
  const conditions = status?.conditions ?? [];
  return conditions.some(({ type, status: value }) => type === 'Ready' && value === 'True');
}
