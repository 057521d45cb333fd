/** Everything that is not an object: health, version, discovery, OpenAPI. */

import type { ApiAnswer, ApiCall } from './call.ts';
import type { ServerContext } from './context.ts';

export function answerPath(
  _context: ServerContext,
  { method, path }: ApiCall,
): ApiAnswer | undefined {
  if (method !== 'GET') return undefined;
  switch (path) {
    case '/healthz':
    case '/livez':
    case '/readyz':
      return { kind: 'object', status: 200, body: 'ok', headers: { 'content-type': 'text/plain' } };
    case '/version':
      return json(VERSION);
    default:
      return undefined;
  }
}

function json(body: unknown): ApiAnswer {
  return { kind: 'object', status: 200, body };
}

const VERSION = {
  major: '1',
  minor: '36',
  gitVersion: 'v1.36.3',
  gitCommit: '',
  gitTreeState: 'clean',
  buildDate: '1970-01-01T00:00:00Z',
  goVersion: 'none',
  compiler: 'none',
  platform: 'sandbox',
};
