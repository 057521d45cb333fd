/**
 * Asks Prometheus, or what speaks its HTTP API, for one instant value.
 *
 * The client library reads `+Inf` as NaN, fails on native histograms, loses HTTP statuses and rejects with objects
 * that hold the whole request, credentials included. So the answer is taken from the wire, in an interceptor, and
 * nothing that the library throws leaves this file.
 */
import * as z from 'zod';

import type { Sample } from '../../core/analysis.ts';
import {
  assertNever,
  DeniedError,
  InvalidError,
  UnavailableError,
  type OperatorError,
} from '../../errors.ts';
import type {
  MetricsAccess,
  MetricsProvider,
  MetricsProviderKind,
} from '../../ports/metrics-provider.ts';
import { keepAliveAgents, type KeepAliveAgents } from '../http/agents.ts';
import {
  credentialKeys,
  noCredentials,
  readCredentials,
  userOf,
  type Credentials,
} from '../http/credentials.ts';

/** More than any instant query that answers with one number; what is larger is somebody else's page. */
const maxAnswerBytes = 4 * 1024 * 1024;

/** The caller's signal ends a query; this is for a caller who has none in mind. */
const longestQueryMs = 60_000;

/** Providers that are kept. A rotated Secret makes another one, and the one unused for longest is let go. */
const maxProviders = 512;

const providers = new Map<string, MetricsProvider>();

export const prometheus: MetricsProviderKind = {
  name: 'prometheus',
  create(access) {
    const key = JSON.stringify([
      access.address,
      access.headers,
      access.insecureSkipVerify,
      access.secret,
    ]);
    const known = providers.get(key);
    const provider = known ?? createProvider(access);
    // Taken out and put back, so that the first key is the one unused for longest.
    providers.delete(key);
    providers.set(key, provider);
    const [unused] = providers.keys();
    if (providers.size > maxProviders && unused !== undefined) providers.delete(unused);
    return provider;
  },
};

/** Where to ask, and with what; made once per access. */
interface Endpoint {
  /** Host and port, the only part of an address that messages may show. */
  readonly host: string;
  readonly url: string;
  readonly headers: Readonly<Record<string, readonly string[]>>;
  readonly agents: KeepAliveAgents;
  /** Texts that must not appear in anything we say. */
  readonly secrets: readonly string[];
}

function createProvider(access: MetricsAccess): MetricsProvider {
  const endpoint = endpointOf(access);
  return {
    async query(query, at, signal) {
      let exchange = await ask(endpoint, query, at, signal);
      // The server may hang up on an idle connection just as we take it up again.
      if (exchange.staleConnection && !signal.aborted)
        exchange = await ask(endpoint, query, at, signal);
      const { reply, failure } = exchange;
      if (failure !== undefined) throw errorOf(failure, endpoint, signal);
      return toSample(reply, endpoint);
    },
  };
}

function endpointOf({ address, headers, insecureSkipVerify, secret }: MetricsAccess): Endpoint {
  if (!/^https?:\/\//i.test(address) || !URL.canParse(address)) {
    throw new InvalidError('the address of Prometheus must begin with http:// or https://', {
      reason: 'InvalidMetricsProvider',
    });
  }
  const url = new URL(address);
  const { authorization = userOf(url), ...tls } = credentialsOf(secret, url.host);
  const authorizations = authorization === undefined ? {} : { authorization: [authorization] };
  return {
    host: url.host,
    url: `${url.origin}${url.pathname}`,
    headers: { ...headers, ...authorizations },
    agents: agentsFor({ insecureSkipVerify, ...tls }, url.host),
    secrets: [...Object.values(secret ?? {}), url.password, authorization?.split(' ')[1] ?? '']
      .map((text) => text.trim())
      .filter((text) => text !== ''),
  };
}

function credentialsOf(secret: MetricsAccess['secret'], host: string): Credentials {
  if (secret === undefined) return noCredentials;
  const credentials = readCredentials(secret);
  if (credentials !== undefined) return credentials;
  throw new InvalidError(`the Secret for Prometheus at ${host} needs one of: ${credentialKeys}`, {
    reason: 'InvalidMetricsProvider',
    details: { host },
  });
}

function agentsFor(tls: Parameters<typeof keepAliveAgents>[0], host: string): KeepAliveAgents {
  try {
    return keepAliveAgents(tls);
  } catch {
    throw new InvalidError(
      `the certificates in the Secret for Prometheus at ${host} cannot be read`,
      {
        reason: 'InvalidMetricsProvider',
        details: { host },
      },
    );
  }
}

/** What we keep of a failed request: never the request. */
interface Failure {
  readonly status: number | undefined;
  readonly code: string;
  readonly tooLarge: boolean;
  /** Prometheus' own words, when it said something. */
  readonly words: string | undefined;
  readonly retryAfter: string | undefined;
}

interface Exchange {
  readonly reply: unknown;
  readonly failure: Failure | undefined;
  readonly staleConnection: boolean;
}

async function ask(
  endpoint: Endpoint,
  query: string,
  at: number,
  signal: AbortSignal,
): Promise<Exchange> {
  let reply: { readonly body: unknown } | undefined;
  let thrown: unknown;
  // Loaded by the first question: an operator that starts has none, and is ready the sooner.
  const { PrometheusDriver } = await import('prometheus-query');
  const driver = new PrometheusDriver({
    endpoint: endpoint.url,
    timeout: longestQueryMs,
    requestInterceptor: {
      onFulfilled: (request) =>
        Object.assign(request, {
          headers: Object.assign(request.headers, endpoint.headers),
          data: undefined, // the library sends a form with a GET
          signal,
          proxy: false,
          maxRedirects: 0,
          maxContentLength: maxAnswerBytes,
          httpAgent: endpoint.agents.http,
          httpsAgent: endpoint.agents.https,
        }),
    },
    responseInterceptor: {
      onFulfilled(response) {
        reply = { body: response.data };
        return response;
      },
      onRejected(error: unknown) {
        thrown = error;
        throw error;
      },
    },
  });
  const failed = await driver.instantQuery(query, new Date(at)).then(
    () => undefined,
    (error: unknown) => ({ error }),
  );
  if (reply !== undefined) return { reply: reply.body, failure: undefined, staleConnection: false };
  return exchangeThatFailed(thrown ?? failed?.error);
}

const Thrown = z.object({
  code: z.string().catch('unknown'),
  message: z.string().catch(''),
  request: z.object({ reusedSocket: z.boolean() }).optional().catch(undefined),
  response: z
    .object({
      status: z.number(),
      headers: z.object({ 'retry-after': z.string().optional() }).catch({}),
      data: z.object({ error: z.string() }).optional().catch(undefined),
    })
    .optional()
    .catch(undefined),
});

function exchangeThatFailed(thrown: unknown): Exchange {
  const parsed = Thrown.safeParse(thrown).data;
  const code = parsed?.code ?? 'unknown';
  const failure: Failure = {
    status: parsed?.response?.status,
    code,
    tooLarge: parsed?.message.includes('maxContentLength') === true,
    words: parsed?.response?.data?.error,
    retryAfter: parsed?.response?.headers['retry-after'],
  };
  const reset = code === 'ECONNRESET' || code === 'EPIPE';
  const staleConnection =
    reset && parsed?.response === undefined && parsed?.request?.reusedSocket === true;
  return { reply: undefined, failure, staleConnection };
}

function errorOf(failure: Failure, endpoint: Endpoint, signal: AbortSignal): OperatorError {
  const { status, code, words } = failure;
  const { host } = endpoint;
  const details = status === undefined ? { host, code } : { host, status };
  const unavailable = (message: string): UnavailableError =>
    new UnavailableError(message, {
      reason: 'MetricsUnavailable',
      details,
      ...retryAfterOf(failure),
    });
  const invalid = (message: string): InvalidError =>
    new InvalidError(message, { reason: 'MetricsInvalid', details });

  if (failure.tooLarge) return invalid(`Prometheus at ${host} answered with more than 4 MiB`);
  if (signal.aborted) return unavailable(`Prometheus at ${host} did not answer in time`);
  // A good status on a failure is that of an answer which was cut off.
  if (status === undefined || status < 300)
    return unavailable(`Prometheus at ${host} did not answer (${code})`);
  if (status === 401 || status === 403) {
    return new DeniedError(`Prometheus at ${host} refused us (${status})`, {
      reason: 'MetricsDenied',
      details,
    });
  }
  if (status === 400 || status === 422) {
    const said =
      words === undefined ? `it said ${status} and no reason` : presentable(words, endpoint);
    return invalid(`Prometheus at ${host} cannot run the query: ${said}`);
  }
  if (status === 408 || status === 429 || status >= 500) {
    return unavailable(`Prometheus at ${host} answered ${status}`);
  }
  return invalid(`there is no Prometheus API at ${host} under this address: it answered ${status}`);
}

/** Only the form in seconds: of a date we would have to know the time. */
function retryAfterOf({ retryAfter }: Failure): { readonly retryAfterMs?: number } {
  const isSeconds = retryAfter !== undefined && /^[0-9]{1,6}$/.test(retryAfter);
  return isSeconds ? { retryAfterMs: Number(retryAfter) * 1000 } : {};
}

/** One line, not too long, and without anything secret that the other side may have echoed. */
function presentable(words: string, { secrets }: Endpoint): string {
  const clean = secrets.reduce((text, secret) => text.replaceAll(secret, '…'), words);
  const line = clean.replaceAll(/\s+/g, ' ').trim();
  return line.length > 300 ? `${line.slice(0, 300)}…` : line;
}

/** As Go prints a float; anything else is not an answer, least of all zero. */
const numberText = /^(?:NaN|[+-]?Inf|[+-]?[0-9]+(?:\.[0-9]+)?(?:e[+-]?[0-9]+)?)$/;

const Value = z
  .tuple([z.number(), z.string().regex(numberText)])
  .transform(([, text]) => Number(text.replace(/Inf$/, 'Infinity')));

const Reply = z.object({
  status: z.literal('success'),
  data: z.discriminatedUnion('resultType', [
    z.object({ resultType: z.literal('scalar'), result: Value }),
    z.object({
      resultType: z.literal('vector'),
      result: z.array(z.object({ value: Value.optional() })),
    }),
    z.object({ resultType: z.literal('string') }),
    z.object({ resultType: z.literal('matrix') }),
  ]),
});

function toSample(reply: unknown, { host }: Endpoint): Sample {
  const invalid = (message: string): InvalidError =>
    new InvalidError(message, { reason: 'MetricsInvalid', details: { host } });
  const parsed = Reply.safeParse(reply).data?.data;
  if (parsed === undefined)
    throw invalid(`what is at ${host} is not the API of Prometheus: its answer cannot be read`);
  switch (parsed.resultType) {
    case 'scalar':
      return judgeable([parsed.result], invalid);
    case 'vector': {
      const values = parsed.result.map(({ value }) => value);
      const numbers = values.filter((value) => value !== undefined);
      if (numbers.length === values.length) return judgeable(numbers, invalid);
      throw invalid('the query gives a native histogram, not a number');
    }
    case 'string':
    case 'matrix':
      throw invalid(`the query gives a ${parsed.resultType}, not one number`);
    default:
      return assertNever(parsed, 'result type');
  }
}

function judgeable(values: readonly number[], invalid: (message: string) => InvalidError): Sample {
  const [value] = values;
  if (value === undefined) return { kind: 'noData', why: 'the query matches no series' };
  if (values.length > 1) return { kind: 'manySeries', values };
  if (Number.isNaN(value)) return { kind: 'noData', why: 'the value is not a number' };
  if (!Number.isFinite(value))
    throw invalid(`the value is ${value < 0 ? '-' : '+'}Inf, as after a division by zero`);
  return { kind: 'value', value };
}
