/**
 * The demo application: a small HTTP server whose versions are good, slow, failing sometimes, failing always, gone
 * at once when told to end, ending by themselves, or never ready. It is started once per pod, so it uses nothing but
 * Node.js and is listening within a few dozen milliseconds.
 *
 * Settings come from the environment, as in any container: `APP_VERSION`, `APP_BEHAVIOUR`, `APP_DELAY_MS`,
 * `APP_FAIL_EVERY`, `APP_DRAIN_MS`, `APP_LISTEN`, `APP_UNREADY_AS` (the beginning of the names of pods that never
 * become ready), `POD_NAME`, `POD_IP`, `PORT`.
 */
import type { IncomingMessage, ServerResponse } from 'node:http';

// A static import of node:http loads all that it could ever offer, which triples the time to start.
const { createServer } = process.getBuiltinModule('node:http');

const BUCKETS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];

const BEHAVIOURS = ['good', 'slow', 'flaky', 'failing', 'abrupt', 'crash', 'unready'] as const;
/** Longer than any answer takes. */
const LAST_ANSWER_MS = 1_500;
type Behaviour = (typeof BEHAVIOURS)[number];

interface Histogram {
  readonly buckets: number[];
  sum: number;
  count: number;
}

const env = process.env;
const behaviour = behaviourOf(env['APP_BEHAVIOUR'] ?? 'good');
const version = env['APP_VERSION'] ?? 'unknown';
const pod = env['POD_NAME'] ?? env['HOSTNAME'] ?? 'unknown';
const delayMs = numberOf('APP_DELAY_MS', behaviour === 'slow' ? 700 : 2);
const failEvery = numberOf('APP_FAIL_EVERY', 4);
const unreadyAs = env['APP_UNREADY_AS'] ?? '';
const neverReady = behaviour === 'unready' || (unreadyAs !== '' && pod.startsWith(unreadyAs));
const drainMs = numberOf('APP_DRAIN_MS', 1_000);

// Both are there from the start: a counter that is born with its first failure hides it from `rate`.
const histograms = new Map([200, 500].map((status) => [status, newHistogram()]));
let served = 0;
let draining = false;

const server = createServer((request, response) => {
  if (draining) response.setHeader('connection', 'close');
  const [path] = (request.url ?? '/').split('?');
  if (path === '/metrics') answer(response, 200, metricsText(), 'text/plain; version=0.0.4');
  else if (path === '/healthz') answer(response, 200, 'ok\n');
  else if (path === '/readyz') {
    const why = draining ? 'draining' : 'not ready';
    const ready = !draining && !neverReady;
    answer(response, ready ? 200 : 503, ready ? 'ok\n' : `${why}\n`);
  } else serve(request, response);
});

// A proxy keeps idle connections for longer than Node.js does, and would now and then meet one that just closes.
server.keepAliveTimeout = 0;

/** Every n-th request of a flaky version fails: the share can be counted, no dice are thrown. */
function serve(request: IncomingMessage, response: ServerResponse): void {
  const startedAt = performance.now();
  served++;
  const fails = behaviour === 'failing' || (behaviour === 'flaky' && served % failEvery === 0);
  const status = fails ? 500 : 200;
  request.resume();
  setTimeout(() => {
    response.setHeader('x-app-version', version);
    response.setHeader('x-app-pod', pod);
    const body = { version, pod, message: fails ? 'something broke' : 'hello' };
    answer(response, status, `${JSON.stringify(body)}\n`, 'application/json');
    observe(status, (performance.now() - startedAt) / 1_000);
  }, delayMs);
}

function answer(
  response: ServerResponse,
  status: number,
  body: string,
  type = 'text/plain; charset=utf-8',
): void {
  response.writeHead(status, { 'content-type': type, 'content-length': Buffer.byteLength(body) });
  response.end(body);
}

function observe(status: number, seconds: number): void {
  const histogram = histograms.get(status) ?? newHistogram();
  histograms.set(status, histogram);
  histogram.sum += seconds;
  histogram.count++;
  const { buckets } = histogram;
  BUCKETS.forEach((bound, i) => {
    if (seconds <= bound) buckets[i] = (buckets[i] ?? 0) + 1;
  });
}

function newHistogram(): Histogram {
  return { buckets: BUCKETS.map(() => 0), sum: 0, count: 0 };
}

function metricsText(): string {
  const name = 'http_request_duration_seconds';
  const lines = [
    `# HELP ${name} Time to answer a request.`,
    `# TYPE ${name} histogram`,
    ...[...histograms].flatMap(([status, { buckets, sum, count }]) => [
      ...BUCKETS.map((le, i) => `${name}_bucket{status="${status}",le="${le}"} ${buckets[i]}`),
      `${name}_bucket{status="${status}",le="+Inf"} ${count}`,
      `${name}_sum{status="${status}"} ${sum}`,
      `${name}_count{status="${status}"} ${count}`,
    ]),
    '# HELP app_info Which version this is.',
    '# TYPE app_info gauge',
    `app_info{version="${version}"} 1`,
  ];
  return `${lines.join('\n')}\n`;
}

/** Unready first, then a while for everybody to notice, then no new connection; what is open is answered. */
function drain(): void {
  if (draining) return;
  draining = true;
  setTimeout(() => {
    server.close(() => process.exit(0));
    server.closeIdleConnections();
    // What is left was opened in advance and never used, which does not count as idle.
    setTimeout(() => server.closeAllConnections(), LAST_ANSWER_MS);
  }, drainMs);
}

function behaviourOf(text: string): Behaviour {
  const found = BEHAVIOURS.find((known) => known === text);
  if (found !== undefined) return found;
  throw new Error(`APP_BEHAVIOUR "${text}" is none of ${BEHAVIOURS.join(', ')}`);
}

function numberOf(name: string, otherwise: number): number {
  const number = Number(env[name] ?? otherwise);
  if (Number.isFinite(number)) return number;
  throw new Error(`${name} "${env[name]}" is not a number`);
}

process.on('SIGTERM', behaviour === 'abrupt' ? () => process.exit(0) : drain);
process.on('SIGINT', drain);
if (behaviour === 'crash') setTimeout(() => process.exit(1), 300);
else server.listen(numberOf('PORT', 8080), env['APP_LISTEN'] ?? env['POD_IP'] ?? '127.0.0.1');
