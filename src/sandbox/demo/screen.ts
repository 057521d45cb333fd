/** How the demo looks: one live screen on a terminal, plain lines elsewhere. */
import type { SideView } from './ledger.ts';

export interface DemoView {
  readonly elapsedMs: number;
  readonly step: string;
  readonly phase: string;
  readonly weight: number;
  readonly primary: SideView;
  readonly canary: SideView;
  readonly sent: number;
  readonly failed: number;
  readonly events: readonly string[];
  readonly slack: readonly string[];
}

const BAR = 40;
const EVENTS = 6;
const SLACK = 8;

/** The lines of the live screen, none wider than `width`. */
export function screenLines(view: DemoView, width: number): readonly string[] {
  return [
    `serin demo   ${clock(view.elapsedMs)}   ${view.step}`,
    '',
    `phase    ${view.phase}`,
    `canary   ${bar(view.weight)} ${view.weight.toFixed(0).padStart(3)} %`,
    `primary  ${side(view.primary)}`,
    `canary   ${side(view.canary)}`,
    `sent     ${view.sent} requests, ${view.failed} failed`,
    '',
    'events',
    ...filled(view.events, EVENTS),
    '',
    'Slack',
    ...filled(view.slack, SLACK),
  ].map((line) => (line.length > width ? `${line.slice(0, Math.max(0, width - 1))}…` : line));
}

/** One line about where things stand; the same text means that nothing worth telling has changed. */
export function plainLine({ phase, weight, primary, canary }: DemoView): string {
  return `${phase.padEnd(12)} weight ${weight.toFixed(0).padStart(3)} %   primary ${side(primary)}   canary ${side(canary)}`;
}

export function clock(ms: number): string {
  const seconds = Math.floor(ms / 1_000);
  return `${twoDigits(Math.floor(seconds / 60))}:${twoDigits(seconds % 60)}`;
}

function twoDigits(number: number): string {
  return String(number).padStart(2, '0');
}

function bar(weight: number): string {
  const full = Math.round((weight / 100) * BAR);
  return `${'█'.repeat(full)}${'░'.repeat(BAR - full)}`;
}

function side({ requests, successRate, slowMs }: SideView): string {
  if (requests === 0 || successRate === undefined) return 'no requests'.padEnd(24);
  const latency = slowMs === undefined ? '' : `p99 ${slowMs.toFixed(0).padStart(4)} ms`;
  return `${successRate.toFixed(1).padStart(5)} % ok   ${latency}`.padEnd(24);
}

/** The newest `count` lines; blanks keep the screen from jumping. */
function filled(lines: readonly string[], count: number): readonly string[] {
  const last = lines.slice(-count).map((line) => `  ${line}`);
  return [...last, ...Array.from({ length: count - last.length }, () => '')];
}

export interface Display {
  /** Shows where things stand. */
  show(view: DemoView): void;
  /** Tells of something that has happened. */
  tell(elapsedMs: number, kind: string, text: string): void;
  /** Ends the live part; what is printed afterwards stays. */
  end(): void;
}

/** Where the demo is shown: standard output, or a test's own. */
export interface Output {
  readonly isTTY?: boolean;
  readonly columns?: number;
  write(text: string): unknown;
}

/** Redraws in place. What has happened is part of the view, so there is nothing to tell. */
export function liveDisplay(out: Output): Display {
  let height = 0;
  let ended = false;
  out.write('\x1b[?25l');
  return {
    show(view) {
      const lines = screenLines(view, out.columns ?? 80);
      const up = height === 0 ? '' : `\x1b[${height}A`;
      out.write(up + lines.map((line) => `\x1b[2K${line}\n`).join(''));
      height = lines.length;
    },
    tell() {},
    end() {
      if (!ended) out.write('\x1b[?25h\n');
      ended = true;
    },
  };
}

const PLAIN_EVERY_MS = 2_000;

/** A line when something happens, and one every two seconds on where things stand. */
export function plainDisplay(write: (line: string) => void): Display {
  let shownAt = -Infinity;
  let shown = '';
  return {
    show(view) {
      const state = `${view.phase} ${view.weight}`;
      const due = view.elapsedMs - shownAt >= PLAIN_EVERY_MS && view.sent > 0;
      if (state === shown && !due) return;
      shown = state;
      shownAt = view.elapsedMs;
      write(`${clock(view.elapsedMs)}  ${plainLine(view).trimEnd()}`);
    },
    tell: (elapsedMs, kind, text) => write(`${clock(elapsedMs)}  ${kind.padEnd(6)} ${text}`),
    end() {},
  };
}
