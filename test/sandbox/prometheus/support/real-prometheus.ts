/** The real `prometheus`, fed through its remote-write interface, which is the one way to say "stale" exactly. */
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

import type { PrometheusRequest } from '../../../../src/sandbox/prometheus/http-api.ts';
import type { Question } from './queries.ts';
import { epochMs, sampleValue, type InputSeries } from './series.ts';

/** First line of `prometheus --version`; `undefined` when there is none on the PATH. */
export function installedVersion(): string | undefined {
  const { status, stdout } = spawnSync('prometheus', ['--version'], { encoding: 'utf8' });
  return status === 0 ? stdout.split('\n')[0] : undefined;
}

export interface Answer {
  readonly status: number;
  readonly body: unknown;
}

export interface RealPrometheus extends AsyncDisposable {
  readonly url: string;
  write(series: readonly InputSeries[]): Promise<void>;
  ask(question: Question): Promise<Answer>;
}

/** `config`: the text of its configuration file. */
export async function startRealPrometheus(config = ''): Promise<RealPrometheus> {
  const directory = await mkdtemp(path.join(tmpdir(), 'prometheus-'));
  await writeFile(path.join(directory, 'prometheus.yml'), config);
  const port = await freePort();
  const url = `http://127.0.0.1:${port}`;
  const child = spawn(
    'prometheus',
    [
      `--config.file=${path.join(directory, 'prometheus.yml')}`,
      `--storage.tsdb.path=${path.join(directory, 'data')}`,
      `--web.listen-address=127.0.0.1:${port}`,
      '--web.enable-remote-write-receiver',
      '--log.level=error',
    ],
    { stdio: ['ignore', 'ignore', 'inherit'] },
  );
  const exited = once(child, 'exit');
  await until(async () => (await fetch(`${url}/-/ready`)).ok);
  return {
    url,
    write: (series) => remoteWrite(url, series),
    ask: (question) => query(url, question),
    async [Symbol.asyncDispose]() {
      // Nothing of it is kept, so it need not tidy up.
      child.kill('SIGKILL');
      await exited;
      await rm(directory, { recursive: true });
    },
  };
}

/** Asks until the answer is yes; a refused connection is a no. */
export async function until(isDone: () => Promise<boolean>): Promise<void> {
  for (let attempt = 0; attempt < 600; attempt += 1) {
    if (await isDone().catch(() => false)) return;
    await sleep(50);
  }
  throw new Error('waited half a minute in vain');
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  await once(server, 'close');
  if (address === null || typeof address === 'string') throw new Error('no port');
  return address.port;
}

export async function query(url: string, { query: text, atMs }: Question): Promise<Answer> {
  const body = new URLSearchParams({ query: text, time: String(atMs / 1000) });
  const response = await fetch(`${url}/api/v1/query`, { method: 'POST', body });
  return { status: response.status, body: await response.json() };
}

export interface Exchanged {
  readonly status: number;
  readonly contentType: string;
  readonly body: string;
}

/** Sends a request as it is, and gives back what came. */
export async function send(
  url: string,
  { method, path: pathAndQuery, contentType, body }: PrometheusRequest,
): Promise<Exchanged> {
  const response = await fetch(`${url}${pathAndQuery}`, {
    method,
    ...(contentType !== undefined && { headers: { 'content-type': contentType } }),
    ...(body !== undefined && { body }),
  });
  const type = response.headers.get('content-type') ?? '';
  return { status: response.status, contentType: type, body: await response.text() };
}

async function remoteWrite(url: string, series: readonly InputSeries[]): Promise<void> {
  const response = await fetch(`${url}/api/v1/write`, {
    method: 'POST',
    headers: { 'content-encoding': 'snappy', 'content-type': 'application/x-protobuf' },
    body: snappy(Buffer.concat(series.map((one) => field(1, timeSeries(one))))),
  });
  if (!response.ok) throw new Error(`remote write: ${response.status} ${await response.text()}`);
}

/** Snappy's block format, with everything as literals. */
function snappy(bytes: Buffer): Buffer {
  const parts = [varint(bytes.length)];
  for (let at = 0; at < bytes.length; at += 0x10000) {
    const literal = bytes.subarray(at, at + 0x10000);
    const head = Buffer.from([61 << 2, 0, 0]);
    head.writeUInt16LE(literal.length - 1, 1);
    parts.push(head, literal);
  }
  return Buffer.concat(parts);
}

function timeSeries({ labels, samples }: InputSeries): Buffer {
  const sorted = Object.entries(labels).sort(([a], [b]) => (a < b ? -1 : 1));
  return Buffer.concat([
    ...sorted.map(([name, value]) =>
      field(1, Buffer.concat([field(1, Buffer.from(name)), field(2, Buffer.from(value))])),
    ),
    ...samples.map(([afterMs, text]) => field(2, sample(epochMs + afterMs, text))),
  ]);
}

function sample(tMs: number, text: string): Buffer {
  const value = Buffer.alloc(8);
  // The one NaN that means "this series has ended".
  if (text === 'stale') value.writeBigUInt64LE(0x7ff0000000000002n);
  else value.writeDoubleLE(sampleValue(text));
  return Buffer.concat([Buffer.from([(1 << 3) | 1]), value, Buffer.from([2 << 3]), varint(tMs)]);
}

function field(number: number, content: Buffer): Buffer {
  return Buffer.concat([Buffer.from([(number << 3) | 2]), varint(content.length), content]);
}

function varint(value: number): Buffer {
  const bytes: number[] = [];
  let rest = value;
  while (rest >= 0x80) {
    bytes.push((rest % 0x80) | 0x80);
    rest = Math.floor(rest / 0x80);
  }
  return Buffer.from([...bytes, rest]);
}
