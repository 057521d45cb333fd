/**
 * What containers write, in files with a bound on their size.
 *
 * Each line is kept as `time F text`, or with a P when the text goes on in the next one or ended without a line's end. One file is written, one older one is kept; the files of the run before last go
 * when a container is started again.
 */

import {
  closeSync,
  existsSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  writeSync,
} from 'node:fs';
import type { Readable } from 'node:stream';

const maxBytes = 8 * 1024 * 1024;
const maxLineChars = 16 * 1024;

/** One run of a container. */
export class LogFile {
  readonly #file: string;
  readonly #descriptor: { number: number };
  #bytes = 0;
  #isOpen = true;
  readonly #listeners = new Set<(lines: string) => void>();
  #sources = 0;
  readonly #ended = Promise.withResolvers<void>();

  constructor(file: string) {
    this.#file = file;
    this.#descriptor = { number: openSync(file, 'w') };
  }

  /** Takes over what a stream says until it ends. */
  take(stream: Readable): void {
    this.#sources += 1;
    let rest = '';
    stream.setEncoding('utf8');
    stream.on('data', (chunk: string) => {
      const lines = `${rest}${chunk}`.split('\n');
      rest = lines.pop() ?? '';
      this.#write(lines, 'F');
      if (rest.length <= maxLineChars) return;
      this.#write([rest], 'P');
      rest = '';
    });
    stream.once('close', () => {
      if (rest !== '') this.#write([rest], 'P');
      this.#sources -= 1;
      if (this.#sources === 0) this.#close();
    });
    stream.on('error', () => stream.destroy());
  }

  /** Resolves when every stream has ended. */
  get ended(): Promise<void> {
    return this.#ended.promise;
  }

  /** Everything that is kept, oldest first. */
  read(): string {
    const old = `${this.#file}.old`;
    const before = existsSync(old) ? readFileSync(old, 'utf8') : '';
    return before + (existsSync(this.#file) ? readFileSync(this.#file, 'utf8') : '');
  }

  /** Calls back with each new lines until the returned function is called. */
  follow(onLines: (lines: string) => void, onEnd: () => void): () => void {
    if (!this.#isOpen) {
      onEnd();
      return () => {};
    }
    const listener = (lines: string): void => (lines === '' ? onEnd() : onLines(lines));
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  remove(): void {
    rmSync(this.#file, { force: true });
    rmSync(`${this.#file}.old`, { force: true });
  }

  #write(lines: readonly string[], end: 'F' | 'P'): void {
    if (lines.length === 0) return;
    const time = new Date().toISOString();
    const text = lines.map((line) => `${time} ${end} ${line}\n`).join('');
    if (this.#bytes > maxBytes) this.#rotate();
    this.#bytes += writeSync(this.#descriptor.number, text);
    for (const listener of this.#listeners) listener(text);
  }

  #rotate(): void {
    closeSync(this.#descriptor.number);
    renameSync(this.#file, `${this.#file}.old`);
    this.#descriptor.number = openSync(this.#file, 'w');
    this.#bytes = 0;
  }

  #close(): void {
    this.#isOpen = false;
    closeSync(this.#descriptor.number);
    for (const listener of this.#listeners) listener('');
    this.#listeners.clear();
    this.#ended.resolve();
  }
}

export interface LogQuery {
  /** The last so many lines; all when left out. */
  readonly tailLines?: number | undefined;
  /** Epoch milliseconds; nothing older. */
  readonly sinceMs?: number | undefined;
  readonly timestamps: boolean;
}

/** What a reader asked for, of lines as they are kept. */
export function selectLines(kept: string, { tailLines, sinceMs, timestamps }: LogQuery): string {
  let lines = kept.split('\n').slice(0, -1).map(parse);
  if (sinceMs !== undefined) lines = lines.filter(({ time }) => Date.parse(time) >= sinceMs);
  if (tailLines !== undefined) lines = tailLines > 0 ? lines.slice(-tailLines) : [];
  return lines
    .map(
      ({ time, end, text }) => `${timestamps ? `${time} ` : ''}${text}${end === 'F' ? '\n' : ''}`,
    )
    .join('');
}

function parse(line: string): { time: string; end: string; text: string } {
  const afterTime = line.indexOf(' ');
  return {
    time: line.slice(0, afterTime),
    end: line.slice(afterTime + 1, afterTime + 2),
    text: line.slice(afterTime + 3),
  };
}
