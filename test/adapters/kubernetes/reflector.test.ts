import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { Client } from '../../../src/adapters/kubernetes/client.ts';
import { silentLog } from '../../../src/adapters/kubernetes/log.ts';
import { ObjectCache } from '../../../src/adapters/kubernetes/object-cache.ts';
import {
  defaultReflectorSettings,
  Reflector,
  type ReflectorSettings,
} from '../../../src/adapters/kubernetes/reflector.ts';
import { BrokenStream, RefusedStream } from '../../../src/adapters/kubernetes/transport.ts';
import { FakeClock } from '../../support/fake-clock.ts';
import { aService, cut, listOf, ScriptedTransport, statusOf } from './scripted-transport.ts';

const services = { apiVersion: 'v1', kind: 'Service' };
const lists = (transport: ScriptedTransport): number =>
  transport.requests.filter(({ method }) => method === 'GET').length;

let clock: FakeClock;
let transport: ScriptedTransport;
let changes: string[];
let warnings: string[];
let stop: AbortController;

beforeEach(() => {
  clock = new FakeClock();
  transport = new ScriptedTransport(() => listOf([aService('cart', '4')], '10'));
  changes = [];
  warnings = [];
  stop = new AbortController();
});

afterEach(async () => {
  stop.abort();
  await clock.settle();
  expect(clock.pending).toBe(0);
});

function start(settings: Partial<ReflectorSettings> = {}, namespace?: string) {
  const cache = new ObjectCache((object, old) =>
    changes.push(
      `${object.metadata.name} ${old?.metadata.resourceVersion ?? '-'} ${object.metadata.resourceVersion}`,
    ),
  );
  const reflector = new Reflector({
    kind: services,
    namespace,
    metadataOnly: false,
    client: new Client({ transport, clock, random: () => 0.5 }),
    cache,
    trim: (object) => object,
    log: { ...silentLog, warn: (_, message) => warnings.push(message) },
    settings: { ...defaultReflectorSettings, ...settings },
  });
  const running = reflector.run(stop.signal);
  return { reflector, cache, running };
}

describe('reflector', () => {
  it('lists page by page and watches from the version of the list', async () => {
    transport.answer = ({ query }) =>
      query['continue'] === undefined
        ? listOf([aService('cart', '4')], '10', 'more')
        : listOf([aService('shop', '5')], '10');
    const { cache, reflector } = start();
    await clock.advance(100);
    expect(transport.requests.map(({ query }) => query)).toEqual([
      { limit: '500' },
      { limit: '500', continue: 'more' },
    ]);
    expect(cache.size).toBe(2);
    expect(reflector.isSettled).toBe(true);
    expect(transport.lastStream.request.query).toMatchObject({
      watch: 'true',
      allowWatchBookmarks: 'true',
      resourceVersion: '10',
    });
  });

  it.each([
    ['refused', () => transport.refusals.push(new RefusedStream(statusOf(410, 'Expired')))],
    ['ended by an ERROR event', () => {}],
  ])('does not believe a list whose watch is %s as too old', async (how, refuse) => {
    refuse();
    const { reflector } = start();
    let isSettled = false;
    void reflector.settled.then(() => (isSettled = true));
    await clock.advance(5);
    if (how !== 'refused')
      transport.lastStream.send('ERROR', { kind: 'Status', code: 410, reason: 'Expired' });
    await clock.advance(100);
    expect(isSettled).toBe(false);
    // The next list can be watched from.
    await clock.advance(1_000);
    expect(isSettled).toBe(true);
  });

  it('believes a list that nobody may watch from', async () => {
    transport.refusals.push(new RefusedStream(statusOf(403, 'Forbidden')));
    const { reflector } = start();
    await clock.advance(10);
    await reflector.settled;
    expect(reflector.state).toBe('denied');
  });

  it('says of which kind listed objects are', async () => {
    const { apiVersion: _, kind: __, ...bare } = aService('cart', '4');
    transport.answer = () => ({
      status: 200,
      body: { metadata: { resourceVersion: '10' }, items: [bare] },
    });
    const { cache } = start();
    await clock.advance(100);
    expect(cache.list('shop')[0]).toMatchObject(services);
  });

  it('reads an empty list that Go wrote as null', async () => {
    transport.answer = () => ({
      status: 200,
      body: { metadata: { resourceVersion: '10' }, items: null },
    });
    const { reflector, cache } = start();
    await clock.advance(100);
    expect(reflector.isSettled).toBe(true);
    expect(cache.size).toBe(0);
  });

  it('follows what is added, changed and deleted', async () => {
    start();
    await clock.advance(100);
    const { lastStream } = transport;
    lastStream.send('ADDED', aService('shop', '11'));
    lastStream.send('MODIFIED', aService('cart', '12'));
    lastStream.send('DELETED', aService('shop', '13'));
    expect(changes).toEqual(['cart - 4', 'shop - 11', 'cart 4 12', 'shop - 13']);
  });

  it('goes on where it was when the server ends the watch, without a list', async () => {
    start();
    await clock.advance(100);
    transport.lastStream.send('MODIFIED', aService('cart', '12'));
    await clock.advance(60_000);
    transport.lastStream.end();
    await clock.advance(1_000);
    expect(transport.streams).toHaveLength(2);
    expect(transport.lastStream.request.query['resourceVersion']).toBe('12');
    expect(lists(transport)).toBe(1);
  });

  it('goes on from the last bookmark', async () => {
    start();
    await clock.advance(100);
    transport.lastStream.send('BOOKMARK', { metadata: { resourceVersion: '500' } });
    transport.lastStream.fail(cut());
    await clock.advance(1_000);
    expect(transport.lastStream.request.query['resourceVersion']).toBe('500');
    expect(lists(transport)).toBe(1);
  });

  it('opens another watch when one has been silent for too long', async () => {
    start({ idleMs: 75_000 });
    await clock.advance(100);
    await clock.advance(60_000);
    transport.lastStream.send('BOOKMARK', { metadata: { resourceVersion: '20' } });
    await clock.advance(74_000);
    expect(transport.streams).toHaveLength(1);
    await clock.advance(2_000);
    expect(transport.streams).toHaveLength(2);
    expect(transport.streams[0]?.isOpen()).toBe(false);
    expect(lists(transport)).toBe(1);
  });

  it('lists once and never again while bookmarks come, whatever the watches do', async () => {
    start();
    await clock.advance(100);
    for (let minute = 0; minute < 60; minute += 1) {
      await clock.advance(60_000);
      transport.lastStream.send('BOOKMARK', { metadata: { resourceVersion: String(20 + minute) } });
      if (minute % 5 === 4) transport.lastStream.end();
      await clock.advance(1_000);
    }
    expect(lists(transport)).toBe(1);
  });

  it.each([
    ['as a status', () => transport.refusals.push(new RefusedStream(statusOf(410, 'Expired')))],
    ['as an event', () => {}],
  ])('lists again when its version has expired, told %s', async (form, refuse) => {
    const { cache } = start();
    await clock.advance(100);
    transport.answer = () => listOf([aService('shop', '30')], '31');
    refuse();
    if (form === 'as an event')
      transport.lastStream.send('ERROR', { code: 410, reason: 'Expired' });
    else transport.lastStream.fail(cut());
    await clock.advance(5_000);
    expect(lists(transport)).toBe(2);
    expect(cache.list('shop').map(({ metadata }) => metadata.name)).toEqual(['shop']);
    expect(changes).toEqual(['cart - 4', 'shop - 30', 'cart - 4']);
    expect(transport.lastStream.request.query['resourceVersion']).toBe('31');
  });

  it('comes back ever more slowly while watches fail, without listing', async () => {
    start();
    await clock.advance(100);
    const openedAt: number[] = [];
    for (let failure = 0; failure < 9; failure += 1) {
      const opened = transport.streams.length;
      transport.lastStream.fail(cut());
      await clock.advanceUntil(() => transport.streams.length > opened, 60_000);
      openedAt.push(clock.monotonic());
    }
    const pauses = openedAt.slice(1).map((at, index) => at - (openedAt[index] ?? 0));
    expect(pauses.map((pause) => Math.round(pause / 750))).toEqual([1, 2, 4, 8, 16, 30, 30, 30]);
    expect(lists(transport)).toBe(1);
    expect(warnings).toEqual(['watch interrupted']);
  });

  it('lists soon when the server comes back after a long time and has forgotten the version', async () => {
    start();
    await clock.advance(100);
    for (let failure = 0; failure < 9; failure += 1) {
      const opened = transport.streams.length;
      transport.lastStream.fail(cut());
      await clock.advanceUntil(() => transport.streams.length > opened, 60_000);
    }
    transport.lastStream.send('ERROR', { code: 410, reason: 'Expired' });
    await clock.advance(1_000);
    expect(lists(transport)).toBe(2);
  });

  it('lists ever more slowly when each version that it gets is forgotten at once', async () => {
    start();
    await clock.advance(100);
    const listedAt: number[] = [];
    for (let expiry = 0; expiry < 7; expiry += 1) {
      const before = lists(transport);
      transport.lastStream.send('ERROR', { code: 410, reason: 'Expired' });
      await clock.advanceUntil(() => lists(transport) > before, 60_000);
      await clock.settle();
      listedAt.push(clock.monotonic());
    }
    const pauses = listedAt.slice(1).map((at, index) => at - (listedAt[index] ?? 0));
    expect(pauses.map((pause) => Math.round(pause / 750))).toEqual([1, 2, 4, 8, 16, 30]);
  });

  it('waits as long as the server asks before it lists again', async () => {
    const answers = [statusOf(429, '', 'later', 20_000)];
    transport.answer = () => answers.shift() ?? listOf([], '1');
    start();
    await clock.advance(19_000);
    expect(lists(transport)).toBe(1);
    await clock.advance(2_000);
    expect(lists(transport)).toBe(2);
  });

  it('begins again at the first page when a page cannot be had', async () => {
    let broken = true;
    transport.answer = ({ query }) => {
      if (query['continue'] === undefined) return listOf([aService('cart', '4')], '10', 'more');
      return broken ? statusOf(410, 'Expired') : listOf([aService('shop', '5')], '10');
    };
    const { reflector, cache } = start();
    await clock.advance(100);
    expect(reflector.isSettled).toBe(false);
    broken = false;
    await clock.advance(2_000);
    expect(reflector.isSettled).toBe(true);
    expect(cache.size).toBe(2);
  });

  it('reads a damaged stream again from the last good version, and lists when that does not help', async () => {
    start();
    await clock.advance(100);
    transport.lastStream.fail(new BrokenStream('half a line'));
    await clock.advance(2_000);
    expect(transport.lastStream.request.query['resourceVersion']).toBe('10');
    expect(lists(transport)).toBe(1);
    transport.lastStream.send('MODIFIED', { metadata: {} });
    await clock.advance(3_000);
    transport.lastStream.send('ERROR', { code: 500 });
    await clock.advance(5_000);
    expect(lists(transport)).toBe(2);
  });

  it('does not believe a list that is older than what it has seen', async () => {
    const { cache } = start();
    await clock.advance(100);
    transport.lastStream.send('MODIFIED', aService('cart', '20'));
    transport.answer = () => listOf([aService('cart', '15')], '16');
    transport.lastStream.send('ERROR', { code: 410 });
    await clock.advance(2_000);
    expect(cache.list('shop')[0]?.metadata.resourceVersion).toBe('20');
    transport.answer = () => listOf([aService('cart', '25')], '26');
    await clock.advance(10_000);
    expect(cache.list('shop')[0]?.metadata.resourceVersion).toBe('25');
  });

  it('believes in the end that a cluster was restored from an older state', async () => {
    const { cache } = start();
    await clock.advance(100);
    transport.answer = () => listOf([aService('cart', '2')], '3');
    transport.lastStream.send('ERROR', { code: 410 });
    await clock.advance(10 * 60_000);
    expect(cache.list('shop')[0]?.metadata.resourceVersion).toBe('2');
    expect(warnings).toContain('cluster history went back, starting over');
  });

  it('waits for a kind that is not served, says so once, and takes it when it comes', async () => {
    transport.answer = () => statusOf(404, 'NotFound');
    const { reflector } = start();
    await clock.advance(5 * 60_000);
    expect(reflector.state).toBe('missing');
    expect(reflector.isSettled).toBe(true);
    expect(warnings).toEqual(['kind is not served, waiting for it']);
    transport.answer = () => listOf([aService('cart', '4')], '10');
    await clock.advance(60_000);
    expect(reflector.state).toBe('following');
    expect(changes).toEqual(['cart - 4']);
  });

  it('forgets its objects when the kind is no longer served', async () => {
    const { cache } = start();
    await clock.advance(100);
    transport.refusals.push(new RefusedStream(statusOf(404)));
    transport.lastStream.fail(cut());
    transport.answer = () => statusOf(404);
    await clock.advance(5_000);
    expect(cache.size).toBe(0);
    expect(changes).toEqual(['cart - 4', 'cart - 4']);
  });

  it('names verb and resource when a role is missing', async () => {
    transport.answer = () => statusOf(403, 'Forbidden');
    const { reflector } = start({}, 'shop');
    await clock.advance(60_000);
    expect(reflector.state).toBe('denied');
    expect(reflector.isSettled).toBe(false);
    expect(reflector.problem?.kind).toBe('denied');
    expect(reflector.problem?.message).toContain('may not list services in shop');
    expect(warnings).toEqual(['watch interrupted']);
  });

  it('lists again after a while when it is told to', async () => {
    transport.answer = () => listOf([], '20');
    start({ relistMs: 600_000 });
    await clock.advance(100);
    for (let minute = 0; minute < 25; minute += 1) {
      await clock.advance(60_000);
      transport.lastStream.send('BOOKMARK', { metadata: { resourceVersion: '20' } });
    }
    expect(lists(transport)).toBe(3);
  });

  it('stops while it lists, while it watches and while it rests', async () => {
    transport.answer = () => new Promise(() => {});
    const listing = start();
    await clock.advance(100);
    stop.abort();
    await listing.running;

    stop = new AbortController();
    transport.answer = () => listOf([], '1');
    const watching = start();
    await clock.advance(100);
    stop.abort();
    await watching.running;

    stop = new AbortController();
    transport.answer = () => statusOf(500);
    const resting = start();
    await clock.advance(100);
    stop.abort();
    await resting.running;
    const opened = transport.streams.length;
    await clock.advance(60 * 60_000);
    expect(transport.streams).toHaveLength(opened);
  });

  it('knows when the server last said something', async () => {
    const { reflector } = start();
    await clock.advance(30_000);
    expect(clock.monotonic() - reflector.lastEventAt).toBeGreaterThan(29_000);
    transport.lastStream.send('BOOKMARK', { metadata: { resourceVersion: '20' } });
    expect(clock.monotonic() - reflector.lastEventAt).toBe(0);
  });
});
