/** Everything that is not an object: health, version, discovery, OpenAPI. */

import type { ApiAnswer, ApiCall } from './call.ts';
import type { ServerContext } from './context.ts';
import * as discovery from './discovery.ts';
import { ApiFault } from './faults.ts';
import { openApiDocument, openApiIndex } from './openapi.ts';

const VERSION = {
  major: '1',
  minor: '36',
  emulationMajor: '1',
  emulationMinor: '36',
  minCompatibilityMajor: '1',
  minCompatibilityMinor: '35',
  gitVersion: 'v1.36.3',
  gitCommit: '',
  gitTreeState: 'clean',
  buildDate: '1970-01-01T00:00:00Z',
  goVersion: 'none',
  compiler: 'none',
  platform: 'sandbox',
};

/** `undefined`: there is nothing at this path. */
export function answerPath(
  context: ServerContext,
  { method, path }: ApiCall,
): ApiAnswer | undefined {
  const answer = read(context, path.length > 1 ? path.replace(/\/$/, '') : path);
  if (answer === undefined || method === 'GET') return answer;
  throw new ApiFault(405, 'MethodNotAllowed', `${method} is not allowed on ${path}`);
}

function read(context: ServerContext, path: string): ApiAnswer | undefined {
  switch (path) {
    case '/healthz':
    case '/livez':
    case '/readyz':
      return {
        kind: 'object',
        status: 200,
        body: 'ok',
        headers: { 'content-type': 'text/plain; charset=utf-8' },
      };
    case '/version':
      return json(VERSION);
    case '/api':
      return json(discovery.coreVersions());
    case '/apis':
      return json(discovery.groupList(context));
    case '/openapi/v3':
      return json(openApiIndex(context));
    default:
      return readBelow(context, path.split('/').slice(1));
  }
}

function readBelow(context: ServerContext, parts: readonly string[]): ApiAnswer | undefined {
  const [first, second = '', third, ...more] = parts;
  if (first === 'api' && third === undefined)
    return json(discovery.resourceList(context, '', second));
  if (first === 'apis' && third === undefined) return json(discovery.apiGroup(context, second));
  if (first === 'apis' && third !== undefined && more.length === 0)
    return json(discovery.resourceList(context, second, third));
  if (first === 'openapi' && second === 'v3')
    return json(openApiDocument(context, parts.slice(2).join('/')));
  return undefined;
}

function json(body: unknown): ApiAnswer | undefined {
  return body === undefined ? undefined : { kind: 'object', status: 200, body };
}
