import { createPrivateKey, X509Certificate } from 'node:crypto';
import { describe, expect, it } from 'vitest';

import { newCertificate } from '../../src/sandbox/certificate.ts';

const NOW = Date.parse('2026-11-21T12:00:00Z');

describe('certificate', () => {
  it('is an authority for loopback, signed by itself, and valid since yesterday', () => {
    const { cert, key } = newCertificate(NOW);
    const read = new X509Certificate(cert);
    expect(read.verify(read.publicKey)).toBe(true);
    expect(read.checkPrivateKey(createPrivateKey(key))).toBe(true);
    expect(read.ca).toBe(true);
    expect(read.checkIP('127.0.0.1')).toBe('127.0.0.1');
    expect(read.checkHost('localhost')).toBe('localhost');
    expect(read.validFromDate).toEqual(new Date(NOW - 86_400_000));
    expect(read.validToDate.getTime()).toBeGreaterThan(NOW);
  });

  it('is another one every time', () => {
    const [one, two] = [newCertificate(NOW), newCertificate(NOW)].map(
      ({ cert }) => new X509Certificate(cert),
    );
    expect(one?.serialNumber).not.toBe(two?.serialNumber);
  });
});
