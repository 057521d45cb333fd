import { describe, expect, it } from 'vitest';

import { ClusterLog } from '../../../src/sandbox/demo/cluster-log.ts';
import { Ledger } from '../../../src/sandbox/demo/ledger.ts';
import type { RequestRecord } from '../../../src/sandbox/demo/request-record.ts';
import { screenLines } from '../../../src/sandbox/demo/screen.ts';
import { summary } from '../../../src/sandbox/demo/summary.ts';
import { type Evidence, judge } from '../../../src/sandbox/demo/verdict.ts';

const good = { image: 'demo:1.1.0', version: '1.1.0', pushedAt: 10_000, endedAt: 20_000 };
const bad = { image: 'demo:1.2.0', version: '1.2.0', pushedAt: 30_000, endedAt: 40_000 };

function request(at: number, more: Partial<RequestRecord> = {}): RequestRecord {
  const version = at < 15_000 ? '1.0.0' : '1.1.0';
  const pod = 'hello-primary-a-b';
  return { at, tookMs: 5, status: 200, failed: false, version, pod, ...more };
}

interface Story {
  readonly extra?: readonly RequestRecord[];
  readonly weights?: readonly (readonly [number, number])[];
  readonly images?: readonly (readonly [number, string])[];
}

const WEIGHTS = [
  [0, 0],
  [12_000, 50],
  [14_000, 100],
  [16_000, 0],
  [32_000, 25],
  [36_000, 0],
] as const;
const IMAGES = [
  [0, 'demo:1.0.0'],
  [15_000, 'demo:1.1.0'],
] as const;

function evidence({ extra = [], weights = WEIGHTS, images = IMAGES }: Story): Evidence {
  const ledger = new Ledger('hello');
  for (let at = 5_000; at <= 45_000; at += 100) ledger.add([request(at)]);
  ledger.add(extra);
  const written = weights.map(([at, weight]) => ({ at, weight }));
  const log = {
    weights: written,
    primaryImages: images.map(([at, image]) => ({ at, image })),
    backAtZero: ClusterLog.prototype.backAtZero.bind({ weights: written }),
  };
  return { ledger, log, good, bad, finishedAt: 45_000 };
}

describe('demo verdict', () => {
  it('is content with one promotion and one abort', () => {
    const failed = request(33_000, {
      version: '1.2.0',
      pod: 'hello-c-d',
      status: 500,
      failed: true,
    });
    const verdict = judge(evidence({ extra: [failed] }));
    expect(verdict).toMatchObject({ promoted: true, aborted: true, problems: [] });
    expect(summary(evidence({}), verdict, 33_500).join('\n')).toContain('to weight 0: 2.5 s');
  });

  it.each<[string, Story]>([
    ['1.1.0 never got a share of the traffic', { weights: WEIGHTS.slice(4) }],
    ['the primary runs demo:1.0.0, not demo:1.1.0', { images: IMAGES.slice(0, 1) }],
    ['1.2.0 was not given traffic and taken off it', { weights: WEIGHTS.slice(0, 5) }],
    ['the primary was given demo:1.2.0', { images: [...IMAGES, [33_000, 'demo:1.2.0']] }],
    [
      "1 of 22 requests were not answered by 1.1.0's primary",
      { extra: [request(44_500, { version: '1.2.0', pod: 'hello-c-d' })] },
    ],
    [
      '1 failed requests that no version answered',
      { extra: [{ at: 33_000, tookMs: 1, status: 0, failed: true }] },
    ],
    ['1 failed requests that 1.1.0 answered', { extra: [request(25_000, { failed: true })] }],
  ])('finds that %s', (problem, story) => {
    expect(judge(evidence(story)).problems).toContain(problem);
  });
});

describe('demo screen', () => {
  it('keeps its height and its width', () => {
    const view = {
      elapsedMs: 61_000,
      step: 'releasing 1.1.0',
      phase: 'Progressing',
      weight: 25,
      primary: { requests: 10, successRate: 100, slowMs: 12 },
      canary: { requests: 0 },
      sent: 10,
      failed: 0,
      events: [],
      slack: [],
    };
    const empty = screenLines(view, 60);
    const full = screenLines({ ...view, events: Array(20).fill('x'.repeat(200)) }, 60);
    expect(full).toHaveLength(empty.length);
    expect(Math.max(...full.map((line) => line.length))).toBe(60);
    expect(empty.join('\n')).toContain(`${'█'.repeat(10)}${'░'.repeat(30)}  25 %`);
    expect(empty[0]).toContain('01:01');
  });
});
