/**
 * Where operators are put under fault: a real API server with Serin's definitions and permissions installed as they
 * ship, pods and a gateway on paper, and a watch that writes down everything that happens.
 */
import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { globSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';

import { parseAllDocuments, stringify } from 'yaml';
import * as z from 'zod';

import { httpTransport, loadKubeConfig } from '../../../src/adapters/kubernetes/http-transport.ts';
import type { KubernetesObject } from '../../../src/api/object.ts';
import { adminClient, type AdminClient } from '../admin-client.ts';
import { API_URL, FILES } from '../layout.ts';
import { filesOf, provide } from '../programs/programs.ts';
import { eventually } from './eventually.ts';
import { follow } from './follow.ts';
import { namespaceObject } from './manifests.ts';
import { OperatorProcess, type Watched } from './operator-process.ts';
import { paperNodeObject, startPaperWorld } from './paper.ts';
import { FaultProxy } from './proxy.ts';
import type { Seen } from './record.ts';

const root = path.resolve(import.meta.dirname, '../../..');
const operatorNamespace = 'serin-system';

const watched = [
  ['serin.dev/v1beta1', 'Canary'],
  ['apps/v1', 'Deployment'],
  ['v1', 'Service'],
  ['gateway.networking.k8s.io/v1', 'HTTPRoute'],
] as const;

const Token = z.object({ status: z.object({ token: z.string() }) });

const Items = z.object({ items: z.array(z.unknown()) });

export interface OperatorOptions {
  readonly flags: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
}

export class Arena implements AsyncDisposable {
  /** Tells its namespaces from those of an arena before it in the same cluster. */
  readonly id = randomBytes(3).toString('hex');
  readonly admin: AdminClient = adminClient();
  readonly #dir = mkdtempSync(path.join(tmpdir(), 'serin-faults-'));
  readonly #stop = new AbortController();
  readonly #transport = httpTransport({
    kubeConfig: loadKubeConfig(FILES.kubeconfig),
    version: 'faults',
  });
  readonly #certificate = {
    cert: readFileSync(FILES.certificate, 'utf8'),
    key: readFileSync(FILES.key, 'utf8'),
  };
  readonly #seen = new Map<string, Seen[]>();
  readonly #operators: Watched[] = [];
  #token = '';
  #leaseRules: readonly KubernetesObject[] = [];

  static async open(): Promise<Arena> {
    const arena = new Arena();
    execFileSync(process.execPath, ['bin/build.mjs', arena.#bundle], { cwd: root });
    await arena.#makeRoom();
    await arena.#install();
    await arena.create(paperNodeObject);
    await startPaperWorld(arena.#transport, arena.#stop.signal);
    for (const [apiVersion, kind] of watched) {
      const onChange = (object: KubernetesObject, gone: boolean): void => arena.#note(object, gone);
      const following = { transport: arena.#transport, apiVersion, kind, onChange };
      const at = collectionAt({ apiVersion, kind });
      await follow({ ...following, path: at }, arena.#stop.signal);
    }
    return arena;
  }

  /** Everything that the watch has shown of a namespace, in the order in which it was written. */
  seen(namespace: string): readonly Seen[] {
    return (this.#seen.get(namespace) ?? []).toSorted((one, two) => one.version - two.version);
  }

  last(namespace: string, kind: string, name: string): KubernetesObject | undefined {
    const last = this.#seen
      .get(namespace)
      ?.findLast(({ object }) => object.kind === kind && object.metadata.name === name);
    return last === undefined || last.gone ? undefined : last.object;
  }

  async create(object: KubernetesObject): Promise<void> {
    const at = collectionAt(object, object.metadata.namespace);
    const { status, body } = await this.admin.send('POST', at, object);
    if (status < 300 || status === 409) return;
    throw new Error(`${object.kind} ${object.metadata.name}: ${status} ${JSON.stringify(body)}`);
  }

  /** A namespace in which an operator may compete for a Lease, as it may in its own. */
  async createNamespace(name: string): Promise<void> {
    await this.create(namespaceObject(name));
    for (const rule of this.#leaseRules)
      await this.create({ ...rule, metadata: { ...rule.metadata, namespace: name } });
  }

  /** A process of the operator behind a proxy of its own. */
  async startOperator({ flags, env }: OperatorOptions): Promise<Watched> {
    const proxy = await FaultProxy.start({
      target: new URL(API_URL),
      ca: this.#certificate.cert,
      certificate: this.#certificate,
    });
    const kubeconfig = path.join(this.#dir, `kubeconfig-${proxy.port}`);
    writeFileSync(kubeconfig, stringify(this.#kubeconfig(proxy.url)), { mode: 0o600 });
    const bundle = this.#bundle;
    const options = { bundle, kubeconfig, flags: [...flags, '--port=0'] };
    const operator = new OperatorProcess(env === undefined ? options : { ...options, env });
    const both = { process: operator, proxy };
    this.#operators.push(both);
    return both;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#operators.map(({ process: operator }) => operator.end()));
    await Promise.all(this.#operators.map(({ proxy }) => proxy[Symbol.asyncDispose]()));
    this.#stop.abort();
    await Promise.all([this.#transport.close(), this.admin.close()]);
    rmSync(this.#dir, { recursive: true });
  }

  get #bundle(): string {
    return path.join(this.#dir, 'serin.mjs');
  }

  #note(object: KubernetesObject, gone: boolean): void {
    const { namespace = '', resourceVersion = '0' } = object.metadata;
    const list = this.#seen.get(namespace) ?? [];
    list.push({ version: Number(resourceVersion), at: Date.now(), gone, object });
    this.#seen.set(namespace, list);
  }

  /** The operator that ships looks after all namespaces: where one runs, it goes, so that only those under fault act. */
  async #makeRoom(): Promise<void> {
    const at = `/apis/apps/v1/namespaces/${operatorNamespace}`;
    const { status } = await this.admin.get(`${at}/deployments/serin`);
    if (status === 404) return;
    const contentType = 'application/merge-patch+json';
    const nobody = { spec: { replicas: 0 } };
    await this.admin.must('PATCH', `${at}/deployments/serin/scale`, nobody, { contentType });
    await eventually('no shipped operator runs', async () => {
      const pods = `/api/v1/namespaces/${operatorNamespace}/pods`;
      const { body } = await this.admin.get(pods, {
        labelSelector: 'app.kubernetes.io/name=serin',
      });
      return Items.parse(body).items.length === 0;
    });
  }

  async #install(): Promise<void> {
    const gatewayApi = filesOf(await provide(['gateway-api-crds'], () => {}), 'gateway-api-crds');
    const definitions = [
      ...globSync('crds/serin.dev_*.yaml', { cwd: root }),
      ...gatewayApi.filter((file) => file.endsWith('_httproutes.yaml')),
    ];
    for (const definition of definitions.flatMap(documents)) await this.create(definition);
    const shipped = ['namespace', 'service-account', 'rbac'].flatMap((name) =>
      documents(`deploy/base/${name}.yaml`),
    );
    for (const object of shipped) await this.create(object);
    this.#leaseRules = shipped.filter(({ kind }) => kind === 'Role' || kind === 'RoleBinding');
    for (const [apiVersion, kind] of watched)
      await eventually(`${kind} is served`, async () => {
        const { status } = await this.admin.get(collectionAt({ apiVersion, kind }));
        return status === 200;
      });
    const answer = await this.admin.must(
      'POST',
      `/api/v1/namespaces/${operatorNamespace}/serviceaccounts/serin/token`,
      { apiVersion: 'authentication.k8s.io/v1', kind: 'TokenRequest', spec: {} },
    );
    this.#token = Token.parse(answer).status.token;
  }

  #kubeconfig(server: string): object {
    const authority = Buffer.from(this.#certificate.cert).toString('base64');
    return {
      apiVersion: 'v1',
      kind: 'Config',
      'current-context': 'proxy',
      contexts: [{ name: 'proxy', context: { cluster: 'proxy', user: 'serin' } }],
      clusters: [{ name: 'proxy', cluster: { server, 'certificate-authority-data': authority } }],
      users: [{ name: 'serin', user: { token: this.#token } }],
    };
  }
}

/** Where objects of a kind are created; also of kinds that the operator knows nothing about. */
function collectionAt(
  { apiVersion, kind }: Pick<KubernetesObject, 'apiVersion' | 'kind'>,
  namespace?: string,
): string {
  const base = apiVersion.includes('/') ? `/apis/${apiVersion}` : `/api/${apiVersion}`;
  const plural = kind.endsWith('y') ? `${kind.slice(0, -1)}ies` : `${kind}s`;
  const scope = namespace === undefined ? '' : `/namespaces/${namespace}`;
  return `${base}${scope}/${plural.toLowerCase()}`;
}

/** What a file of the repository, or of somebody else's, holds. */
function documents(file: string): readonly KubernetesObject[] {
  return parseAllDocuments(readFileSync(path.resolve(root, file), 'utf8'))
    .map((document) => document.toJS() as KubernetesObject | null)
    .filter((object) => object !== null);
}
