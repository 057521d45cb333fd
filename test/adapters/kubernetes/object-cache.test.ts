import * as fc from 'fast-check';
import { beforeEach, describe, expect, it } from 'vitest';

import { compareVersions, ObjectCache } from '../../../src/adapters/kubernetes/object-cache.ts';
import type { KubernetesObject } from '../../../src/api/object.ts';
import { aService } from './scripted-transport.ts';

const key = { namespace: 'shop', name: 'cart' };
const cart = (version: string, uid = 'u1'): KubernetesObject => aService('cart', version, { uid });

let heard: string[];
let cache: ObjectCache;

beforeEach(() => {
  heard = [];
  cache = new ObjectCache((object, old) => {
    const from = old?.metadata.resourceVersion ?? 'none';
    heard.push(`${object.metadata.name} ${from} → ${object.metadata.resourceVersion}`);
  });
});

const seen = (): string | undefined => cache.get(key)?.metadata.resourceVersion;

function list(version: string, ...objects: KubernetesObject[]): void {
  const listing = cache.beginListing();
  for (const object of objects) listing.add(object);
  listing.finish(version);
}

describe('object cache', () => {
  it('shows a write before the watch delivers it', () => {
    cache.deliver(cart('5'));
    cache.learn(cart('8'));
    expect(seen()).toBe('8');
    expect(cache.list('shop').map(({ metadata }) => metadata.resourceVersion)).toEqual(['8']);
  });

  it('is not set back by an older event that arrives after the write', () => {
    cache.deliver(cart('5'));
    cache.learn(cart('8'));
    cache.deliver(cart('7'));
    expect(seen()).toBe('8');
    expect(heard).toEqual(['cart none → 5']);
  });

  it('compares versions as numbers, not as texts', () => {
    cache.deliver(cart('9'));
    cache.learn(cart('10'));
    expect(seen()).toBe('10');
    cache.deliver(cart('11'));
    expect(seen()).toBe('11');
  });

  it('tells of its own write when the watch delivers it', () => {
    cache.deliver(cart('5'));
    cache.learn(cart('8'));
    cache.deliver(cart('8'));
    expect(heard).toEqual(['cart none → 5', 'cart 8 → 8']);
  });

  it('takes what is newer than its own write', () => {
    cache.learn(cart('8'));
    cache.deliver(cart('9'));
    cache.learn(cart('8'));
    expect(seen()).toBe('9');
  });

  it('waits for the very version of a write when versions are not numbers', () => {
    cache.deliver(cart('aa'));
    cache.learn(cart('bb'));
    cache.deliver(cart('ab'));
    expect(seen()).toBe('bb');
    cache.deliver(cart('bb'));
    cache.deliver(cart('cc'));
    expect(seen()).toBe('cc');
  });

  it('lets a list that was begun after the write decide when versions are not numbers', () => {
    cache.deliver(cart('aa'));
    cache.learn(cart('bb'));
    list('zz', cart('cc'));
    expect(seen()).toBe('cc');
    expect(heard.at(-1)).toBe('cart bb → cc');
  });

  it('keeps a write that a list begun before it does not know', () => {
    const listing = cache.beginListing();
    cache.learn(cart('bb'));
    listing.finish('zz');
    expect(seen()).toBe('bb');
  });

  it('keeps a write over a list from a server that lags behind', () => {
    cache.deliver(cart('5'));
    cache.learn(cart('8'));
    list('6', cart('5'));
    expect(seen()).toBe('8');
    list('6');
    expect(seen()).toBe('8');
  });

  it('hides a removed object although old events of it still arrive', () => {
    cache.deliver(cart('5'));
    cache.learnGone(key, 'u1');
    cache.deliver(cart('6'));
    expect(seen()).toBeUndefined();
    expect(cache.list('shop')).toEqual([]);
    cache.deliverGone(cart('7'));
    expect(heard.at(-1)).toBe('cart none → 7');
    expect(seen()).toBeUndefined();
  });

  it('shows a successor of the same name', () => {
    cache.deliver(cart('5'));
    cache.learnGone(key, 'u1');
    cache.deliver(cart('9', 'u2'));
    expect(seen()).toBe('9');
  });

  it('shows what we create in the place of what we removed', () => {
    cache.deliver(cart('5'));
    cache.learnGone(key, 'u1');
    cache.learn(cart('9', 'u2'));
    cache.deliverGone(cart('7', 'u1'));
    expect(seen()).toBe('9');
    cache.deliver(cart('9', 'u2'));
    expect(seen()).toBe('9');
  });

  it('does not bring back an object whose end arrived before the answer to its creation', () => {
    cache.deliver(cart('8'));
    cache.deliverGone(cart('9'));
    cache.learn(cart('8'));
    expect(seen()).toBeUndefined();
  });

  it('gives up a write that a bookmark has passed without delivering it', () => {
    cache.deliver(cart('5'));
    cache.learn(cart('8'));
    cache.bookmark('7');
    expect(seen()).toBe('8');
    cache.bookmark('9');
    expect(seen()).toBe('5');
    expect(heard.at(-1)).toBe('cart 8 → 5');
  });

  it('tells of what a list no longer has', () => {
    list('5', cart('4'), aService('shop', '3'));
    list('9', aService('shop', '3'));
    expect(seen()).toBeUndefined();
    expect(heard).toEqual(['cart none → 4', 'shop none → 3', 'cart none → 4']);
    expect(cache.size).toBe(1);
  });

  it('keeps namespaces apart', () => {
    cache.deliver(cart('5'));
    cache.deliver(aService('cart', '6', { namespace: 'other' }));
    expect(cache.list('shop')).toHaveLength(1);
    expect(cache.get({ namespace: 'other', name: 'cart' })?.metadata.resourceVersion).toBe('6');
  });

  it('never shows less than its last write, whatever part of history arrives in order', () => {
    const steps = fc.array(fc.record({ writes: fc.boolean(), delivers: fc.nat(3) }), {
      maxLength: 30,
    });
    fc.assert(
      fc.property(steps, (story) => {
        const subject = new ObjectCache(() => {});
        const history: string[] = [];
        let delivered = 0;
        let written = 0;
        let version = 8;
        for (const { writes, delivers } of story) {
          version += 1;
          history.push(String(version));
          if (writes) {
            subject.learn(cart(String(version)));
            written = version;
          }
          for (const next of history.slice(delivered, delivered + delivers)) {
            subject.deliver(cart(next));
            delivered += 1;
          }
          const shown = Number(subject.get(key)?.metadata.resourceVersion ?? 0);
          expect(shown).toBe(Math.max(written, delivered === 0 ? 0 : 8 + delivered));
        }
      }),
    );
  });
});

describe('resource versions', () => {
  it('are compared as numbers of any length', () => {
    expect(compareVersions('9', '10')).toBeLessThan(0);
    expect(compareVersions('18446744073709551617', '18446744073709551616')).toBeGreaterThan(0);
    expect(compareVersions('7', '7')).toBe(0);
  });

  it('are not compared when they are no numbers', () => {
    expect(compareVersions('abc', '10')).toBeUndefined();
    expect(compareVersions('010', '10')).toBeUndefined();
    expect(compareVersions(undefined, '10')).toBeUndefined();
    expect(compareVersions('abc', 'abc')).toBe(0);
  });
});
