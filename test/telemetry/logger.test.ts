import { describe, expect, it } from 'vitest';
import * as z from 'zod';

import { DefectError, InvalidError, UnavailableError } from '../../src/errors.ts';
import { createLogger, describeError, type LogLevel } from '../../src/telemetry/logger.ts';

const Line = z.record(z.string(), z.unknown());
type Line = z.infer<typeof Line>;

function logging(level: LogLevel, write: (log: ReturnType<typeof createLogger>) => void): Line[] {
  const lines: string[] = [];
  write(createLogger(level, { write: (line) => lines.push(line) }));
  return lines.map((line) => Line.parse(JSON.parse(line)));
}

describe('the log', () => {
  it('writes one JSON object a line: level, time, message, fields', () => {
    const [line] = logging('info', (log) =>
      log
        .child({ canary: 'shop/cart' })
        .info({ from: 'Progressing', canaryWeight: 50 }, 'phase changed'),
    );
    expect(line).toEqual({
      level: 'info',
      time: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/),
      canary: 'shop/cart',
      from: 'Progressing',
      canaryWeight: 50,
      msg: 'phase changed',
    });
  });

  it('leaves out what is less severe than asked for', () => {
    const lines = logging('warn', (log) => {
      log.debug('a');
      log.info('b');
      log.warn('c');
      log.error('d');
    });
    expect(lines.map(({ msg }) => msg)).toEqual(['c', 'd']);
  });

  it('says of our errors what happens next, without a stack', () => {
    const error = new UnavailableError('Prometheus at p:9090 answered 503', {
      reason: 'MetricsUnavailable',
      details: { host: 'p:9090', status: 503 },
      retryAfterMs: 5_000,
      cause: new Error('socket hang up'),
    });
    const [line] = logging('info', (log) => log.warn({ err: error }, 'pass failed'));
    expect(line?.['err']).toEqual({
      type: 'UnavailableError',
      kind: 'unavailable',
      reason: 'MetricsUnavailable',
      message: 'Prometheus at p:9090 answered 503',
      details: { host: 'p:9090', status: 503 },
      retryAfterMs: 5_000,
      causes: ['Error: socket hang up'],
    });
  });

  it('shows where defects and foreign errors come from', () => {
    const cause = new TypeError('no such thing');
    const defect = new DefectError('broken', { reason: 'InternalError', cause });
    expect(describeError(defect)).toMatchObject({ stack: defect.stack, causes: [cause.stack] });
    expect(describeError(cause)).toEqual({
      type: 'TypeError',
      message: 'no such thing',
      stack: cause.stack,
    });
    expect(describeError('thrown text')).toEqual({ type: 'string', message: 'thrown text' });
  });

  it('keeps what foreign errors carry to itself', () => {
    const foreign = Object.assign(new Error('request failed'), {
      config: { headers: { authorization: 'Bearer hunter2' } },
      details: { request: { password: 'hunter2' } },
      cause: { token: 'hunter2' },
    });
    const wrapped = new InvalidError('wrapped', { reason: 'X', cause: foreign });
    const text = JSON.stringify(
      logging('info', (log) => {
        log.error({ err: foreign }, 'a');
        log.error({ err: wrapped }, 'b');
        log.error(foreign, 'c');
      }),
    );
    expect(text).toContain('request failed');
    expect(text).not.toContain('hunter2');
  });

  it('survives errors that go round in circles', () => {
    const error = new Error('around');
    error.cause = error;
    expect(describeError(error).causes?.length).toBeLessThan(20);
  });

  it('hides what should not have been given to it', () => {
    const text = JSON.stringify(
      logging('info', (log) => {
        log.info({ token: 'hunter2', password: 'hunter2', headers: { a: 'hunter2' } }, 'a');
        log.info({ provider: { secret: { key: 'hunter2' }, authorization: 'hunter2' } }, 'b');
        log.info(
          { settings: { slackUrl: 'hunter2', slackToken: 'hunter2', eventWebhook: 'hunter2' } },
          'c',
        );
      }),
    );
    expect(text).toContain('[not shown]');
    expect(text).not.toContain('hunter2');
  });
});
