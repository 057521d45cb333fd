import http from 'node:http';
import https from 'node:https';
import { createSecureContext } from 'node:tls';

/** How to trust, and be trusted by, a server that speaks TLS. PEM texts. */
export interface TlsOptions {
  readonly insecureSkipVerify: boolean;
  readonly ca: string | undefined;
  readonly cert: string | undefined;
  readonly key: string | undefined;
}

/** Connections that stay open between calls, for clients that take Node's own agents. */
export interface KeepAliveAgents {
  readonly http: http.Agent;
  readonly https: https.Agent;
}

/** Below the idle time of the servers we know, so that it is us who hang up. */
const idleMs = 60_000;

/** Throws what `node:tls` throws for certificates that cannot be read. */
export function keepAliveAgents(tls: TlsOptions): KeepAliveAgents {
  const options = { keepAlive: true, timeout: idleMs, maxSockets: 32 };
  // Without certificates of our own the default context serves: the system's authorities.
  const ownContext = [tls.ca, tls.cert, tls.key].some((pem) => pem !== undefined)
    ? { secureContext: createSecureContext({ ca: tls.ca, cert: tls.cert, key: tls.key }) }
    : {};
  return {
    http: new http.Agent(options),
    https: new https.Agent({
      ...options,
      ...ownContext,
      rejectUnauthorized: !tls.insecureSkipVerify,
    }),
  };
}
