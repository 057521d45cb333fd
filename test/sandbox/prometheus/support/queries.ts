/** The questions that are put to the real Prometheus and to ours. */
import { epochMs, minuteMs } from './series.ts';

export interface Question {
  readonly query: string;
  readonly atMs: number;
}

/** Before all samples, in the middle of things, at and just past the reach of the last ones. */
const moments = {
  before: epochMs - 1000,
  first: epochMs,
  early: epochMs + 90_000,
  reset: epochMs + 5 * minuteMs + 20_000,
  middle: epochMs + 7 * minuteMs + 37_123,
  late: epochMs + 11 * minuteMs + 45_000,
  lastReach: epochMs + 47 * 15_000 + 5 * minuteMs,
  pastReach: epochMs + 47 * 15_000 + 5 * minuteMs + 1,
} as const;

type Moment = keyof typeof moments;

const ask = (queries: readonly string[], names: readonly Moment[]): readonly Question[] =>
  queries.flatMap((query) => names.map((name) => ({ query, atMs: moments[name] })));

const namespaces =
  'healthy mixed failing idle restarted newborn gap gone returned rare single nobody'.split(' ');

function selector(namespace: string, more = ''): string {
  return `{
      kubernetes_namespace="${namespace}",
      kubernetes_pod_name=~"podinfo-[0-9a-zA-Z]+(-[0-9a-zA-Z]+)"${more}
    }`;
}

const name = 'http_request_duration_seconds';
const notFailed = ',\n      status!~"5.*"';

function successRate(namespace: string, window: string): string {
  const rate = (more: string) =>
    `sum(\n    rate(\n    ${name}_count${selector(namespace, more)}[${window}]\n  )\n)`;
  return `${rate(notFailed)}\n/\n${rate('')}\n* 100`;
}

function requestDuration(namespace: string, window: string): string {
  return `histogram_quantile(0.99,\n  sum(\n    rate(\n      ${name}_bucket${selector(namespace)}[${window}]\n    )\n  ) by (le)\n)`;
}

/** Success rates that are 0 and not empty when every request failed. */
function fallbacks(namespace: string): readonly string[] {
  const good = `sum(rate(${name}_count${selector(namespace, notFailed)}[1m]))`;
  const all = `sum(rate(${name}_count${selector(namespace)}[1m]))`;
  return [
    `(${good} or 0 * ${all}) / ${all} * 100`,
    `(${good} or vector(0)) / ${all} * 100`,
    `100 - 100 * (sum(rate(${name}_count${selector(namespace, ',status=~"5.*"')}[1m])) or 0 * ${all}) / ${all}`,
    `${good} / ${all} * 100 or on() vector(100)`,
  ];
}

const builtIns = namespaces.flatMap((namespace) => [
  ...ask(
    [successRate(namespace, '1m'), requestDuration(namespace, '1m')],
    ['early', 'reset', 'middle', 'late', 'pastReach'],
  ),
  ...ask([successRate(namespace, '5m'), requestDuration(namespace, '30s')], ['reset', 'late']),
  ...ask(fallbacks(namespace), ['reset', 'late']),
]);

const count = `${name}_count`;

const overRanges = [
  ...['rate', 'irate', 'increase', 'delta'].flatMap((f) =>
    ['15s', '40s', '1m', '2m30s', '10m', '1h'].map((range) => `${f}(${count}[${range}])`),
  ),
  ...['avg', 'max', 'min', 'sum', 'count'].flatMap((f) => [
    `${f}_over_time(odd[1m])`,
    `${f}_over_time(temperature[2m])`,
    `${f}_over_time(${count}{kubernetes_namespace=~"gone|returned|gap"}[5m])`,
  ]),
  `rate((${count}{status="200"}[1m]))`,
  `increase(${count}[1m] offset 30s)`,
  `rate(${count}[1m] offset -20s)`,
  `rate(${count}[1m] @ ${(epochMs + 400_000) / 1000})`,
  `rate(${count}[1m] @ ${(epochMs + 400_000) / 1000} offset 1m)`,
  `delta(temperature[1m] @ start())`,
  `sum(increase(${count}[3m])) by (kubernetes_namespace, status)`,
  `irate(odd[1m])`,
  `rate(odd[2m])`,
  `rate({__name__=~"twin_.*"}[1m])`,
];

const selectors = [
  'temperature',
  'temperature{room="attic"}',
  'temperature{room=\'room 4\', side!="x"}',
  'temperature{room=~"a.*|hall"}',
  'temperature{room=~"a"}',
  'temperature{room!~"(attic|hall)", floor="1",}',
  'temperature{room="a\\"b\\\\c"}',
  'temperature{room=`a"b\\c`}',
  'temperature{room="k\\u00fcche"}',
  'temperature{room=~"k.che"}',
  'temperature{missing=""}',
  'temperature{missing!=""}',
  'temperature{room=~"[[:alpha:]]+"} or temperature{room=~"\\\\w+ \\\\d"}',
  'temperature{room=~"(?i)ATTIC|Hall"}',
  'temperature{room=~"(?:att|cell)(?:ic|ar)", side=~"[x-y]"}',
  '{__name__="lonely"}',
  '{__name__=~"twin_.*"}',
  '{room="hall", side=~".+"}',
  'unused:ratio',
  'lonely offset 1m',
  'lonely offset -1m',
  `lonely @ ${(epochMs + 60_000) / 1000}`,
  `lonely offset 30s @ ${(epochMs + 60_000) / 1000}`,
  'lonely @ end()',
  'lonely[1m]',
  'lonely[1m] offset 2m',
  'odd[30s]',
  `${count}{kubernetes_namespace="gone"}`,
  `${count}{kubernetes_namespace="returned"}[2m]`,
  'nothing_here',
  'nothing_here[5m]',
  'odd',
  'SUM(lonely) # with a comment',
].filter((query) => !query.includes('[['));

const operators = [
  ...['+', '-', '*', '/', '%', '^'].flatMap((o) => [
    `odd ${o} 2`,
    `2 ${o} odd`,
    `temperature ${o} on(room) group_left(colour) room_info`,
    `7 ${o} 3`,
    `sum by (floor) (temperature) ${o} on(floor) floor_area`,
  ]),
  ...['==', '!=', '>', '<', '>=', '<='].flatMap((o) => [
    `odd ${o} 0.5`,
    `0.5 ${o} odd`,
    `odd ${o} bool 1`,
    `2 ${o} bool 3`,
    `temperature{side="x"} ${o} ignoring(side) temperature{side="y"}`,
    `temperature{side="x"} ${o} bool ignoring(side) temperature{side="y"}`,
    `temperature ${o} on(floor) group_left floor_area`,
  ]),
  ...['and', 'or', 'unless'].flatMap((o) => [
    `temperature{side="x"} ${o} temperature{floor="1"}`,
    `temperature ${o} on(room) room_info{colour="red"}`,
    `temperature{side="x"} ${o} ignoring(side, floor) room_info`,
    `nothing_here ${o} lonely`,
    `lonely ${o} nothing_here`,
    `vector(1) ${o} vector(2)`,
    `temperature ${o} on() vector(1)`,
  ]),
  'floor_area * on(floor) group_right(unit) temperature',
  'floor_area * on(floor) group_right() temperature',
  'floor_area < on(floor) group_right temperature',
  'floor_area > bool on(floor) group_right temperature',
  'twin_a + twin_b',
  'twin_a == twin_b',
  'twin_a < twin_b',
  'twin_a / ignoring(nothing) twin_b',
  'twin_a * on() lonely',
  '-odd',
  '+odd',
  '-temperature{room="hall"} + 1',
  '-2 ^ 2',
  '2 ^ 3 ^ 2',
  '2 ^ -1',
  '1 ^ NaN',
  '(-1) ^ Inf',
  '(-1) ^ -Inf',
  'NaN ^ 0',
  'odd ^ 0',
  '1 ^ odd',
  '-lonely ^ 2',
  '1 - 2 - 3',
  '2 + 3 * 4 ^ 2 % 5',
  '1 + 2 == bool 3',
  'lonely + lonely offset 30s',
  '-lonely offset 30s',
  `lonely / lonely @ ${(epochMs + 60_000) / 1000} ^ 2`,
  'lonely > 1 or lonely < 5 and lonely',
  'lonely unless lonely > 2 or vector(9)',
  '1 + on() 2',
  '1 / 0',
  '-1 / 0',
  '0 / 0',
  '1e-9 * 1',
  '1e25',
  '123456789012345678',
  '0x1F + 010',
  '.5 + 5.0',
  'Inf - inf',
  'NaN',
  '"text"',
  "'te\\'xt\\n'",
  '`raw\\n`',
  '((1))',
  'lonely-1',
  '1-1',
];

const callsAndAggregates = [
  ...['sum', 'avg', 'min', 'max', 'count'].flatMap((a) => [
    `${a}(temperature)`,
    `${a} by (floor) (temperature)`,
    `${a}(temperature) without (room, side)`,
    `${a} by () (odd)`,
    `${a} without () (odd)`,
    `${a}(odd{kind=~"infinite|negative"})`,
    `${a}(odd{kind=~"nan|zero|half"})`,
    `${a} by (__name__, side,) ({__name__=~"temperature|twin_a"})`,
    `${a}(nothing_here)`,
  ]),
  'topk(3, temperature)',
  'topk(1, temperature) by (floor)',
  'topk(0, temperature)',
  'topk(2, odd{kind=~"nan|zero|half"})',
  'topk(scalar(lonely), temperature)',
  'topk(-1, temperature)',
  'topk(2.9, temperature)',
  'topk(NaN, temperature)',
  ...['0', '0.3', '0.5', '0.9', '0.99', '1', '-0.1', '1.1', 'NaN'].map(
    (q) => `histogram_quantile(${q}, shape_bucket)`,
  ),
  'histogram_quantile(scalar(nothing_here), shape_bucket)',
  'histogram_quantile(0.5, temperature)',
  `histogram_quantile(0.9, sum by (le, kubernetes_namespace) (rate(${name}_bucket[2m])))`,
  `histogram_quantile(0.5, rate(${name}_bucket{kubernetes_namespace=~"mixed|restarted"}[1m]))`,
  `sum(rate(${name}_sum[1m])) by (kubernetes_namespace) / sum(rate(${count}[1m])) by (kubernetes_namespace) * 1000`,
  'abs(odd)',
  'ceil(odd)',
  'floor(odd)',
  'round(odd)',
  'round(temperature, 0.25)',
  'round(temperature, 5)',
  'round(-temperature)',
  'round(temperature, 0)',
  'clamp_min(odd, 1)',
  'clamp_max(odd, 1)',
  'clamp_min(odd, NaN)',
  'clamp_max(odd, -Inf)',
  'clamp_min(odd, Inf)',
  'scalar(lonely)',
  'scalar(temperature)',
  'scalar(nothing_here) + 1',
  'vector(3)',
  'vector(time())',
  'time()',
  'time() - 1',
  'absent(lonely)',
  'absent(nothing_here)',
  'absent(nothing_here{a="b", c!="d", e=~"f"})',
  'absent(nothing_here{a="b", a="c"})',
  'absent((nothing_here{a="b"}))',
  'absent(sum(nothing_here{a="b"}))',
  'absent({__name__="nothing_here", a="b"})',
  'label_replace(room_info, "initial", "$1", "room", "(.).*")',
  'label_replace(room_info, "room", "", "room", "hall")',
  'label_replace(room_info, "both", "${first}-$2$$-$9", "room", "(?P<first>.)(.).*")',
  'label_replace(room_info, "x", "$1y", "room", "(.).*")',
  'label_replace(room_info, "__name__", "renamed", "", "")',
  'label_replace(room_info, "empty", "e", "nothing", "")',
  'label_replace(room_info, "room", "same", "room", ".*")',
  'label_replace(room_info, "0bad", "same", "room", ".*")',
  'label_replace(room_info, "a", "b", "room", "(")',
  'abs({__name__=~"twin_.*"})',
  '-{__name__=~"twin_.*"}',
  '{__name__=~"twin_.*"} + 1',
  '{__name__=~"twin_.*"} > 1',
  '{__name__=~"twin_.*"} > bool 1',
  'sum by (id) ({__name__=~"twin_.*"})',
];

/** Queries that the real one refuses, too: by their text, or by what the data turns out to be. */
const refused = [
  '',
  '   ',
  '# only a comment',
  'sum(',
  'sum(lonely',
  'lonely)',
  'lonely{',
  'lonely{a=b}',
  'lonely{a="b}',
  'lonely{a="b" c="d"}',
  'lonely{"a"="b"}',
  'lonely{a=~"("}',
  'lonely{a=~"(?=b)"}',
  'lonely{a=~"(b)\\\\1"}',
  'lonely{a=~"b{1001}"}',
  'lonely{a=~"b**"}',
  'lonely{a=~"\\\\y"}',
  'lonely{a="\\y"}',
  '{}',
  '{a=""}',
  '{a=~".*"}',
  'lonely{__name__="x"}',
  'lonely[5]',
  'lonely[1mm]',
  'lonely[0s]',
  'lonely[1s1m]',
  'lonely[5m',
  'lonely[]',
  '(lonely)[5m]',
  'lonely[5m][5m]',
  'lonely offset 5',
  'lonely offset 5m offset 5m',
  'sum(lonely) offset 5m',
  'lonely offset 5m [5m]',
  'lonely @ 1 @ 2',
  'lonely @ lonely',
  'lonely @ Inf',
  'rate(lonely)',
  'rate(lonely[5m], 1)',
  'rate()',
  'rate',
  'sum()',
  'sum(1)',
  'sum(lonely[5m])',
  'sum(lonely, lonely)',
  'sum by lonely',
  'sum by le (lonely)',
  'topk(lonely, lonely)',
  'topk(3)',
  'abs(1)',
  'abs("x")',
  'scalar(1)',
  'vector(lonely)',
  'time(1)',
  'round(lonely, lonely)',
  'round(lonely, 1, 2)',
  'histogram_quantile(lonely, lonely)',
  'label_replace(lonely, "a", "b", "c")',
  'unheard_of(lonely)',
  '1 == 1',
  '1 and 1',
  'lonely and 1',
  'lonely + bool 1',
  'lonely + "x"',
  '"x" + "x"',
  'lonely[5m] + 1',
  '-"x"',
  '-lonely[5m]',
  'lonely and on(a) group_left lonely',
  'lonely + on(a) group_left(a) lonely',
  'lonely + on(a) 1',
  'lonely +',
  '* lonely',
  'lonely lonely',
  '1h',
  '5 5',
  '5unless lonely',
  'lonely == 1e3unless lonely',
  '08 + 1x',
  'temperature + temperature{side="x"} + on(floor) room_info',
  'temperature * on(room) room_info',
  'room_info * on(room) temperature',
  'temperature * on(floor) group_left temperature',
  'temperature + on() group_left(side) lonely',
  'temperature * ignoring(side) group_left(nothing) temperature{side="x"}',
  'floor_area * on(floor) group_right(floor) temperature',
  'temperature == on(room) room_info',
  '{__name__=~"twin_.*"} >= twin_a',
  'nothing_here + on() temperature',
  'temperature + on() nothing_here',
];

export function allQuestions(): readonly Question[] {
  return [
    ...builtIns,
    ...ask(overRanges, ['early', 'reset', 'middle', 'lastReach']),
    ...ask(selectors, ['before', 'first', 'middle', 'lastReach', 'pastReach']),
    ...ask(operators, ['middle', 'late']),
    ...ask(callsAndAggregates, ['middle', 'late']),
    ...ask(refused, ['late']),
  ];
}
