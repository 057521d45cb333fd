/** One try of a probe or a hook, from the node as the kubelet does. */

import http from 'node:http';
import https from 'node:https';
import net from 'node:net';

import type { RunningProcess } from './process.ts';
import type { ContainerSpec, Handler, HttpGet } from './types.ts';

export interface HandlerTarget {
  readonly podIP: string;
  readonly container: ContainerSpec;
  readonly process: RunningProcess;
}

export interface Outcome {
  readonly ok: boolean;
  /** For people: why not, or what was said. */
  readonly message: string;
}

/** `signal` ends the try; that counts as not ok. Never rejects. */
export async function tryHandler(
  handler: Handler,
  target: HandlerTarget,
  signal: AbortSignal,
): Promise<Outcome> {
  try {
    if (handler.httpGet !== undefined) return await httpOutcome(handler.httpGet, target, signal);
    if (handler.tcpSocket !== undefined) return await tcpOutcome(handler.tcpSocket, target, signal);
    if (handler.exec !== undefined) {
      const { exitCode, output } = await target.process.exec(handler.exec.command, signal);
      const ok = exitCode === 0 && !signal.aborted;
      return { ok, message: signal.aborted ? 'command timed out' : output };
    }
    return { ok: false, message: 'no handler' };
  } catch (error) {
    if (signal.aborted) return { ok: false, message: 'context deadline exceeded' };
    return { ok: false, message: error instanceof Error ? error.message : String(error) };
  }
}

/** The number of a port that may be given by its name. Throws for a name that the container does not have. */
export function portOf(port: number | string, { ports = [] }: ContainerSpec): number {
  if (typeof port === 'number') return port;
  const named = ports.find(({ name }) => name === port)?.containerPort;
  const number = named ?? Number(port);
  if (Number.isInteger(number)) return number;
  throw new Error(`couldn't find port: ${port}`);
}

function httpOutcome(
  { path = '/', port, host, scheme = 'HTTP', httpHeaders = [] }: HttpGet,
  { podIP, container }: HandlerTarget,
  signal: AbortSignal,
): Promise<Outcome> {
  const headers: Record<string, string> = { 'user-agent': 'kube-probe/1.36', accept: '*/*' };
  for (const { name, value } of httpHeaders) headers[name.toLowerCase()] = value;
  const options = {
    host: host ?? podIP,
    port: portOf(port, container),
    path: path.startsWith('/') ? path : `/${path}`,
    headers,
    agent: false as const,
    signal,
  };
  return new Promise((resolve, reject) => {
    const onResponse = (response: http.IncomingMessage): void => {
      const { statusCode = 0 } = response;
      response.resume();
      response.once('end', () => {
        const ok = statusCode >= 200 && statusCode < 400;
        resolve({ ok, message: `HTTP probe ended with statuscode: ${statusCode}` });
      });
      response.once('error', reject);
    };
    const request =
      scheme === 'HTTPS'
        ? https.get({ ...options, rejectUnauthorized: false }, onResponse)
        : http.get(options, onResponse);
    request.once('error', reject);
  });
}

function tcpOutcome(
  { port, host }: { port: number | string; host?: string },
  { podIP, container }: HandlerTarget,
  signal: AbortSignal,
): Promise<Outcome> {
  return new Promise((resolve, reject) => {
    const socket = net.connect({ host: host ?? podIP, port: portOf(port, container), signal });
    socket.once('connect', () => {
      socket.destroy();
      resolve({ ok: true, message: '' });
    });
    socket.once('error', reject);
  });
}
