/**
 * Another manager that writes the status of a Canary: Flagger beside us, or a person.
 *
 * The first time its write is answered: the record is rebuilt, and what the managers' names and times were is noted on
 * the Canary itself, because the status may be taken away as a whole. Again within ten minutes, and the Canary is left
 * to it until it has been quiet for as long: two who write one status would undo each other's releases for ever.
 */
import { marks } from '../api/marks.ts';
import type { CanaryStatus } from '../api/canary-status.ts';
import type { KubernetesObject } from '../api/object.ts';
import type { StatusWrite, WritersNote } from './observation.ts';
import { annotated } from './owners.ts';
import type { Pass } from './pass.ts';
import { same } from './status.ts';
import { wasHandedOver } from './take-over.ts';
import { moveApex } from './upkeep.ts';

/** A second write within this time is no accident; as long without one, and the manager has gone. */
const againMs = 10 * 60_000;

/** What the writes of others ask for; `by` is the write that decided it. */
export type OtherWriter =
  | { readonly kind: 'rebuild' | 'stop' | 'goOn'; readonly by: StatusWrite }
  | { readonly kind: 'stayAway'; readonly by: StatusWrite; readonly leftMs: number };

/** `undefined`: the status is as we left it. */
export function otherWriter(pass: Pass): OtherWriter | undefined {
  const { note } = pass.seen;
  if (note.leftTo !== undefined) return whileLeft(pass, note.leftTo);
  const writes = newWrites(pass);
  const repeated = writes.find((write) => isAgain(write, note));
  if (repeated !== undefined) return { kind: 'stop', by: repeated };
  const last = writes.at(-1);
  return last && { kind: 'rebuild', by: last };
}

function whileLeft(pass: Pass, manager: string): OtherWriter {
  const { writers, note } = pass.seen;
  const by = writers.others.find((write) => write.manager === manager) ?? {
    manager,
    at: note.answered[manager] ?? pass.nowText,
  };
  const leftMs = againMs - pass.elapsed('otherWrote', by.at);
  return leftMs > 0 ? { kind: 'stayAway', by, leftMs } : { kind: 'goOn', by };
}

/** Later than our own last write. What Flagger wrote before it was taken over is no edit of ours. */
function newWrites(pass: Pass): readonly StatusWrite[] {
  const { writers, takeOver, primary } = pass.seen;
  const ours = writers.ours === undefined ? Number.NaN : Date.parse(writers.ours);
  if (takeOver !== 'none' && primary?.holds === undefined) return [];
  return writers.others.filter(({ at }) => {
    const later = Date.parse(at) - ours;
    return later > 0 || (later === 0 && isOverwritten(pass));
  });
}

/** Times are whole seconds. Within the same one, the record tells who was last: it is gone, or not as we left it. */
function isOverwritten({ seen, memoryBefore: { wrote } }: Pass): boolean {
  return seen.run === undefined || (wrote !== undefined && !same(seen.status, wrote));
}

function isAgain({ manager, at }: StatusWrite, { answered }: WritersNote): boolean {
  const before = answered[manager];
  const laterMs = before === undefined ? Number.NaN : Date.parse(at) - Date.parse(before);
  return laterMs > 0 && laterMs <= againMs;
}

// ── what is done about it ───────────────────────────────────────────────────

/** Notes what is being answered, and says so; the caller rebuilds the record. */
export function answerWriter(pass: Pass, { kind, by }: OtherWriter): void {
  if (kind === 'goOn') {
    pass.effects.push({ type: 'noteWriters', note: { answered: {} } });
    return pass.tell(
      'Normal',
      'Resumed',
      `"${by.manager}" has not written the status for 10 minutes: it was rebuilt from the live objects, and releases go on`,
    );
  }
  const note = { answered: answeredNow(pass, newWrites(pass)) };
  if (!same(note, pass.seen.note)) pass.effects.push({ type: 'noteWriters', note });
  pass.tell(
    'Warning',
    'StatusRebuilt',
    `"${by.manager}" has changed the status; it was rebuilt from the live objects. If it writes again within 10 minutes, this Canary is left to it`,
  );
}

/** Weight 0, one status that says why, and then nothing more. */
export function stop(pass: Pass, by: StatusWrite): void {
  takeBack(pass);
  const answered = answeredNow(pass, [by]);
  pass.effects.push({ type: 'noteWriters', note: { answered, leftTo: by.manager } });
  sayLeft(pass, by, againMs);
}

/** As long as it writes nothing is written here, except what is still owed: what stands of our own traffic goes back. */
export function stayAway(
  pass: Pass,
  { by, leftMs }: Extract<OtherWriter, { kind: 'stayAway' }>,
): void {
  pass.lookAgain(leftMs);
  if (isSaid(pass)) pass.keepStatus();
  else sayLeft(pass, by, leftMs);
  const { routes } = pass.seen.traffic;
  if (routes.some(({ weight = 0, applied }) => weight > 0 && applied?.weight === weight))
    takeBack(pass);
}

/** To the primary, if it can answer. During initialisation users are with the target, and stay there. */
function takeBack(pass: Pass): void {
  if (pass.phase === 'Initializing' && !wasHandedOver(pass)) return;
  if (pass.liveWeight === 0 || !pass.primaryAvailable) return;
  pass.shiftTraffic(0, 'abort:AnotherOperator');
  moveApex(pass, 'primary');
}

function sayLeft(pass: Pass, { manager, at }: StatusWrite, leftMs: number): void {
  const message = `"${manager}" writes this status, too: nothing is done here until it has not written it for 10 minutes. Leave the Canary to one of the two`;
  pass.judged = false;
  pass.stalled = true;
  pass.wait('AnotherOperator', message, at, leftMs);
  pass.tell('Warning', 'AnotherOperator', message);
  pass.lookAgain(leftMs);
}

/** Said once is enough: said again each time it is overwritten, it would be the very quarrel that it ends. */
function isSaid({ seen: { writers, note }, memoryBefore: { wrote } }: Pass): boolean {
  if (wrote !== undefined) return says(wrote);
  const answered = note.answered[note.leftTo ?? ''];
  if (writers.ours === undefined || answered === undefined) return false;
  return Date.parse(writers.ours) >= Date.parse(answered);
}

function says({ conditions = [] }: CanaryStatus): boolean {
  return conditions.some(({ reason }) => reason === 'AnotherOperator');
}

// ── the note ────────────────────────────────────────────────────────────────

/** What was noted, as far as it still matters, and these writes. */
function answeredNow(
  { seen: { note } }: Pass,
  writes: readonly StatusWrite[],
): WritersNote['answered'] {
  const newest = Math.max(...writes.map(({ at }) => Date.parse(at)));
  const recent = Object.entries(note.answered).filter(
    ([, at]) => newest - Date.parse(at) <= againMs,
  );
  return Object.fromEntries([...recent, ...writes.map(({ manager, at }) => [manager, at])]);
}

/** The note on a Canary. One that somebody has edited says nothing. */
export function writersNoteOn(canary: KubernetesObject): WritersNote {
  const text = canary.metadata.annotations?.[marks.statusWriters];
  try {
    const note: unknown = JSON.parse(text ?? '{}');
    return isNote(note) ? note : noNote;
  } catch {
    return noNote;
  }
}

/** The Canary with this note; without one where there is nothing to note. */
export function withWritersNote(canary: KubernetesObject, note: WritersNote): KubernetesObject {
  const isEmpty = Object.keys(note.answered).length === 0;
  const { answered, leftTo } = note;
  return annotated(canary, {
    [marks.statusWriters]: isEmpty ? undefined : JSON.stringify({ answered, leftTo }),
  });
}

const noNote: WritersNote = { answered: {} };

function isNote(note: unknown): note is WritersNote {
  if (typeof note !== 'object' || note === null) return false;
  const { answered, leftTo }: Partial<Record<string, unknown>> = { ...note };
  if (leftTo !== undefined && typeof leftTo !== 'string') return false;
  if (typeof answered !== 'object' || answered === null) return false;
  return Object.values(answered).every((at) => !Number.isNaN(Date.parse(String(at))));
}
