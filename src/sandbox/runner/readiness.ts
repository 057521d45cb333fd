/** Asks a container again and again whether it is ready, as its probe says. */
import { get } from 'node:http';

import type { ContainerPort, HttpProbe } from '../controllers/objects.ts';

/** Until the first success we ask quickly: a pod that is ready at once should count at once. */
const EAGER_MS = 20;
const EAGER_FOR_MS = 3_000;

export interface Readiness {
  readonly ready: () => void;
  readonly unready: (why: string) => void;
}

/** Without an HTTP probe a container is ready once it listens; with no port at all, at once. */
export class ReadinessProbe {
  readonly #url: string | undefined;
  readonly #probe: HttpProbe;
  readonly #told: Readiness;
  readonly #startedAt = performance.now();
  #timer: NodeJS.Timeout | undefined;
  #isReady = false;
  #failures = 0;
  #closed = false;

  constructor(
    probe: HttpProbe | undefined,
    ip: string,
    ports: readonly ContainerPort[],
    told: Readiness,
  ) {
    this.#probe = probe ?? {};
    this.#told = told;
    const port = portOf(this.#probe, ports);
    const path = this.#probe.httpGet?.path ?? '/';
    this.#url = port === undefined ? undefined : `http://${ip}:${port}${path}`;
    this.#again((this.#probe.initialDelaySeconds ?? 0) * 1_000);
  }

  close(): void {
    this.#closed = true;
    clearTimeout(this.#timer);
  }

  #again(delayMs: number): void {
    if (!this.#closed) this.#timer = setTimeout(() => this.#ask(), delayMs);
  }

  #ask(): void {
    if (this.#url === undefined) {
      this.#told.ready();
      return;
    }
    const { timeoutSeconds = 1, httpGet } = this.#probe;
    const headers = Object.fromEntries(
      (httpGet?.httpHeaders ?? []).map(({ name, value }) => [name, value]),
    );
    const request = get(this.#url, { agent: false, timeout: timeoutSeconds * 1_000, headers });
    request.on('response', (response) => {
      response.resume();
      const { statusCode = 0 } = response;
      const ready = httpGet === undefined || (statusCode >= 200 && statusCode < 400);
      this.#heard(ready ? undefined : `HTTP probe failed with statuscode: ${statusCode}`);
    });
    request.on('timeout', () => request.destroy(new Error('the probe timed out')));
    request.on('error', (error) => this.#heard(`Get "${this.#url}": ${error.message}`));
  }

  #heard(failure: string | undefined): void {
    if (this.#closed) return;
    const { failureThreshold = 3, periodSeconds = 10 } = this.#probe;
    this.#failures = failure === undefined ? 0 : this.#failures + 1;
    if (failure === undefined && !this.#isReady) {
      this.#isReady = true;
      this.#told.ready();
    } else if (failure !== undefined && this.#isReady && this.#failures >= failureThreshold) {
      this.#isReady = false;
      this.#told.unready(failure);
    }
    const eager = !this.#isReady && performance.now() - this.#startedAt < EAGER_FOR_MS;
    // Without a probe of its own there is nothing to watch once it listens.
    if (this.#isReady && this.#probe.httpGet === undefined) return;
    this.#again(eager ? EAGER_MS : periodSeconds * 1_000);
  }
}

function portOf({ httpGet }: HttpProbe, ports: readonly ContainerPort[]): number | undefined {
  const wanted = httpGet?.port;
  if (typeof wanted === 'number') return wanted;
  if (wanted === undefined) return ports[0]?.containerPort;
  return ports.find(({ name }) => name === wanted)?.containerPort ?? Number(wanted);
}
