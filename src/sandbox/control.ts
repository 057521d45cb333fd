/**
 * The sandbox's own door, beside the cluster: switch faults on and off, read what Slack got.
 *
 *   curl -X POST "$CONTROL/faults?set=latency=200ms,429=10"     curl "$CONTROL/slack"
 */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';

import type { Cluster } from './cluster.ts';
import { parseFaults } from './fault-switches.ts';
import { type Listening, listen } from './listening.ts';
import type { SlackSink } from './slack-sink.ts';

export async function startControl(cluster: Cluster, slack: SlackSink): Promise<Listening> {
  const server = createServer((request, response) => {
    const { status, body } = answerTo(request, cluster, slack);
    send(response, status, body);
  });
  return listen(server);
}

interface Reply {
  readonly status: number;
  readonly body: unknown;
}

function answerTo(request: IncomingMessage, cluster: Cluster, slack: SlackSink): Reply {
  const { pathname, searchParams } = new URL(request.url ?? '/', 'http://sandbox');
  switch (`${request.method} ${pathname}`) {
    case 'GET /faults':
      return { status: 200, body: cluster.faults.faults };
    case 'POST /faults':
      return setFaults(cluster, searchParams.get('set') ?? '');
    case 'POST /cut-watches':
      cluster.api.cutWatches();
      return { status: 200, body: { cut: true } };
    case 'GET /slack':
      return { status: 200, body: slack.messages };
    default:
      return { status: 404, body: { known: ['/faults', '/cut-watches', '/slack'] } };
  }
}

function setFaults(cluster: Cluster, text: string): Reply {
  try {
    applyFaults(cluster, text);
    return { status: 200, body: cluster.faults.faults };
  } catch (error) {
    return { status: 400, body: { error: error instanceof Error ? error.message : String(error) } };
  }
}

/** Throws when the text is not understood; then nothing has changed. */
export function applyFaults(cluster: Cluster, text: string): void {
  cluster.faults.set(parseFaults(text));
  cluster.api.silenceWatches(cluster.faults.faults.silentWatches);
}

function send(response: ServerResponse, status: number, body: unknown): void {
  response.writeHead(status, { 'content-type': 'application/json' });
  response.end(`${JSON.stringify(body, undefined, 2)}\n`);
}
