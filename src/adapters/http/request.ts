/**
 * One call to an HTTP server somebody named in a manifest: with a deadline (the caller's signal), a limit on the
 * answer, and nothing in an error but the host, because paths and queries of such addresses are often passwords.
 */
import { Agent, ProxyAgent, request as send, type Dispatcher } from 'undici';

import { InvalidError, UnavailableError } from '../../errors.ts';
import { userOf } from './credentials.ts';

export interface HttpCall {
  readonly method: 'GET' | 'POST';
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string;
  /** What is longer is cut off. */
  readonly maxBytes: number;
  readonly insecureSkipVerify?: boolean;
  /** Address of an HTTP proxy; it may carry a name and a password. */
  readonly proxy?: string | undefined;
}

export interface HttpAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly text: string;
  /** Whether the answer was longer than the limit. */
  readonly truncated: boolean;
}

/** Enough for http to https and a trailing slash; more is a loop. */
const maxRedirects = 5;

/**
 * Sends one request, following redirects within the same host as a browser would: 301 to 303 turn a POST into
 * a GET.
 *
 * Throws `InvalidError` for an address nobody can call and for a redirect elsewhere (repeating is pointless),
 * `UnavailableError` when no complete answer came before `signal` aborted.
 */
export async function request(call: HttpCall, signal: AbortSignal): Promise<HttpAnswer> {
  const dispatcher = dispatcherFor(call);
  let url = parseAddress(call.url);
  let next = call;
  for (let redirects = 0; redirects <= maxRedirects; redirects += 1) {
    const { answer, location } = await exchange(next, url, dispatcher, signal);
    if (location === undefined) return answer;
    url = redirectTarget(url, location);
    if (answer.status < 307) next = withoutBody(next);
  }
  throw refused(`${url.host} redirects without end`, url);
}

/** The host of an address, for messages; never more of it. */
export function hostOf(address: string): string {
  return URL.canParse(address) ? new URL(address).host : 'an address that cannot be read';
}

async function exchange(
  { method, headers, body, maxBytes }: HttpCall,
  url: URL,
  dispatcher: Dispatcher,
  signal: AbortSignal,
): Promise<{ readonly answer: HttpAnswer; readonly location: string | undefined }> {
  const authorization = userOf(url);
  try {
    const response = await send(`${url.origin}${url.pathname}${url.search}`, {
      method,
      headers: { ...(authorization === undefined ? {} : { authorization }), ...headers },
      body: body ?? null,
      dispatcher,
      signal,
    });
    const { text, truncated } = await read(response.body, maxBytes);
    const { statusCode: status, headers: answered } = response;
    const isRedirect = [301, 302, 303, 307, 308].includes(status);
    const location = isRedirect ? single(answered['location']) : undefined;
    return { answer: { status, headers: answered, text, truncated }, location };
  } catch (thrown) {
    throw noAnswer(thrown, url, signal);
  }
}

async function read(
  body: AsyncIterable<unknown>,
  maxBytes: number,
): Promise<{ readonly text: string; readonly truncated: boolean }> {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of body) {
    if (!(chunk instanceof Uint8Array)) continue;
    chunks.push(chunk);
    bytes += chunk.length;
    // Leaving the loop hangs up.
    if (bytes > maxBytes) break;
  }
  const all = Buffer.concat(chunks).subarray(0, maxBytes);
  return { text: all.toString('utf8'), truncated: bytes > maxBytes };
}

function parseAddress(address: string): URL {
  if (/^https?:\/\//i.test(address) && URL.canParse(address)) return new URL(address);
  throw new InvalidError('the address does not begin with http:// or https://, or cannot be read', {
    reason: 'InvalidAddress',
  });
}

function redirectTarget(from: URL, location: string): URL {
  const to = URL.canParse(location, from.href) ? new URL(location, from) : undefined;
  if (to === undefined || !['http:', 'https:'].includes(to.protocol)) {
    throw refused(`${from.host} redirects to what is not an address`, from);
  }
  const upgrades = from.protocol === 'http:' && to.protocol === 'https:';
  const isSame = to.hostname === from.hostname && (to.port === from.port || upgrades);
  if (!isSame || (from.protocol === 'https:' && to.protocol === 'http:')) {
    throw refused(`${from.host} redirects to another host, ${to.host}`, from);
  }
  // Go's client takes the credentials of the first address along.
  to.username = from.username;
  to.password = from.password;
  return to;
}

function refused(message: string, { host }: URL): InvalidError {
  return new InvalidError(message, { reason: 'RedirectRefused', details: { host } });
}

function withoutBody({ headers, ...call }: HttpCall): HttpCall {
  const kept = Object.entries(headers).filter(([name]) => !/^content-/i.test(name));
  const get: HttpCall & { body?: string } = {
    ...call,
    method: 'GET',
    headers: Object.fromEntries(kept),
  };
  delete get.body;
  return get;
}

/** The foreign error stays here: it may hold the whole request. Its code does not. */
function noAnswer(thrown: unknown, { host }: URL, signal: AbortSignal): UnavailableError {
  if (signal.aborted) {
    return new UnavailableError(`${host} did not answer in time`, {
      reason: 'NoAnswer',
      details: { host },
    });
  }
  const code = codeOf(thrown);
  return new UnavailableError(`${host} did not answer (${code})`, {
    reason: 'NoAnswer',
    details: { host, code },
  });
}

function codeOf(thrown: unknown): string {
  for (let error = thrown; error instanceof Error; error = error.cause) {
    if ('code' in error && typeof error.code === 'string') return error.code;
  }
  return 'connection failed';
}

function single(header: string | string[] | undefined): string | undefined {
  return Array.isArray(header) ? header[0] : header;
}

const dispatchers = new Map<string, Dispatcher>();
const maxDispatchers = 32;

/** Connections are kept per way of reaching a host; there are few ways, so few are remembered. */
function dispatcherFor({ insecureSkipVerify = false, proxy }: HttpCall): Dispatcher {
  const key = `${insecureSkipVerify} ${proxy ?? ''}`;
  const known = dispatchers.get(key);
  const dispatcher = known ?? createDispatcher(insecureSkipVerify, proxy);
  dispatchers.delete(key);
  dispatchers.set(key, dispatcher);
  const [unused] = dispatchers.keys();
  if (dispatchers.size > maxDispatchers && unused !== undefined) dispatchers.delete(unused);
  return dispatcher;
}

function createDispatcher(insecureSkipVerify: boolean, proxy: string | undefined): Dispatcher {
  const tls = { rejectUnauthorized: !insecureSkipVerify };
  if (proxy === undefined) return new Agent({ connect: tls, allowH2: false });
  const address = parseProxy(proxy);
  const token = userOf(address);
  return new ProxyAgent({
    uri: address.origin,
    requestTls: tls,
    ...(address.protocol === 'https:' ? { proxyTls: tls } : {}),
    ...(token === undefined ? {} : { token }),
  });
}

function parseProxy(proxy: string): URL {
  if (/^https?:\/\//i.test(proxy) && URL.canParse(proxy)) return new URL(proxy);
  throw new InvalidError('the address of the proxy does not begin with http:// or https://', {
    reason: 'InvalidAddress',
  });
}
