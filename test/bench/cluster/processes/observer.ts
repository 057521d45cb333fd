/**
 * Sees from outside what the operator does, by watching routes and Canaries, in a process of its own that has
 * nothing else to do. It also stands in for a gateway: it accepts each generation of a route.
 */
import * as z from 'zod';

import { serve } from '../../remote.ts';
import { monotonicMs } from '../../shared-clock.ts';
import { type Api, apiClient, follow } from '../api.ts';
import { acceptedBy, type PhaseSeen, type Route, routeSchema, type WeightSeen } from '../seen.ts';

const Start = z.object({ canaries: z.string(), routes: z.string() });
const Canary = z.object({
  metadata: z.object({ namespace: z.string() }),
  status: z.object({ phase: z.string().optional() }).optional(),
});

const weights: WeightSeen[] = [];
const phases: PhaseSeen[] = [];
const currentWeight = new Map<string, number>();
const currentPhase = new Map<string, string>();
let client: Api | undefined;

function onCanary(type: string, object: unknown): void {
  if (type === 'DELETED') return;
  const { metadata, status } = Canary.parse(object);
  const phase = status?.phase ?? '';
  if (currentPhase.get(metadata.namespace) === phase) return;
  currentPhase.set(metadata.namespace, phase);
  phases.push({ atMs: monotonicMs(), canary: metadata.namespace, phase });
}

function onRoute(type: string, object: unknown): void {
  if (type === 'DELETED') return;
  const atMs = monotonicMs();
  const route = routeSchema.parse(object);
  const canary = route.metadata.namespace;
  const refs = route.spec.rules[0]?.backendRefs ?? [];
  const weight = refs.find(({ name }) => name.endsWith('-canary'))?.weight ?? 0;
  if (currentWeight.get(canary) !== weight) {
    currentWeight.set(canary, weight);
    weights.push({ atMs, canary, weight });
  }
  accept(route).catch(die);
}

async function accept(route: Route): Promise<void> {
  const status = acceptedBy(route, new Date().toISOString());
  if (status === undefined || client === undefined) return;
  const { namespace, name } = route.metadata;
  const path = `/apis/gateway.networking.k8s.io/v1/namespaces/${namespace}/httproutes/${name}/status`;
  await client.patch(path, { status });
}

/** Without its eyes the run is worth nothing. */
function die(error: unknown): void {
  process.stderr.write(`the observer: ${error instanceof Error ? error.stack : String(error)}\n`);
  process.exit(1);
}

serve({
  start: async (argument) => {
    const paths = Start.parse(argument);
    client = apiClient();
    await Promise.all([
      follow(client, paths.canaries, onCanary, die),
      follow(client, paths.routes, onRoute, die),
    ]);
  },
  phases: () => {
    const counts: Record<string, number> = {};
    for (const phase of currentPhase.values()) counts[phase] = (counts[phase] ?? 0) + 1;
    return counts;
  },
  phasesSince: (argument) => phases.filter(({ atMs }) => atMs >= z.number().parse(argument)),
  weightsSince: (argument) => weights.filter(({ atMs }) => atMs >= z.number().parse(argument)),
  weights: () => Object.fromEntries(currentWeight),
});
