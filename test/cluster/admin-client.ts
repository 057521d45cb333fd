/** Requests with all permissions, for what sets a cluster up and for what judges it. Never for the operator. */
import { httpTransport, loadKubeConfig } from '../../src/adapters/kubernetes/http-transport.ts';
import type { ApiRequest, ApiResponse, Method } from '../../src/adapters/kubernetes/transport.ts';
import { FILES } from './layout.ts';

export interface AdminClient {
  get(path: string, query?: ApiRequest['query']): Promise<ApiResponse>;
  send(
    method: Method,
    path: string,
    body?: unknown,
    more?: Partial<ApiRequest>,
  ): Promise<ApiResponse>;
  /** Throws unless the answer is a success. */
  must(method: Method, path: string, body?: unknown, more?: Partial<ApiRequest>): Promise<unknown>;
  close(): Promise<void>;
}

export function adminClient(kubeconfig: string = FILES.kubeconfig): AdminClient {
  const transport = httpTransport({ kubeConfig: loadKubeConfig(kubeconfig), version: 'cluster' });
  const send: AdminClient['send'] = (method, path, body, more = {}) =>
    transport.request(
      {
        method,
        path,
        query: {},
        timeoutMs: 30_000,
        ...(body === undefined ? {} : { body }),
        ...more,
      },
      new AbortController().signal,
    );
  return {
    get: (path, query = {}) => send('GET', path, undefined, { query }),
    send,
    must: async (method, path, body, more) => {
      const answer = await send(method, path, body, more);
      if (answer.status < 300) return answer.body;
      throw new Error(`${method} ${path}: ${answer.status} ${JSON.stringify(answer.body)}`);
    },
    close: () => transport.close(),
  };
}
