/**
 * A server whose health a test can change: `GET /break?path=/ready` makes that path answer 500 from then on,
 * `/mend?path=…` undoes it. Every other path answers with the pod's name. Ends on SIGTERM.
 */

import http from 'node:http';

const broken = new Set<string>();

const server = http.createServer(({ url = '/' }, response) => {
  const { pathname, searchParams } = new URL(url, 'http://localhost');
  const path = searchParams.get('path') ?? '';
  if (pathname === '/break') broken.add(path);
  if (pathname === '/mend') broken.delete(path);
  response.statusCode = broken.has(pathname) ? 500 : 200;
  response.end(`${process.env['POD_NAME'] ?? process.env['HOSTNAME'] ?? ''}\n`);
});

process.once('SIGTERM', () => process.exit(0));
server.listen(Number(process.argv[2] ?? 8080), '0.0.0.0');
