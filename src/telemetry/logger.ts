/**
 * The operator's log: JSON lines on standard output, written before the call returns, so that the last line before
 * an exit is there.
 */
import { pino, type DestinationStream, type Logger } from 'pino';

export type LogLevel = 'debug' | 'info' | 'warn' | 'error';

/** The net under the rule that nothing secret is ever given to the log. */
const neverShown = [
  'token',
  'password',
  'authorization',
  'secret',
  'headers',
  'access',
  'slackUrl',
  'slackToken',
  'slackProxyUrl',
  'eventWebhook',
];

/** `destination` is for tests; the default is standard output. */
export function createLogger(level: LogLevel, destination?: DestinationStream): Logger {
  return pino(
    {
      level,
      base: null, // the cluster knows which pod and process wrote a line
      timestamp: () => `,"time":"${new Date().toISOString()}"`,
      formatters: { level: (label) => ({ level: label }) },
      serializers: { err: describeError },
      redact: { paths: neverShown.flatMap((name) => [name, `*.${name}`]), censor: '[not shown]' },
    },
    destination ?? pino.destination({ fd: 1, sync: true }),
  );
}

/** What a line shows of an error: chosen fields only, because foreign errors hold requests and their headers. */
interface DescribedError {
  readonly type: string;
  readonly message: string;
  readonly kind?: string;
  readonly reason?: string;
  readonly details?: object;
  readonly retryAfterMs?: number;
  /** Of defects and foreign errors; the others say what happened without it. */
  readonly stack?: string;
  /** What led to it, the nearest first. */
  readonly causes?: readonly string[];
}

/** Serializer of `err`. */
export function describeError(thrown: unknown): DescribedError {
  if (!(thrown instanceof Error)) return { type: typeof thrown, message: String(thrown) };
  const { name: type, message } = thrown;
  const kind = textOf(thrown, 'kind');
  const reason = textOf(thrown, 'reason');
  const details = 'details' in thrown && isFlat(thrown.details) ? thrown.details : undefined;
  const waitMs = 'retryAfterMs' in thrown ? thrown.retryAfterMs : undefined;
  const needsStack = kind === undefined || kind === 'defect';
  const causes = causesOf(thrown, needsStack);
  return {
    type,
    message,
    ...(kind === undefined ? {} : { kind }),
    ...(reason === undefined ? {} : { reason }),
    ...(details === undefined || Object.keys(details).length === 0 ? {} : { details }),
    ...(typeof waitMs === 'number' ? { retryAfterMs: waitMs } : {}),
    ...(needsStack && thrown.stack !== undefined ? { stack: thrown.stack } : {}),
    ...(causes.length === 0 ? {} : { causes }),
  };
}

function textOf(error: object, field: 'kind' | 'reason'): string | undefined {
  const value: unknown = Reflect.get(error, field);
  return typeof value === 'string' ? value : undefined;
}

/** Our own details are one level of plain values; what is deeper is not ours. */
function isFlat(details: unknown): details is object {
  if (typeof details !== 'object' || details === null) return false;
  return Object.values(details).every((value) =>
    ['string', 'number', 'boolean'].includes(typeof value),
  );
}

const maxCauses = 8;

function causesOf(error: Error, withStack: boolean): readonly string[] {
  const causes: string[] = [];
  for (let { cause } = error; cause !== undefined && causes.length < maxCauses; ) {
    if (!(cause instanceof Error)) return [...causes, `a thrown ${typeof cause}`];
    causes.push((withStack ? cause.stack : undefined) ?? `${cause.name}: ${cause.message}`);
    ({ cause } = cause);
  }
  return causes;
}
