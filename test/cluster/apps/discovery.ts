/**
 * Finds pods for a Prometheus that was built without its own discovery of Kubernetes, as Debian's is: answers in the
 * form of its HTTP discovery, with the labels that its own would give.
 *
 *   GET /         the pods of all namespaces, or of those in NAMESPACES
 */
import { readFileSync } from 'node:fs';
import { createServer, type ServerResponse } from 'node:http';
import { request } from 'node:https';

const ACCOUNT = '/var/run/secrets/kubernetes.io/serviceaccount';
const { KUBERNETES_SERVICE_HOST: host, KUBERNETES_SERVICE_PORT: port, NAMESPACES } = process.env;

interface Pod {
  readonly metadata: {
    readonly name: string;
    readonly namespace: string;
    readonly annotations?: Readonly<Record<string, string>>;
  };
  readonly status?: { readonly podIP?: string; readonly phase?: string };
}

const ca = readFileSync(`${ACCOUNT}/ca.crt`);

createServer((_request, response) => {
  void answer(response);
}).listen(9091, '127.0.0.1');

async function answer(response: ServerResponse): Promise<void> {
  try {
    const targets = JSON.stringify(await findTargets());
    response.writeHead(200, { 'content-type': 'application/json' }).end(targets);
  } catch (error) {
    process.stderr.write(`${String(error)}\n`);
    response.writeHead(503).end();
  }
}

async function findTargets(): Promise<readonly object[]> {
  const namespaces = NAMESPACES === undefined ? [] : NAMESPACES.split(',');
  const paths = namespaces.map((namespace) => `/api/v1/namespaces/${namespace}/pods`);
  const lists = await Promise.all((paths.length === 0 ? ['/api/v1/pods'] : paths).map(list));
  return lists.flat().flatMap(targetOf);
}

function targetOf({ metadata, status = {} }: Pod): readonly object[] {
  const { name, namespace, annotations = {} } = metadata;
  if (status.podIP === undefined || status.phase !== 'Running') return [];
  const marks = Object.entries(annotations)
    .filter(([key]) => key.startsWith('prometheus.io/'))
    .map(([key, value]) => {
      return [`__meta_kubernetes_pod_annotation_${key.replaceAll(/[^a-zA-Z0-9]/g, '_')}`, value];
    });
  const labels = {
    __meta_kubernetes_namespace: namespace,
    __meta_kubernetes_pod_name: name,
    __meta_kubernetes_pod_ip: status.podIP,
    ...Object.fromEntries(marks),
  };
  return [{ targets: [status.podIP], labels }];
}

/** From the API server's cache. */
function list(path: string): Promise<readonly Pod[]> {
  const token = readFileSync(`${ACCOUNT}/token`, 'utf8');
  const headers = { authorization: `Bearer ${token}`, accept: 'application/json' };
  return new Promise((resolve, reject) => {
    const call = request(
      { host, port, ca, headers, path: `${path}?resourceVersion=0` },
      (reply) => {
        const chunks: Buffer[] = [];
        reply.on('data', (chunk: Buffer) => chunks.push(chunk));
        reply.on('error', reject);
        reply.on('end', () => {
          const text = Buffer.concat(chunks).toString('utf8');
          if (reply.statusCode === 200) resolve((JSON.parse(text) as { items: Pod[] }).items);
          else reject(new Error(`${path}: ${reply.statusCode}`));
        });
      },
    );
    call.setTimeout(5_000, () => call.destroy(new Error(`${path}: no answer`)));
    call.on('error', reject);
    call.end();
  });
}

process.on('SIGTERM', () => process.exit(0));
