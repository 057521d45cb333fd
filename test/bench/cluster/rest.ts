/**
 * Canaries that only rest, more than controllers could bring there on a small machine. One is initialised by the
 * operator itself, for which we do what a controller would do; the others are copies of its objects, with Canaries
 * that have no status: the operator finds everything in place, adopts it and settles.
 */
import { copyInto, canaryCollections, originalsIn, sizesOf } from '../processes/copies.ts';
import { deployment, gateway, namespaceNamed, sourceNamespace } from '../objects.ts';
import { monotonicMs } from '../shared-clock.ts';
import { collectionOf, forEach, until } from './api.ts';
import { canaryOf, configurationOf, configured, intervalMs } from './fleet.ts';
import { reached } from './seen.ts';
import { type Growing, say, type Stage } from './stage.ts';
import { playControllers } from './controllers.ts';
import type { Task } from './task.ts';

const limits = { firstMs: 120_000, settledMs: 900_000, quietMs: 120_000 };
const canaries = '/apis/serin.dev/v1beta1/canaries';
/** Gateways are left out, which the operator does not look at. */
const collections = [
  ...canaryCollections,
  ['discovery.k8s.io/v1', 'EndpointSlice', 'endpointslices'],
] as const;

export async function rest(stage: Stage, { count, quick }: Task, findings: Growing): Promise<void> {
  if (count < 2) throw new Error('a canary and a copy of it are two');
  await stage.watch(canaries);
  await stage.part('the first canary', () => bringFirstToRest(stage));
  findings.sizes = await stage.part('copies', () => makeCopies(stage, count - 1));
  await stage.part('adoption', () => adopt(stage, count, findings));
  const windowMs = quick ? 2 * intervalMs : 6 * intervalMs;
  findings.rest = await stage.part('rest', () => stage.rest(windowMs));
  findings.peakMiB = stage.usage().peakMiB;
}

async function bringFirstToRest(stage: Stage): Promise<void> {
  const { client } = stage;
  const namespace = sourceNamespace;
  await client.create(namespaceNamed(namespace));
  const target = configured(deployment(namespace));
  const applied = [gateway(namespace), ...configurationOf(namespace), target];
  for (const object of applied) await client.create(object);
  const controllers = playControllers(client, namespace, 'cart');
  await stage.startOperator();
  await client.create(canaryOf(namespace, 'serin.dev', 5));
  await until('the first canary is initialised', limits.firstMs, async () => {
    return ((await stage.phases())['Initialized'] ?? 0) === 1;
  });
  await stage.untilQuiet(limits.firstMs);
  await controllers.stop();
  await stage.stopOperator();
}

async function makeCopies(stage: Stage, count: number): Promise<Record<string, number>> {
  const { client } = stage;
  const send = (method: 'GET' | 'POST' | 'PATCH', path: string, body?: unknown) => {
    if (method === 'GET') return client.get(path);
    return method === 'POST' ? client.post(path, body) : client.patch(path, body);
  };
  // Routes are accepted by the observer, as they are when the operator writes them.
  const copier = { from: sourceNamespace, send, collectionOf, fresh: ['Canary', 'HTTPRoute'] };
  const originals = await originalsIn(copier, collections);
  const names = Array.from({ length: count }, (_, index) => `shop-${index}`);
  await forEach(names, 24, async (name, index) => {
    await copyInto(name, originals, copier);
    if (index % 1000 === 999) say(`    ${index + 1} copies`);
  });
  return sizesOf(originals);
}

async function adopt(stage: Stage, count: number, findings: Growing): Promise<void> {
  const from = monotonicMs();
  await stage.startOperator();
  // The first one is initialised already.
  const adopted = async () => {
    stage.readOn();
    return 1 + reached(await stage.phasesSince(from), 'Initialized');
  };
  const all = `${count} canaries are adopted`;
  await until(all, limits.settledMs, async () => (await adopted()) >= count, 1_000).catch(() => {});
  await stage.untilQuiet(limits.quietMs);
  findings.settled = { finished: await adopted(), seconds: (monotonicMs() - from) / 1000 };
}
