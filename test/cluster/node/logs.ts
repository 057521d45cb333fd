/**
 * What containers write, in files with a bound on their size.
 *
 * Each line is kept as `time text`. One file is written, one older one is kept; the files of the run before last go
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
const maxLineBytes = 16 * 1024;

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
      if (rest.length > maxLineBytes) {
        lines.push(rest);
        rest = '';
      }
      this.#write(lines);
    });
    stream.once('close', () => {
      if (rest !== '') this.#write([rest]);
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

  #write(lines: readonly string[]): void {
    if (lines.length === 0) return;
    const time = new Date().toISOString();
    const text = lines.map((line) => `${time} ${line}\n`).join('');
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
  let lines = kept.split('\n').slice(0, -1);
  if (sinceMs !== undefined) {
    lines = lines.filter((line) => Date.parse(line.slice(0, line.indexOf(' '))) >= sinceMs);
  }
  if (tailLines !== undefined) lines = tailLines > 0 ? lines.slice(-tailLines) : [];
  const shown = timestamps ? lines : lines.map((line) => line.slice(line.indexOf(' ') + 1));
  return shown.map((line) => `${line}\n`).join('');
}
