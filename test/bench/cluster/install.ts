/** What an administrator applies before the operator comes: definitions, and `deploy/` without its Deployment. */
import { execFileSync } from 'node:child_process';

import { parseAllDocuments, stringify } from 'yaml';
import * as z from 'zod';

import { API_URL, FILES } from '../../cluster/layout.ts';
import { readFileSync } from 'node:fs';
import type { Api } from './api.ts';

/** Whom the requests are counted as. */
export interface Credentials {
  readonly user: string;
  readonly kubeconfig: string;
}

const Document = z.looseObject({ kind: z.string() });

/** `definitions` are those of the Gateway API. */
export function installDefinitions(definitions: readonly string[]): void {
  const needed = definitions.filter((file) => /_(gateways|httproutes)\.yaml$/.test(file));
  apply(['--server-side', ...needed.flatMap((file) => ['-f', file])]);
}

/** Our ServiceAccount with what `deploy/` allows it, and a token for it. */
export async function installOperator(client: Api): Promise<Credentials> {
  const all = parseAllDocuments(kubectl(['kustomize', 'deploy']));
  const kept = all.filter((document) => Document.parse(document.toJS()).kind !== 'Deployment');
  apply(['--server-side', '-f', '-'], kept.map(String).join('---\n'));
  untilEstablished();
  return credentials(client, 'serin-system', 'serin');
}

/** Somebody else's operator brings rules of its own, which we do not know: it may do anything. */
export async function installForeignOperator(client: Api): Promise<Credentials> {
  const crds = ['canaries', 'metrictemplates', 'alertproviders'];
  apply(['--server-side', ...crds.flatMap((name) => ['-f', `crds/flagger.app_${name}.yaml`])]);
  const [namespace, name] = ['bench-operator', 'operator'];
  kubectl(['create', 'namespace', namespace]);
  kubectl(['create', 'serviceaccount', name, '-n', namespace]);
  const account = `--serviceaccount=${namespace}:${name}`;
  kubectl(['create', 'clusterrolebinding', namespace, '--clusterrole=cluster-admin', account]);
  untilEstablished();
  return credentials(client, namespace, name);
}

const Token = z.object({ status: z.object({ token: z.string() }) });

async function credentials(client: Api, namespace: string, name: string): Promise<Credentials> {
  const path = `/api/v1/namespaces/${namespace}/serviceaccounts/${name}/token`;
  const body = {
    apiVersion: 'authentication.k8s.io/v1',
    kind: 'TokenRequest',
    spec: { expirationSeconds: 4 * 3600 },
  };
  const { token } = Token.parse(await client.post(path, body)).status;
  const authority = readFileSync(FILES.certificate).toString('base64');
  const cluster = { server: API_URL, 'certificate-authority-data': authority };
  return {
    user: `system:serviceaccount:${namespace}:${name}`,
    kubeconfig: stringify({
      apiVersion: 'v1',
      kind: 'Config',
      'current-context': 'cluster',
      contexts: [{ name: 'cluster', context: { cluster: 'cluster', user: name, namespace } }],
      clusters: [{ name: 'cluster', cluster }],
      users: [{ name, user: { token } }],
    }),
  };
}

function untilEstablished(): void {
  kubectl(['wait', '--for=condition=Established', 'crd', '--all', '--timeout=60s']);
}

function apply(args: readonly string[], input?: string): void {
  kubectl(['apply', ...args], input);
}

function kubectl(args: readonly string[], input = ''): string {
  const env = { ...process.env, KUBECONFIG: FILES.componentsKubeconfig };
  return execFileSync('kubectl', args, { encoding: 'utf8', input, env });
}
