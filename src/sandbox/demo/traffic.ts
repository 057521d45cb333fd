/**
 * Sends requests at a steady rate and notes what became of each.
 *
 * Open loop: the n-th request is sent when it is due, however slow the answers are, so that the number sent
 * follows from the time alone. Records go to the parent as messages, or as lines of JSON to standard output.
 *
 *   traffic.ts --url http://127.0.0.1:8080/ --host demo.local --rate 50
 *
 * Connections are kept and used again. `--fresh-every 2` opens a new one for every second request, 1 for each.
 */
import { Agent, request } from 'node:http';
import type { Socket } from 'node:net';
import { parseArgs } from 'node:util';

import type { RequestRecord } from './request-record.ts';

const TIMEOUT_MS = 10_000;
const REPORT_MS = 200;
/** After a longer pause of its own it does not make up for all of it: a flood would be no steady load. */
const MOST_LATE_MS = 500;

const { values } = parseArgs({
  options: {
    url: { type: 'string', default: 'http://127.0.0.1:8080/' },
    host: { type: 'string' },
    rate: { type: 'string', default: '50' },
    'fresh-every': { type: 'string', default: '0' },
  },
});
const url = new URL(values.url);
const perSecond = Number(values.rate);
if (!(perSecond > 0)) throw new Error(`--rate "${values.rate}" is not a positive number`);
const freshEvery = Number(values['fresh-every']);
if (!(freshEvery >= 0)) throw new Error(`--fresh-every "${values['fresh-every']}" is no number`);

/** Which pod answered last on a connection: the one that is missing when the next answer does not come. */
const podBehind = new WeakMap<Socket, string>();
// In turn, so that each hears in time that its server is about to go.
const agent = new Agent({ keepAlive: true, scheduling: 'fifo' });
let startedAt = performance.now();
let sent = 0;
let underWay = 0;
let records: RequestRecord[] = [];
let stopping = false;

function sendWhatIsDue(): void {
  if (stopping) return;
  const lateMs = performance.now() - startedAt - ((sent + 1) / perSecond) * 1_000;
  startedAt += Math.max(0, lateMs - MOST_LATE_MS);
  const due = Math.floor(((performance.now() - startedAt) / 1_000) * perSecond);
  while (sent < due) {
    sent++;
    send();
  }
  const nextMs = startedAt + ((sent + 1) / perSecond) * 1_000 - performance.now();
  // After the turn in which connections that were closed meanwhile are noticed, so that none of them is used.
  setTimeout(() => setImmediate(sendWhatIsDue), Math.max(1, nextMs));
}

function send(): void {
  const at = Date.now();
  const sentAt = performance.now();
  const fresh = freshEvery > 0 && sent % freshEvery === 0;
  underWay++;
  const note = (rest: Omit<RequestRecord, 'at' | 'tookMs' | 'fresh'>) => {
    underWay--;
    const took = { at, tookMs: performance.now() - sentAt };
    records.push({ ...took, ...(fresh ? { fresh } : {}), ...rest });
    if (stopping && underWay === 0) finish();
  };
  const headers = values.host === undefined ? {} : { host: values.host };
  const through = fresh ? false : agent;
  const outgoing = request(url, { agent: through, headers, timeout: TIMEOUT_MS }, (response) => {
    const { statusCode = 0, headers: answer } = response;
    const version = answer['x-app-version'];
    const pod = answer['x-app-pod'];
    const who = {
      ...(typeof version === 'string' ? { version } : {}),
      ...(typeof pod === 'string' ? { pod } : {}),
    };
    if (typeof pod === 'string') podBehind.set(response.socket, pod);
    response.resume();
    response.on('end', () => note({ status: statusCode, failed: statusCode >= 500, ...who }));
    response.on('error', (error) =>
      note({ status: statusCode, failed: true, error: error.message, ...who }),
    );
  });
  outgoing.on('timeout', () => outgoing.destroy(new Error(`no answer in ${TIMEOUT_MS} ms`)));
  let answered = false;
  outgoing.on('response', () => {
    answered = true;
  });
  outgoing.on('error', (error) => {
    // Once an answer has begun, its own events tell the end.
    if (answered) return;
    const lastPod = outgoing.socket === null ? undefined : podBehind.get(outgoing.socket);
    const who = lastPod === undefined ? {} : { lastPod };
    note({ status: 0, failed: true, error: error.message, ...who });
  });
  outgoing.end();
}

function report(): void {
  if (records.length === 0) return;
  const batch = records;
  records = [];
  if (process.send === undefined) {
    process.stdout.write(batch.map((record) => `${JSON.stringify(record)}\n`).join(''));
  } else process.send({ kind: 'requests', records: batch });
}

function finish(): void {
  report();
  agent.destroy();
  if (process.send === undefined) process.exit(0);
  else process.disconnect();
  clearInterval(reporting);
}

function stop(): void {
  if (stopping) return;
  stopping = true;
  if (underWay === 0) finish();
}

const reporting = setInterval(report, REPORT_MS);
process.on('SIGTERM', stop);
process.on('SIGINT', stop);
process.on('message', (message) => {
  if (message === 'stop') stop();
});
sendWhatIsDue();
