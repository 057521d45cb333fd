/** The series that the real Prometheus and ours are fed with: the same ones on every run. */

export interface InputSeries {
  readonly labels: Readonly<Record<string, string>>;
  /** Milliseconds after `epochMs`, and the value; `stale` ends the series. */
  readonly samples: readonly (readonly [number, SampleText])[];
}

/** Values as Prometheus writes them, because JSON has no NaN and no infinity. */
export type SampleText = string;

/** An ordinary moment, off the full minute. */
export const epochMs = 1_700_000_007_000;

export const minuteMs = 60_000;
const stepMs = 15_000;

/** Numbers between 0 and 1 that depend on nothing but the seed. */
export function seeded(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

type ValueAt = (index: number) => number | 'stale' | undefined;

function series(
  labels: Readonly<Record<string, string>>,
  valueAt: ValueAt,
  { shiftMs = 0, steps = 48 }: { shiftMs?: number; steps?: number } = {},
): InputSeries {
  const samples: [number, SampleText][] = [];
  for (let index = 0; index < steps; index += 1) {
    const value = valueAt(index);
    if (value !== undefined) samples.push([index * stepMs + shiftMs, sampleText(value)]);
  }
  return { labels, samples };
}

function sampleText(value: number | 'stale'): SampleText {
  if (value === 'stale') return value;
  return Object.is(value, -0) ? '-0' : String(value).replace('Infinity', 'Inf');
}

/** The number behind a sample's text; a stale marker has none. */
export function sampleValue(text: SampleText): number {
  return Number(text.replace('Inf', 'Infinity'));
}

const bounds = ['0.005', '0.05', '0.1', '0.5', '1', '2.5', '+Inf'];

/** A pod's request counters and duration buckets: what the built-in checks read. */
function requests(
  namespace: string,
  pod: string,
  status: string,
  countAt: ValueAt,
  { shiftMs = 0, slowness = 1 }: { shiftMs?: number; slowness?: number } = {},
): readonly InputSeries[] {
  const labels = { kubernetes_namespace: namespace, kubernetes_pod_name: pod, status };
  const name = 'http_request_duration_seconds';
  const scaled =
    (share: number): ValueAt =>
    (index) => {
      const count = countAt(index);
      return typeof count === 'number' ? Math.floor(count * share) : count;
    };
  return [
    series({ __name__: `${name}_count`, ...labels }, countAt, { shiftMs }),
    series({ __name__: `${name}_sum`, ...labels }, scaled(0.3 * slowness), { shiftMs }),
    ...bounds.map((le, at) =>
      series(
        { __name__: `${name}_bucket`, ...labels, le },
        scaled(le === '+Inf' ? 1 : Math.min(1, (at + 1) / bounds.length / slowness)),
        { shiftMs },
      ),
    ),
  ];
}

const canary = 'podinfo-6d8f9c7b5-abcde';
const secondCanary = 'podinfo-6d8f9c7b5-x2x4z';
const primary = 'podinfo-primary-5b7c8d9f4-fghij';

function reset(at: number): ValueAt {
  return (index) => (index < at ? 5000 + index * 17 : (index - at) * 17);
}

function only(allowed: (index: number) => boolean, valueAt: ValueAt): ValueAt {
  return (index) => (allowed(index) ? valueAt(index) : undefined);
}

function trafficScenarios(): readonly InputSeries[] {
  const random = seeded(7);
  const growing = (perStep: number, start = 0): ValueAt => {
    let total = start;
    const totals = Array.from({ length: 48 }, () => (total += Math.floor(random() * perStep * 2)));
    return (index) => totals[index];
  };
  return [
    ...requests('healthy', canary, '200', growing(40), { shiftMs: 1234 }),
    ...requests('healthy', secondCanary, '200', growing(25, 900), { shiftMs: 8001 }),
    ...requests('healthy', primary, '200', growing(300), { shiftMs: 77 }),
    ...requests('mixed', canary, '200', growing(40), { slowness: 2.2 }),
    ...requests('mixed', canary, '404', growing(4)),
    ...requests('mixed', canary, '503', growing(7), { slowness: 4 }),
    ...requests('mixed', primary, '200', growing(200)),
    ...requests('failing', canary, '500', growing(30), { shiftMs: 400 }),
    ...requests('failing', primary, '200', growing(100)),
    ...requests('idle', canary, '200', () => 4711),
    ...requests('restarted', canary, '200', reset(20), { shiftMs: 3000 }),
    ...requests('restarted', canary, '500', reset(31), { shiftMs: 3000 }),
    ...requests(
      'newborn',
      canary,
      '200',
      only(
        (index) => index >= 30,
        (index) => (index - 29) * 10,
      ),
    ),
    ...requests(
      'newborn',
      canary,
      '500',
      only(
        (index) => index >= 40,
        () => 1,
      ),
    ),
    ...requests(
      'gap',
      canary,
      '200',
      only((index) => index < 12 || index > 25, growing(30)),
    ),
    ...requests('gone', canary, '200', (index) => goneAt(index, 22), { shiftMs: 5 }),
    ...requests('returned', canary, '200', (index) => (index === 20 ? 'stale' : index * 9)),
    ...requests(
      'rare',
      canary,
      '200',
      only(
        (index) => index % 7 === 0,
        (index) => index * 3,
      ),
    ),
    ...requests(
      'single',
      canary,
      '200',
      only(
        (index) => index === 36,
        () => 12,
      ),
    ),
  ];
}

function goneAt(index: number, end: number): number | 'stale' | undefined {
  if (index > end) return undefined;
  return index === end ? 'stale' : index * 11;
}

/** Gauges with many label sets, odd values, and partners for vector matching. */
function gauges(): readonly InputSeries[] {
  const random = seeded(11);
  const wander = (scale: number): ValueAt => {
    const values = Array.from({ length: 48 }, () => (random() - 0.4) * scale);
    return (index) => values[index];
  };
  const rooms = ['attic', 'hall', 'cellar', 'room 4', 'küche', 'a"b\\c'];
  const odd: Record<string, ValueAt> = {
    nan: () => Number.NaN,
    sometimes: (index) => (index % 3 === 0 ? Number.NaN : index),
    infinite: () => Infinity,
    negative: (index) => (index % 2 === 0 ? -Infinity : -4.5),
    tiny: () => 1.5e-9,
    huge: () => 3.25e22,
    both: (index) => [Infinity, -Infinity, 1][index % 3],
    cancelling: (index) => [1e16, 1, -1e16][index % 3],
    zero: () => 0,
    minus: () => -0,
    half: (index) => index + 0.5,
    third: () => 1 / 3,
    large: () => 1e16 + 2,
  };
  return [
    ...rooms.flatMap((room, at) =>
      ['x', 'y', 'z'].map((side) =>
        series({ __name__: 'temperature', room, side, floor: String(at % 3) }, wander(50), {
          shiftMs: at * 901,
        }),
      ),
    ),
    ...rooms
      .slice(0, 5)
      .map((room, at) =>
        series({ __name__: 'room_info', room, colour: at % 2 === 0 ? 'red' : 'blue' }, () => 1),
      ),
    ...['0', '1', '2'].map((floor, at) =>
      series({ __name__: 'floor_area', floor, unit: 'm2' }, () => 10 * (at + 1)),
    ),
    ...Object.entries(odd).map(([kind, valueAt]) => series({ __name__: 'odd', kind }, valueAt)),
    series({ __name__: 'lonely' }, (index) => index % 5),
    series({ __name__: 'twin_a', id: '1' }, () => 3),
    series({ __name__: 'twin_b', id: '1' }, () => 4),
    series({ __name__: 'unused:ratio', id: '1' }, (index) => (index < 5 ? index : undefined)),
  ];
}

/** Buckets as no well-behaved target would show them. */
function histograms(): readonly InputSeries[] {
  const bucket = (kind: string, le: string, count: number) =>
    series({ __name__: 'shape_bucket', kind, le }, () => count);
  const row = (kind: string, counts: Readonly<Record<string, number>>) =>
    Object.entries(counts).map(([le, count]) => bucket(kind, le, count));
  return [
    ...row('plain', { '0.1': 5, '0.2': 8, '0.4': 9, '+Inf': 10 }),
    ...row('empty', { '0.1': 0, '0.2': 0, '+Inf': 0 }),
    ...row('no top', { '0.1': 3, '0.2': 5 }),
    ...row('only top', { '+Inf': 7 }),
    ...row('falling', { '0.1': 5, '0.2': 3, '0.4': 9, '+Inf': 8 }),
    ...row('negative', { '-2': 1, '-1': 4, '1': 6, '+Inf': 6 }),
    ...row('negative first', { '-1': 4, '1': 6, '+Inf': 8 }),
    ...row('all above', { '1': 0, '2': 0, '+Inf': 9 }),
    ...row('twice', { '1': 2, '1.0': 3, '2': 9, '+Inf': 12 }),
    ...row('unreadable', { one: 2, '2': 5, inf: 6 }),
    ...row('undefined', { '1': Number.NaN, '2': Number.NaN, '+Inf': Number.NaN }),
    ...row('half undefined', { '1': 1, '2': Number.NaN, '+Inf': 4 }),
    series({ __name__: 'shape_bucket', kind: 'no le' }, () => 4),
  ];
}

export function allSeries(): readonly InputSeries[] {
  return [...trafficScenarios(), ...gauges(), ...histograms()];
}
