/** An https server for the tests of the proxy: it writes down what it gets and answers as it is told. */
import { createServer } from 'node:https';
import type { IncomingHttpHeaders, IncomingMessage, ServerResponse } from 'node:http';

import type { Certificate } from '../../../src/sandbox/certificate.ts';

interface Received {
  readonly method: string;
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

export interface PlainServer extends AsyncDisposable {
  readonly url: URL;
  readonly received: Received[];
  /** Answers to watches, kept open; newest last. */
  readonly watches: ServerResponse[];
}

export async function startPlainServer(certificate: Certificate): Promise<PlainServer> {
  const received: Received[] = [];
  const watches: ServerResponse[] = [];
  const serve = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(Buffer.from(chunk));
    const { method = '', url: path = '', headers } = request;
    received.push({ method, path, headers, body: Buffer.concat(chunks).toString('utf8') });
    response.setHeader('x-served-by', 'plain');
    response.statusCode = method === 'POST' ? 201 : 200;
    if (!path.includes('watch=true')) {
      response.end(`answer to ${method} ${path}`);
      return;
    }
    watches.push(response);
    response.write('{"type":"ADDED"}\n');
  };
  const server = createServer(certificate, (request, response) => void serve(request, response));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  return {
    url: new URL(`https://127.0.0.1:${port}`),
    received,
    watches,
    [Symbol.asyncDispose]: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}
