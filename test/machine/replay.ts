import { explorationOf, plans } from './explorations.ts';
import { normalised } from './explore.ts';
import { emptyLedger, afterRestart } from '../promises/ledger.ts';
import { restart, type Moment } from './moves.ts';
import { everyAnswer } from './answers.ts';
import { look, decideOn, carryOut, crashes, time } from './pass.ts';
import { observe } from './model.ts';
import { judge } from '../promises/judge.ts';
import { readFileSync } from 'node:fs';
const plan = plans.find((p) => p.name.includes(process.argv[2] ?? ''))!;
const e = explorationOf(plan);
let m: Moment = normalised({ world: e.initial, ledger: emptyLedger }, e.caps);
const show = () => {
  const r: any = m.world.status.run ?? {};
  console.log(
    '   ',
    m.world.status.phase,
    'T',
    m.world.target?.revision,
    m.world.target?.replicas,
    m.world.target?.health,
    'P',
    m.world.primary?.holds,
    m.world.primary?.health,
    'apex',
    m.world.apex,
    'R',
    JSON.stringify(m.world.routes),
    'run',
    r.revision,
    r.weight,
    r.stay,
    r.intent?.revision,
    '| L',
    JSON.stringify(m.ledger),
  );
};
for (const line of readFileSync(0, 'utf8').split('\n')) {
  const name = line.replace(/^\s*\d+\.\s/, '').trimEnd();
  if (!name) continue;
  console.log(name);
  const by = [...e.moves, restart].find((x) => x.name === name);
  if (by) {
    m = normalised(by.make(m)!, e.caps);
    show();
    continue;
  }
  const view = look(m.world, e.setting);
  const [ans, death] = name.replace(/^pass ?/, '').split(', dies ');
  for (const [n, answers] of everyAnswer(view.questions, () => 'target')) {
    if (n.trim() !== (ans ?? '').trim()) continue;
    const d = decideOn(view, answers);
    console.log('     ', JSON.stringify(d.effects), d.lookAgainAfterMs);
    const next = death
      ? crashes(m.world, d, e.setting).find(([x]) => x === `dies ${death}`)![1]
      : carryOut(m.world, d, e.setting);
    const j = judge(
      {
        before: view.before,
        answers,
        memory: view.memory,
        time,
        decision: d,
        after: observe(next, e.setting),
      },
      m.ledger,
    );
    for (const b of j.breaches) console.log('     BREACH', b.id, b.what);
    m = normalised({ world: next, ledger: death ? afterRestart(j.ledger) : j.ledger }, e.caps);
  }
  show();
}
