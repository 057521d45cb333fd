import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';

import { describe, expect, it } from 'vitest';

import { Addresses } from './addresses.ts';
import { hostsText, rewrite } from './hosts.ts';

const service = (namespace: string, name: string, clusterIP: string, createdAt = '') => ({
  namespace,
  name,
  clusterIP,
  createdAt,
});

describe('the hosts of a pod', () => {
  it('name the Services of its own namespace shortly, and all of them in full', () => {
    const text = hostsText({
      namespace: 'shop',
      hostname: 'cart-1',
      podIP: '10.244.0.7',
      aliases: [{ ip: '192.0.2.1', hostnames: ['one', 'two'] }],
      services: [service('shop', 'cart', '10.0.0.9'), service('other', 'cart', '10.0.0.8')],
    });
    expect(text.split('\n')).toEqual([
      '127.0.0.1 localhost',
      '10.244.0.7 cart-1',
      '192.0.2.1 one two',
      '10.0.0.8 cart.other cart.other.svc cart.other.svc.cluster.local',
      '10.0.0.9 cart cart.shop cart.shop.svc cart.shop.svc.cluster.local',
      '',
    ]);
  });

  it('keep their order when a Service comes', () => {
    const input = { namespace: 'a', hostname: 'p', podIP: '1.1.1.1', aliases: [] };
    const old = service('a', 'z', '10.0.0.1', '2026-01-01T00:00:00Z');
    const young = service('a', 'b', '10.0.0.2', '2026-01-02T00:00:00Z');
    const before = hostsText({ ...input, services: [old] });
    expect(hostsText({ ...input, services: [young, old] }).startsWith(before)).toBe(true);
  });

  it('stay in the same file, longer or shorter', () => {
    const folder = mkdtempSync(path.join(tmpdir(), 'hosts-'));
    try {
      const file = path.join(folder, 'hosts');
      writeFileSync(file, 'something rather long\n');
      const { ino } = statSync(file);
      for (const text of ['short\n', 'something that is even longer\n']) {
        rewrite(file, text);
        expect(readFileSync(file, 'utf8')).toBe(text);
        expect(statSync(file).ino).toBe(ino);
      }
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});

describe('addresses', () => {
  it('are not given twice while they are in use', () => {
    const addresses = new Addresses('10.244.0.0/30');
    expect([addresses.take(), addresses.take()]).toEqual(['10.244.0.1', '10.244.0.2']);
    expect(() => addresses.take()).toThrow('every address');
    addresses.give('10.244.0.1');
    expect(addresses.take()).toBe('10.244.0.1');
  });

  it('rest before they are used again', () => {
    const addresses = new Addresses('10.244.0.0/16');
    addresses.give(addresses.take());
    expect(addresses.take()).toBe('10.244.0.2');
  });

  it('cross the bytes of an address', () => {
    const addresses = new Addresses('10.244.0.0/16');
    const all = Array.from({ length: 257 }, () => addresses.take());
    expect(all.at(-1)).toBe('10.244.1.1');
    expect(addresses.deviceOf('10.244.1.1')).toBe('v257');
  });
});
