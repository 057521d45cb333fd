/**
 * What one user asked of the API server, from its audit log. The server writes a line when it has answered, and
 * starts a new file when one has grown to 100 MB.
 */
import { closeSync, fstatSync, globSync, openSync, readSync, statSync } from 'node:fs';

import * as z from 'zod';

import { AuditEvent } from '../../cluster/permissions.ts';
import type { Request } from '../requests.ts';

const Event = AuditEvent.extend({
  stage: z.string(),
  requestURI: z.string(),
  requestReceivedTimestamp: z.string(),
  objectRef: z
    .object({
      resource: z.string().optional(),
      subresource: z.string().optional(),
      namespace: z.string().optional(),
      name: z.string().optional(),
    })
    .optional(),
});

/** A request of the audit log; `atMs` is on the wall clock. */
export type AuditedRequest = Request;

export class AuditLog {
  readonly #file: string;
  readonly #user: string;
  readonly #requests: AuditedRequest[] = [];
  #descriptor: number;
  #offset = 0;
  #filesRead = 0;
  #half: Buffer = Buffer.alloc(0);

  constructor(file: string, user: string) {
    this.#file = file;
    this.#user = user;
    this.#descriptor = openSync(file, 'r');
    this.#filesRead = this.#rotatedFiles();
  }

  /** What was received since then, on the wall clock, as far as it has been answered. */
  since(fromMs: number): readonly AuditedRequest[] {
    this.#readOn();
    return this.#requests.filter(({ atMs }) => atMs >= fromMs);
  }

  close(): void {
    closeSync(this.#descriptor);
  }

  #readOn(): void {
    this.#readToEnd();
    while (statSync(this.#file).ino !== fstatSync(this.#descriptor).ino) this.#nextFile();
  }

  /** The name now belongs to a new file; what came last is still in ours. */
  #nextFile(): void {
    this.#readToEnd();
    const rotated = this.#rotatedFiles();
    this.#filesRead += 1;
    if (rotated !== this.#filesRead) throw new Error('the audit log grew faster than it was read');
    closeSync(this.#descriptor);
    this.#descriptor = openSync(this.#file, 'r');
    this.#offset = 0;
    this.#readToEnd();
  }

  #rotatedFiles(): number {
    return globSync(this.#file.replace(/\.log$/, '-*.log')).length;
  }

  #readToEnd(): void {
    const chunk = Buffer.alloc(1 << 20);
    for (;;) {
      const length = readSync(this.#descriptor, chunk, 0, chunk.length, this.#offset);
      if (length === 0) return;
      this.#offset += length;
      this.#take(Buffer.concat([this.#half, chunk.subarray(0, length)]));
    }
  }

  #take(bytes: Buffer): void {
    const end = bytes.lastIndexOf('\n') + 1;
    // Bytes, not text: a chunk may end in the middle of a character.
    this.#half = bytes.subarray(end);
    for (const line of bytes.subarray(0, end).toString('utf8').split('\n')) {
      const request = requestIn(line, this.#user);
      if (request !== undefined) this.#requests.push(request);
    }
  }
}

/** `undefined` for a line about somebody else, or about the end of a watch. */
export function requestIn(line: string, user: string): AuditedRequest | undefined {
  // Most lines are about somebody else, and reading them as JSON takes time.
  if (!line.includes(JSON.stringify(user))) return undefined;
  const event = Event.parse(JSON.parse(line));
  if (event.user.username !== user) return undefined;
  // A watch has a line when it begins, which counts, and one when it ends.
  if (event.verb === 'watch' && event.stage !== 'ResponseStarted') return undefined;
  const { resource, subresource, namespace = '', name = '' } = event.objectRef ?? {};
  return {
    atMs: Date.parse(event.requestReceivedTimestamp),
    verb: verbOf(event.verb, event.requestURI),
    resource: [resource ?? event.requestURI, subresource ?? []].flat().join('/'),
    namespace,
    name,
    status: event.responseStatus?.code ?? 0,
  };
}

/** A watch that begins with everything there is is a list by another name. */
function verbOf(verb: string, uri: string): string {
  const { searchParams } = new URL(uri, 'https://cluster');
  return verb === 'watch' && searchParams.get('sendInitialEvents') === 'true' ? 'list' : verb;
}
