import { inspect } from 'node:util';

import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { asOperatorError } from '../../src/errors.ts';
import type { MetricsAccess, MetricsProviderKind } from '../../src/ports/metrics-provider.ts';
import { StubServer, type Behaviour } from '../adapters/http/stub-server.ts';

/** An answer of the backend, as recorded. */
export interface RecordedAnswer {
  readonly status: number;
  readonly contentType: string;
  readonly body: string;
}

export interface MetricsProviderCase {
  readonly kind: MetricsProviderKind;
  readonly query: string;
  /** The Secret to log in with; none of its values may be in what is thrown. */
  readonly secret: Readonly<Record<string, string>>;
  /** What the value of `answers.value` is. */
  readonly value: number;
  readonly answers: {
    readonly value: RecordedAnswer;
    readonly noSeries: RecordedAnswer;
    readonly notANumber: RecordedAnswer;
    readonly manySeries: RecordedAnswer;
    /** Values without end, in both directions. */
    readonly infinities: readonly RecordedAnswer[];
    /** Answers of the right backend that are not one number. */
    readonly otherKinds: readonly RecordedAnswer[];
    readonly badQueries: readonly RecordedAnswer[];
  };
}

const at = Date.UTC(2026, 0, 2, 3, 4, 5, 678);
const patient = (): AbortSignal => new AbortController().signal;

/** What every metrics provider promises, whatever backend it asks. */
export function describeMetricsProvider(given: MetricsProviderCase): void {
  const { kind, query, secret, answers } = given;

  describe(`${kind.name} metrics provider`, () => {
    let server: StubServer;
    beforeAll(async () => {
      server = await StubServer.start();
    });
    afterAll(() => server[Symbol.asyncDispose]());

    const access = (): MetricsAccess => ({
      type: kind.name,
      address: server.url,
      headers: {},
      insecureSkipVerify: false,
      secret,
    });

    async function outcome(behaviour: Behaviour, signal = patient()): Promise<unknown> {
      server.does(behaviour);
      return kind
        .create(access())
        .query(query, at, signal)
        .catch((thrown: unknown) => {
          expectNoSecrets(thrown, secret);
          return asOperatorError(thrown).kind;
        });
    }
    const recorded = ({ status, contentType, body }: RecordedAnswer): Promise<unknown> =>
      outcome({ kind: 'answer', status, body, headers: { 'content-type': contentType } });
    const plain = (
      status: number,
      body: string,
      headers: Readonly<Record<string, string>> = {},
    ): Promise<unknown> => outcome({ kind: 'answer', status, body, headers });

    it('gives the number that the backend gave', async () => {
      expect(await recorded(answers.value)).toEqual({ kind: 'value', value: given.value });
    });

    it('says no data when there is no series', async () => {
      expect(await recorded(answers.noSeries)).toMatchObject({ kind: 'noData' });
    });

    it('says no data when the value is not a number', async () => {
      expect(await recorded(answers.notANumber)).toMatchObject({ kind: 'noData' });
    });

    it('hands on all values when there are several series', async () => {
      expect(await recorded(answers.manySeries)).toMatchObject({ kind: 'manySeries' });
    });

    it('calls an infinite value invalid', async () => {
      for (const answer of answers.infinities) expect(await recorded(answer)).toBe('invalid');
    });

    it('calls what is not a number invalid', async () => {
      for (const answer of answers.otherKinds) expect(await recorded(answer)).toBe('invalid');
    });

    it('calls a query that the backend cannot run invalid', async () => {
      for (const answer of answers.badQueries) expect(await recorded(answer)).toBe('invalid');
    });

    it.each([401, 403])('is denied by a %i', async (status) => {
      expect(await plain(status, 'go away')).toBe('denied');
    });

    it.each([429, 500, 502, 503, 504])('takes a %i for no answer', async (status) => {
      expect(await plain(status, '<h1>later</h1>')).toBe('unavailable');
    });

    it('passes on how long it was asked to wait', async () => {
      server.answers(429, 'slow down', { 'retry-after': '17' });
      const failure = kind.create(access()).query(query, at, patient());
      await expect(failure).rejects.toMatchObject({ kind: 'unavailable', retryAfterMs: 17_000 });
    });

    it('calls a page instead of an answer invalid', async () => {
      expect(await plain(200, '<html>Welcome</html>')).toBe('invalid');
      expect(await plain(200, '')).toBe('invalid');
      expect(await plain(200, '{}')).toBe('invalid');
      expect(await plain(404, 'not found')).toBe('invalid');
    });

    it('does not follow a redirect', async () => {
      expect(await plain(302, '', { location: `${server.url}/login` })).toBe('invalid');
      expect(server.received).toHaveLength(1);
    });

    it('calls an answer that is too large invalid', async () => {
      const { body } = answers.value;
      expect(await plain(200, body + ' '.repeat(1024))).toMatchObject({ kind: 'value' });
      expect(await plain(200, body + ' '.repeat(4 * 1024 * 1024))).toBe('invalid');
    });

    it('takes a cut connection for no answer', async () => {
      expect(await outcome({ kind: 'cut' })).toBe('unavailable');
      expect(await outcome({ kind: 'reset' })).toBe('unavailable');
    });

    it('takes an answer that does not come before the deadline for none', async () => {
      const deadline = new AbortController();
      const arrival = server.arrival();
      const pending = outcome({ kind: 'hang' }, deadline.signal);
      await arrival;
      deadline.abort();
      expect(await pending).toBe('unavailable');
      expect(await outcome({ kind: 'hang' }, AbortSignal.abort())).toBe('unavailable');
    });

    it('takes a server that is not there for no answer', async () => {
      const gone = await StubServer.start();
      const { url } = gone;
      await gone[Symbol.asyncDispose]();
      const failure = kind.create({ ...access(), address: url }).query(query, at, patient());
      await expect(failure).rejects.toMatchObject({ kind: 'unavailable' });
    });

    it('keeps its credentials to itself when the backend repeats them', async () => {
      for (const status of [200, 400, 401, 422, 500]) {
        server.answers(status, '');
        await kind
          .create(access())
          .query(query, at, patient())
          .catch(() => undefined);
        const heard = JSON.stringify(server.received);
        const error = `${Object.values(secret).join(' ')} ${heard}`;
        const body = JSON.stringify({ status: 'error', errorType: 'bad_data', error });
        // What is thrown is searched for them on the way here.
        expect(await plain(status, body)).toMatch(/^(invalid|denied|unavailable)$/);
      }
    });

    it('asks again over the same connection', async () => {
      await recorded(answers.value);
      const before = server.connections;
      for (let round = 0; round < 5; round += 1) await recorded(answers.value);
      expect(server.connections).toBe(before);
    });

    it('is the same provider for the same access, and another for other credentials', () => {
      const provider = kind.create(access());
      expect(kind.create(access())).toBe(provider);
      const rotated = Object.fromEntries(Object.keys(secret).map((key) => [key, 'rotated']));
      expect(kind.create({ ...access(), secret: rotated })).not.toBe(provider);
    });

    it.each(['', 'backend:9090', 'file:///etc/passwd'])('refuses the address %j', (address) => {
      expect(() => kind.create({ ...access(), address })).toThrow(
        expect.objectContaining({ kind: 'invalid' }),
      );
    });
  });
}

/** Looks into the error, its stack, its own fields and all its causes. */
function expectNoSecrets(thrown: unknown, secret: Readonly<Record<string, string>>): void {
  const text = inspect(thrown, { depth: Infinity, showHidden: true, getters: true });
  const json = JSON.stringify(thrown);
  for (const value of Object.values(secret)) {
    const encoded = Buffer.from(value).toString('base64').replaceAll('=', '');
    for (const secretText of [value, encoded]) {
      expect(text).not.toContain(secretText);
      expect(json).not.toContain(secretText);
    }
  }
}
