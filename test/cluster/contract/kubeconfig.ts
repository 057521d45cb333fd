/** Where the cluster is that a suite runs against: the file that $KUBECONFIG names. */

import { readFileSync } from 'node:fs';
import path from 'node:path';

import { parse } from 'yaml';
import * as z from 'zod';

import type { Server } from '../../contract/cluster/http-client.ts';

const Kubeconfig = z.object({
  'current-context': z.string(),
  contexts: z.array(
    z.object({ name: z.string(), context: z.object({ cluster: z.string(), user: z.string() }) }),
  ),
  clusters: z.array(
    z.object({
      name: z.string(),
      cluster: z.object({
        server: z.string(),
        'certificate-authority': z.string().optional(),
        'certificate-authority-data': z.string().optional(),
      }),
    }),
  ),
  users: z.array(z.object({ name: z.string(), user: z.object({ token: z.string() }) })),
});

/** Throws where there is no cluster: a suite that cannot run must not look as if it had passed. */
export function serverOfKubeconfig(file = process.env['KUBECONFIG'] ?? ''): Server {
  if (file === '') throw new Error('KUBECONFIG names no file: run this inside the test cluster');
  const config = Kubeconfig.parse(parse(readFileSync(file, 'utf8')));
  const { context } = named(config.contexts, config['current-context']);
  const { cluster } = named(config.clusters, context.cluster);
  const { user } = named(config.users, context.user);
  return { url: cluster.server, ca: authorityOf(cluster, file), token: user.token };
}

type Cluster = z.infer<typeof Kubeconfig>['clusters'][number]['cluster'];

function authorityOf(cluster: Cluster, file: string): string {
  const data = cluster['certificate-authority-data'];
  if (data !== undefined) return Buffer.from(data, 'base64').toString();
  const name = cluster['certificate-authority'];
  if (name === undefined) throw new Error(`${file} names no authority for ${cluster.server}`);
  return readFileSync(path.resolve(path.dirname(file), name), 'utf8');
}

function named<T extends { readonly name: string }>(list: readonly T[], name: string): T {
  const found = list.find((one) => one.name === name);
  if (found === undefined) throw new Error(`the kubeconfig has nothing named ${name}`);
  return found;
}
