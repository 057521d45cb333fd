/**
 * Defects that are planted one at a time: at least one for each promise, and one for each difference from Flagger.
 *
 * `find` has to be there exactly once; a mutant that no longer fits its source is an error, so that the list cannot
 * rot unseen.
 */
import type { PromiseId } from '../promises/promises.ts';

export interface Mutant {
  readonly name: string;
  /** The promise that it breaks, or the difference that it takes back. */
  readonly breaks: PromiseId | 'difference';
  readonly file: string;
  readonly find: string;
  readonly replace: string;
  /** Test files that have to notice, where the model world cannot: it knows `decide` only. */
  readonly tests?: readonly string[];
  /** The exploration that finds it soonest, by a part of its name; without one the random rollouts come first. */
  readonly plan?: string;
}

const transcripts = ['test/transcripts'];
const otherWriters = ['test/unit/core/other-writers.test.ts'];

export const mutants: readonly Mutant[] = [
  // ── traffic ───────────────────────────────────────────────────────────────
  {
    name: 'the weight goes up before a round',
    breaks: 'p1',
    file: 'src/core/rounds.ts',
    find: "run.lastRound = { at: pass.nowText, verdict: 'held' };",
    replace: "run.lastRound = { at: pass.nowText, verdict: 'passed' };",
    plan: 'two steps, checks',
  },
  {
    name: 'a round from before the raise counts',
    breaks: 'p1',
    file: 'src/core/progress.ts',
    find: '  run.exposedSince ??= pass.nowText;\n  delete run.lastRound;',
    replace: '  run.exposedSince ??= pass.nowText;',
  },
  {
    name: 'an old round is good enough when a gate opens',
    breaks: 'p1',
    file: 'src/core/progress.ts',
    find: 'return age <= (seen.spec?.intervalMs ?? 0);',
    replace: 'return age >= 0 || seen.spec === undefined;',
  },
  {
    name: 'a raise that was not recorded is not noticed',
    breaks: 'p6',
    file: 'src/core/upkeep.ts',
    find: ".filter((write) => write.for === 'raise' && write.weight > run.weight)",
    replace: ".filter((write) => write.for === 'raise' && write.weight > 100)",
  },
  {
    name: 'traffic goes to a primary without pods',
    breaks: 'r1',
    file: 'src/core/upkeep.ts',
    find: 'if (tooHigh.length > 0 && pass.primaryAvailable) {',
    replace: 'if (tooHigh.length > 0) {',
  },
  {
    name: 'the apex moves to a primary without pods',
    breaks: 'r1',
    file: 'src/core/apex.ts',
    find: "if (side === 'primary' && !pass.primaryAvailable && pass.canaryAvailable) return false;",
    replace: '',
  },
  {
    name: 'a canary without pods keeps its traffic',
    breaks: 'p8',
    file: 'src/core/progress.ts',
    find: 'if (!pass.canaryAvailable && pass.liveWeight > 0) {',
    replace: 'if (!pass.canaryAvailable && pass.liveWeight > 100) {',
    tests: transcripts,
  },
  {
    name: 'a weight that somebody raised stays',
    breaks: 'r2',
    file: 'src/core/upkeep.ts',
    find: '(route.weight ?? 0) > Math.min(allowed, trusted(pass, route)?.weight ?? 0)',
    replace: '(route.weight ?? 0) > Math.max(100, allowed)',
  },
  {
    name: 'the pass goes on after it has corrected a weight',
    breaks: 'r2',
    file: 'src/core/upkeep.ts',
    find: '    run.weight = isUnderWay(pass.phase) ? weight : 0;\n    return true;',
    replace: '    run.weight = isUnderWay(pass.phase) ? weight : 0;\n    return false;',
  },
  {
    name: 'a new revision keeps the weight of the old one',
    breaks: 'r2',
    file: 'src/core/machine.ts',
    find: "actions: ['reset', { type: 'shiftTraffic', params: { weight: 0, for: 'restart' } }],\n      },\n    ],",
    replace: "actions: ['reset'],\n      },\n    ],",
  },
  {
    name: 'a new revision in Promoting keeps its traffic',
    breaks: 'r2',
    file: 'src/core/promote.ts',
    find: 'if (pass.primaryAvailable && pass.liveWeight > 0 && (newer || !pass.canaryAvailable)) {',
    replace: 'if (pass.primaryAvailable && pass.liveWeight > 100 && newer) {',
  },
  // ── abort ─────────────────────────────────────────────────────────────────
  {
    name: 'the threshold is off by one',
    breaks: 'p2',
    file: 'src/core/machine.ts',
    find: 'context.failedChecks + 1 >= context.threshold',
    replace: 'context.failedChecks >= context.threshold',
  },
  {
    name: 'an abort leaves the weight where it is',
    breaks: 'p2',
    file: 'src/core/machine.ts',
    find: "          { type: 'shiftTraffic', params: { weight: 0, for: 'abort:FailedChecks' } },",
    replace: '',
  },
  {
    name: 'Services come before the weight',
    breaks: 'p2',
    file: 'src/core/pass.ts',
    find: "const first = weight === 0 && reason !== 'initialise';",
    replace: 'const first = false && weight === 0;',
  },
  {
    name: 'an abort waits for the gate',
    breaks: 'p2',
    file: 'src/core/progress.ts',
    find: '  const outcome = evaluateRound(pass);\n',
    replace:
      "  if (pass.run?.gate !== undefined && passGates(pass, pass.run.gate).kind === 'waiting') return;\n  const outcome = evaluateRound(pass);\n",
    plan: 'a gate before each raise',
  },
  {
    name: 'an abort that was written is not completed',
    breaks: 'p6',
    file: 'src/core/upkeep.ts',
    find: 'if (abort !== undefined) return completeAbort',
    replace: "if (abort?.run === '') return completeAbort",
    plan: 'one step, a primary that comes',
  },
  {
    name: 'nobody is told of an abort',
    breaks: 'p2',
    file: 'src/core/upkeep.ts',
    find: "    fact: 'failed',\n    severity: reason",
    replace: "    fact: 'over',\n    severity: reason",
  },
  // ── pods ──────────────────────────────────────────────────────────────────
  {
    name: 'pods go before the drain',
    breaks: 'p3',
    file: 'src/core/upkeep.ts',
    find: 'if (drained >= settings.drainMs) return true;',
    replace: 'if (drained >= 0) return true;',
  },
  {
    name: 'pods go before the gateway follows',
    breaks: 'p3',
    file: 'src/core/upkeep.ts',
    find: "if (traffic.acceptance.kind !== 'accepted') return false;",
    replace: '',
  },
  {
    name: 'pods go although somebody gave them traffic',
    breaks: 'p3',
    file: 'src/core/rest.ts',
    find: "if (pass.liveWeight > 0 || seen.services.apexSide === 'canary')",
    replace: 'if (pass.liveWeight > 100)',
  },
  {
    name: 'failing initialisation scales the target down',
    breaks: 'difference',
    file: 'src/core/initialise.ts',
    find: '  if (!primaryIsReady(pass)) return;\n',
    replace:
      "  if (!primaryIsReady(pass)) return void pass.effects.push({ type: 'scaleTarget', replicas: 0 });\n",
  },
  // ── promotion ─────────────────────────────────────────────────────────────
  {
    name: 'promoted twice',
    breaks: 'p6',
    file: 'src/core/promote.ts',
    find: 'if (pass.primaryHolds === run.intent.revision) return afterWrite(pass);',
    replace: '',
  },
  {
    name: "the target's latest is promoted instead of what was analysed",
    breaks: 'p4',
    file: 'src/core/promote.ts',
    find: "pass.effects.push({ type: 'promote', revision: intent.revision });",
    replace: "pass.effects.push({ type: 'promote', revision: run.lastRound?.at ?? '' });",
  },
  {
    name: 'the run goes on with whatever the target holds',
    breaks: 'p4',
    file: 'src/core/progress.ts',
    find: '  if (target.revision === run.revision) return restarted(pass);',
    replace:
      '  if (target.revision === run.revision) return restarted(pass);\n  if (pass.liveWeight === 0) {\n    run.revision = target.revision;\n    return false;\n  }',
  },
  {
    name: 'promotion before the last step',
    breaks: 'p4',
    file: 'src/core/progress.ts',
    find: '  if (next === undefined) return promotion(pass);',
    replace: '  if (next === undefined || run.weight > 0) return promotion(pass);',
  },
  {
    name: 'blue/green is promoted one round early',
    breaks: 'p4',
    file: 'src/core/progress.ts',
    find: 'if (pass.iterations < spec.strategy.iterations)',
    replace: 'if (pass.iterations < spec.strategy.iterations - 1)',
  },
  {
    name: 'a broken primary loses its stand-in',
    breaks: 'difference',
    file: 'src/core/promote.ts',
    find: '  if (!pass.canaryAvailable || !analysed) return neitherServes(pass, why, analysed);\n',
    replace: '  if (analysed || !analysed) return neitherServes(pass, why, false);\n',
    tests: transcripts,
  },
  // ── missing information ───────────────────────────────────────────────────
  {
    name: 'no data counts as passed',
    breaks: 'p5',
    file: 'src/core/analysis.ts',
    find: "({ hold: 'holds', fail: 'fails', pass: 'leftOut' } as const)[onNoData]",
    replace: "({ hold: 'passes', fail: 'fails', pass: 'leftOut' } as const)[onNoData]",
  },
  {
    name: 'an unavailable backend counts as a failed check',
    breaks: 'p5',
    file: 'src/core/analysis.ts',
    find: "return rules.errorsFail ? 'fails' : 'holds';",
    replace: "return rules.errorsFail ? 'fails' : 'fails';",
  },
  {
    name: 'a gate that cannot be reached is open',
    breaks: 'p5',
    file: 'src/core/gates.ts',
    find: ".find(({ id }) => pass.answers.hooks[id]?.kind !== 'yes')",
    replace: ".find(({ id }) => !/yes|unreachable/.test(pass.answers.hooks[id]?.kind ?? ''))",
  },
  {
    name: 'a round from which every metric was left out passes',
    breaks: 'p5',
    file: 'src/core/analysis.ts',
    find: "judged.length > 0 && judged.every(({ weighing }) => weighing === 'leftOut')",
    replace: "judged.length > 99 && judged.every(({ weighing }) => weighing === 'leftOut')",
    plan: 'left out',
  },
  // ── waits ─────────────────────────────────────────────────────────────────
  {
    name: 'a hold never ends',
    breaks: 'p8',
    file: 'src/core/progress.ts',
    find: 'if (pass.memoryBefore.asked && pass.isOver(waited, run.holdDeadlineMs)) {',
    replace: 'if (pass.isOver(-waited, run.holdDeadlineMs)) {',
  },
  {
    name: 'a canary that is never ready is waited for',
    breaks: 'p8',
    file: 'src/core/progress.ts',
    find: "  if (pass.isOver(waited, run.progressDeadlineMs)) {\n    rollBack(\n      pass,\n      'CanaryNotReady',",
    replace:
      "  if (pass.isOver(-waited, run.progressDeadlineMs)) {\n    rollBack(\n      pass,\n      'CanaryNotReady',",
  },
  {
    name: 'a route that is never accepted is waited for',
    breaks: 'p8',
    file: 'src/core/progress.ts',
    find: "if (pass.isOver(waited, acceptMs)) rollBack(pass, 'RouteNotAccepted', message);",
    replace: '',
    plan: 'pods that are kept for a gateway',
  },
  {
    name: 'a wait says no end',
    breaks: 'p8',
    file: 'src/core/pass.ts',
    find: '      ...(leftMs === undefined\n        ? {}',
    replace: '      ...(leftMs === undefined || leftMs > 0\n        ? {}',
  },
  // ── the same, foreign fields, bad specs ───────────────────────────────────
  {
    name: 'a decision depends on what was decided before',
    breaks: 'p7',
    file: 'src/core/decide.ts',
    find: 'function rule(pass: Pass, deliveries: readonly Delivery[]): void {',
    replace:
      'let calls = 0;\nfunction rule(pass: Pass, deliveries: readonly Delivery[]): void {\n  calls += 1;\n  if (calls % 2 === 0) pass.lookAgain(calls);',
  },
  {
    name: "other people's status fields are lost",
    breaks: 'p9',
    file: 'src/core/status.ts',
    find: '  return {\n    ...before,\n',
    replace: '  return {\n',
    plan: 'adopted',
  },
  {
    name: 'a refused Canary gets its finalizer and primary',
    breaks: 'p10',
    file: 'src/core/decide.ts',
    find: '  if (isRefused(pass) && !isUnwatched) return refuse(pass);\n',
    replace: '',
  },
  {
    name: 'a refusal does not say what to change',
    breaks: 'p10',
    file: 'src/core/decide.ts',
    find: "seen.refusals.map(({ message }) => message).join('; ') || refusal.message,",
    replace: "'the spec is refused',",
  },
  // ── differences from Flagger ──────────────────────────────────────────────
  {
    name: 'a revision that reverts goes unnoticed',
    breaks: 'difference',
    file: 'src/core/progress.ts',
    find: '  if (mayEnd && target.revision === pass.primaryHolds && pass.primaryReady.ready) {',
    replace: "  if (target.revision === 'never') {",
    tests: transcripts,
  },
  {
    name: 'a new revision in Failed is lost',
    breaks: 'difference',
    file: 'src/core/rest.ts',
    find: '  if (target.revision === pass.lastApplied) return false;\n',
    replace:
      "  if (target.revision === pass.lastApplied || pass.phase === 'Failed') return false;\n",
    tests: transcripts,
  },
  {
    name: 'the apex moves before the primary is ready',
    breaks: 'difference',
    file: 'src/core/initialise.ts',
    find: '  if (!primaryIsReady(pass)) return;\n',
    replace: '  primaryIsReady(pass);\n',
  },
  {
    name: 'a quiet pass writes',
    breaks: 'difference',
    file: 'src/core/status.ts',
    find: 'if (isDecision(pass, before, after))',
    replace: 'if (isDecision(pass, before, after) || before !== after)',
    tests: transcripts,
  },
  {
    name: 'a failed promotion tells nobody',
    breaks: 'difference',
    file: 'src/core/outbox.ts',
    find: '  if (run === undefined || run.outbox.some(({ id }) => id === entry.id)) return;\n',
    replace: "  if (run === undefined || entry.severity === 'error') return;\n",
  },
  // ── others who write the status ───────────────────────────────────────────
  {
    name: 'a Canary is never left to another operator',
    breaks: 'difference',
    file: 'src/core/other-writers.ts',
    find: '  return laterMs > 0 && laterMs <= againMs;',
    replace: '  return laterMs > againMs;',
    tests: otherWriters,
  },
  {
    name: 'what others wrote into the status is believed',
    breaks: 'difference',
    file: 'src/core/other-writers.ts',
    find: 'return later > 0 || (later === 0 && isOverwritten(pass));',
    replace: 'return later > againMs;',
    tests: otherWriters,
  },
  // ── the loop and the adapters ─────────────────────────────────────────────
  {
    name: 'the status is written before the route',
    breaks: 'p2',
    file: 'src/controller/reconcile.ts',
    find: '  const { warnings } = await act(effects, seen, asked, ports, signal);\n  const decision = whenAnswered(decided, time, timeOf(ports));\n  await record(seen, decision, ports, signal);\n',
    replace:
      '  const decision = decided;\n  await record(seen, decision, ports, signal);\n  const { warnings } = await act(effects, seen, asked, ports, signal);\n',
    tests: transcripts,
  },
  {
    name: 'a raise counts from its decision',
    breaks: 'p1',
    file: 'src/controller/reconcile.ts',
    find: 'const decision = whenAnswered(decided, time, timeOf(ports));',
    replace: 'const decision = decided;',
    tests: ['test/controller/slow-server.test.ts'],
  },
  {
    name: 'a write without the version it was made from',
    breaks: 'p6',
    file: 'src/adapters/kubernetes/cluster.ts',
    find: '      body: { ...difference, metadata: { ...metadata, resourceVersion } },',
    replace: '      body: { ...difference, metadata },',
    tests: ['test/adapters/kubernetes/cluster.test.ts'],
  },
  {
    name: "rules of other people's are dropped from a route",
    breaks: 'p9',
    file: 'src/core/applied.ts',
    find: '[marks.applied]: JSON.stringify({ run, revision, weight, for: reason }),',
    replace: '[marks.applied]: JSON.stringify({ run, revision, weight: 0, for: reason }),',
    tests: ['test/unit/core/applied.test.ts'],
  },
  {
    name: 'a contested Service is put back without a pause',
    breaks: 'difference',
    file: 'src/core/apex.ts',
    find: "(run?.contested['selector'] ?? 0) >= 2",
    replace: "(run?.contested['selector'] ?? 0) >= 9",
    tests: ['test/controller/bad-state.test.ts'],
  },
  {
    name: 'an adopted route is split at once',
    breaks: 'difference',
    file: 'src/core/progress.ts',
    find: "  pass.shiftTraffic(0, 'prepare');\n  return true;",
    replace: '  return false;',
    tests: ['test/controller/bad-state.test.ts'],
  },
];
