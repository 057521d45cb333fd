import { once } from 'node:events';
import { createServer } from 'node:http';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';

import { startPrometheus } from '../../../src/sandbox/prometheus/prometheus.ts';
import { askOurs, differences, storeOf } from './support/compare.ts';
import { expositionPages } from './support/exposition-pages.ts';
import { randomQuestions } from './support/random-queries.ts';
import {
  installedVersion,
  query,
  startRealPrometheus,
  until,
  type RealPrometheus,
} from './support/real-prometheus.ts';
import { allSeries } from './support/series.ts';

const version = installedVersion();
const skipped = version === undefined ? ' (skipped: no prometheus on the PATH)' : '';
const patienceMs = 60_000;

describe.skipIf(version === undefined)(`beside a real Prometheus${skipped}`, () => {
  let real: RealPrometheus;
  beforeAll(async () => {
    real = await startRealPrometheus();
    await real.write(allSeries());
  }, patienceMs);
  afterAll(() => real[Symbol.asyncDispose]());

  it.each([1, 2, 3])(
    'answers random queries alike (seed %i)',
    async (seed) => {
      const store = storeOf(allSeries());
      const wrong: string[] = [];
      for (const question of randomQuestions(seed, 300)) {
        const found = differences(await real.ask(question), askOurs(store, question));
        wrong.push(...found.map((one) => `${question.query} at ${question.atMs}: ${one}`));
      }
      expect(wrong).toEqual([]);
    },
    patienceMs,
  );
});

describe.skipIf(version === undefined)(`scraping beside a real Prometheus${skipped}`, () => {
  /** How often each scraper, known by its User-Agent, has asked for a path. */
  const asked = new Map<string, number>();
  const target = createServer((request, response) => {
    const path = request.url ?? '';
    const scraper = request.headers['user-agent']?.startsWith('Prometheus') ? 'real' : 'ours';
    const times = (asked.get(`${scraper} ${path}`) ?? 0) + 1;
    asked.set(`${scraper} ${path}`, times);
    response.writeHead(path === '/breaks' && times > 1 ? 500 : 200, {
      'content-type': 'text/plain',
    });
    response.end(pageFor(path, times));
  });
  const paths = [...expositionPages.keys()].map((at) => `/${at}`).concat('/fewer', '/breaks');
  let real: RealPrometheus;
  let ours: Awaited<ReturnType<typeof startPrometheus>>;

  beforeAll(async () => {
    target.listen(0, '127.0.0.1');
    await once(target, 'listening');
    const address = Object(target.address());
    const host = `127.0.0.1:${address.port}`;
    real = await startRealPrometheus(scrapeConfig(host, paths));
    ours = await startPrometheus({
      scrapeIntervalMs: 1000,
      targets: () =>
        paths.map((path) => ({
          url: `http://${host}${path}`,
          labels: { job: path, instance: 'target' },
        })),
    });
    const scrapers = ['ours', 'real'];
    await until(async () =>
      paths.every((path) => scrapers.every((one) => (asked.get(`${one} ${path}`) ?? 0) >= 3)),
    );
  }, patienceMs);
  afterAll(async () => {
    await Promise.all([ours.close(), real[Symbol.asyncDispose]()]);
    target.close();
  });

  it.each(['up', '{job!="",__name__!~"scrape_.*|up"}'])(
    'shows the same for %s',
    async (text) => {
      const compareNow = async () => {
        const question = { query: text, atMs: Date.now() };
        const answers = [query(real.url, question), query(ours.url, question)] as const;
        const [theirs, own] = await Promise.all(answers);
        expect(differences(theirs, own)).toEqual([]);
        expect(Object(own.body).data.result.length).toBeGreaterThan(20);
      };
      // A scrape that timed out on a busy machine is made good by the next.
      await vi.waitFor(compareNow, { timeout: patienceMs / 2, interval: 500 });
    },
    patienceMs,
  );
});

function pageFor(path: string, times: number): string {
  if (path === '/fewer') return times > 1 ? 'stays 1\n' : 'stays 1\ngoes 2\n';
  if (path === '/breaks') return 'breaks 1\n';
  return expositionPages[Number(path.slice(1))] ?? '';
}

function scrapeConfig(host: string, paths: readonly string[]): string {
  const jobs = paths.map((path) => ({
    job_name: path,
    metrics_path: path,
    scrape_interval: '1s',
    scrape_timeout: '1s',
    static_configs: [{ targets: [host], labels: { instance: 'target' } }],
  }));
  // JSON is YAML.
  return JSON.stringify({ scrape_configs: jobs });
}
