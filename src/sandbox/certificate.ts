/**
 * A certificate that is its own authority, made anew for each sandbox.
 *
 * Node.js can read certificates but not make them, and kubectl sends its token over TLS only. What stands
 * here is the smallest X.509 that Go, Node.js and browsers accept: one key, a few names, no surprises.
 */
import { generateKeyPairSync, randomBytes, sign } from 'node:crypto';

export interface Certificate {
  /** PEM; also the authority to trust. */
  readonly cert: string;
  readonly key: string;
}

export interface Names {
  readonly dns: readonly string[];
  /** IPv4, as people write them. */
  readonly addresses: readonly string[];
}

const LOOPBACK: Names = { dns: ['localhost'], addresses: ['127.0.0.1'] };
const DAY_MS = 86_400_000;
const ECDSA_WITH_SHA256 = sequence(oid(1, 2, 840, 10_045, 4, 3, 2));
const NAME = sequence(
  tagged(0x31, sequence(oid(2, 5, 4, 3), tagged(0x0c, Buffer.from('serin sandbox')))),
);

/** Valid from a day before `now`, in milliseconds since the epoch, for a year. */
export function newCertificate(now: number, names: Names = LOOPBACK): Certificate {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'prime256v1' });
  const toBeSigned = sequence(
    tagged(0xa0, integer(2)),
    // Positive and without a leading zero, whatever the dice say.
    tagged(0x02, Buffer.concat([Buffer.of(0x40), randomBytes(15)])),
    ECDSA_WITH_SHA256,
    NAME,
    // Since yesterday: clocks differ.
    sequence(time(now - DAY_MS), time(now + 365 * DAY_MS)),
    NAME,
    publicKey.export({ type: 'spki', format: 'der' }),
    tagged(0xa3, sequence(authority(), alternatives(names))),
  );
  const signature = sign('sha256', toBeSigned, privateKey);
  const der = sequence(toBeSigned, ECDSA_WITH_SHA256, bits(signature));
  const key = privateKey.export({ type: 'pkcs8', format: 'der' });
  return { cert: pem('CERTIFICATE', der), key: pem('PRIVATE KEY', key) };
}

/** basicConstraints, critical: this is an authority. */
function authority(): Buffer {
  const isAuthority = sequence(tagged(0x01, Buffer.of(0xff)));
  return extension(oid(2, 5, 29, 19), isAuthority, true);
}

/** subjectAltName: the only names that clients look at. */
function alternatives({ dns, addresses }: Names): Buffer {
  const all = [
    ...dns.map((name) => tagged(0x82, Buffer.from(name))),
    ...addresses.map((address) => tagged(0x87, Buffer.from(address.split('.').map(Number)))),
  ];
  return extension(oid(2, 5, 29, 17), sequence(...all), false);
}

function extension(id: Buffer, value: Buffer, critical: boolean): Buffer {
  const flag = critical ? [tagged(0x01, Buffer.of(0xff))] : [];
  return sequence(id, ...flag, tagged(0x04, value));
}

function tagged(tag: number, content: Buffer): Buffer {
  return Buffer.concat([Buffer.of(tag), length(content.length), content]);
}

function length(bytes: number): Buffer {
  if (bytes < 0x80) return Buffer.of(bytes);
  return bytes < 0x100 ? Buffer.of(0x81, bytes) : Buffer.of(0x82, bytes >> 8, bytes & 0xff);
}

function sequence(...parts: readonly Buffer[]): Buffer {
  return tagged(0x30, Buffer.concat(parts));
}

function integer(value: number): Buffer {
  return tagged(0x02, Buffer.of(value));
}

function bits(content: Buffer): Buffer {
  return tagged(0x03, Buffer.concat([Buffer.of(0), content]));
}

/** UTCTime: two digits for the year, good until 2049. */
function time(at: number): Buffer {
  const digits = new Date(at).toISOString().replaceAll(/\D/g, '').slice(2, 14);
  return tagged(0x17, Buffer.from(`${digits}Z`));
}

function oid(first: number, second: number, ...rest: readonly number[]): Buffer {
  return tagged(0x06, Buffer.from([first * 40 + second, ...rest.flatMap(base128)]));
}

function base128(arc: number): number[] {
  const digits = [arc & 0x7f];
  for (let left = arc >> 7; left > 0; left >>= 7) digits.unshift((left & 0x7f) | 0x80);
  return digits;
}

function pem(label: string, der: Buffer): string {
  const lines = der.toString('base64').match(/.{1,64}/g) ?? [];
  return [`-----BEGIN ${label}-----`, ...lines, `-----END ${label}-----`, ''].join('\n');
}
