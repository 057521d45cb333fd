import { appendFileSync, mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';

import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { AuditLog, requestIn } from './audit-log.ts';

const user = 'system:serviceaccount:serin-system:serin';

interface Said {
  readonly username?: string;
  readonly verb?: string;
  readonly uri?: string;
  readonly name?: string;
  readonly stage?: string;
}

function line({
  username = user,
  verb = 'patch',
  uri = '/apis',
  name = 'cart',
  stage = verb === 'watch' ? 'ResponseStarted' : 'ResponseComplete',
}: Said = {}): string {
  return JSON.stringify({
    stage,
    verb,
    user: { username },
    requestURI: uri,
    requestReceivedTimestamp: '2026-01-02T03:04:05.600000Z',
    objectRef: { resource: 'canaries', subresource: 'status', namespace: 'shop', name },
    responseStatus: { code: 200 },
  });
}

describe('a line of the audit log', () => {
  it('says what was asked for', () => {
    expect(requestIn(line(), user)).toEqual({
      atMs: Date.parse('2026-01-02T03:04:05.600Z'),
      verb: 'patch',
      resource: 'canaries/status',
      namespace: 'shop',
      name: 'cart',
      status: 200,
    });
  });

  it('does not count when somebody else asked, also when it is about us', () => {
    expect(requestIn(line({ username: 'admin' }), user)).toBeUndefined();
    expect(requestIn(line({ username: 'admin', name: user }), user)).toBeUndefined();
  });

  it('is a list when a watch is told to begin with everything', () => {
    const uri = '/apis/serin.dev/v1beta1/canaries?watch=true&sendInitialEvents=true';
    expect(requestIn(line({ verb: 'watch', uri }), user)?.verb).toBe('list');
    expect(requestIn(line({ verb: 'watch', uri: '/apis?watch=true' }), user)?.verb).toBe('watch');
    expect(
      requestIn(line({ verb: 'watch', uri, stage: 'ResponseComplete' }), user),
    ).toBeUndefined();
  });
});

describe('the audit log', () => {
  let folder: string;
  let file: string;
  let log: AuditLog;

  const names = () => log.since(0).map(({ name }) => name);

  beforeEach(() => {
    folder = mkdtempSync(path.join(os.tmpdir(), 'serin-audit-'));
    file = path.join(folder, 'audit.log');
    writeFileSync(file, `${line({ name: 'first' })}\n`);
    log = new AuditLog(file, user);
  });

  afterEach(() => {
    log.close();
    rmSync(folder, { recursive: true });
  });

  it('is read on while it grows, lines only when they are whole', () => {
    expect(names()).toEqual(['first']);
    const next = `${line({ name: 'sécond' })}\n`;
    appendFileSync(file, Buffer.from(next).subarray(0, -40));
    expect(names()).toEqual(['first']);
    appendFileSync(file, Buffer.from(next).subarray(-40));
    expect(names()).toEqual(['first', 'sécond']);
  });

  it('goes on in the next file when the server has begun one', () => {
    appendFileSync(file, `${line({ name: 'last of the old' })}\n`);
    renameSync(file, path.join(folder, 'audit-2026-01-02T03-04-05.600.log'));
    writeFileSync(file, `${line({ name: 'first of the new' })}\n`);
    expect(names()).toEqual(['first', 'last of the old', 'first of the new']);
  });

  it('does not pass over a file that came and went in between', () => {
    for (const second of ['05', '06']) {
      renameSync(file, path.join(folder, `audit-2026-01-02T03-04-${second}.600.log`));
      writeFileSync(file, `${line()}\n`);
    }
    expect(names).toThrow('grew faster than it was read');
  });

  it('answers what was received since a moment', () => {
    expect(log.since(Date.parse('2026-01-02T03:04:05.600Z'))).toHaveLength(1);
    expect(log.since(Date.parse('2026-01-02T03:04:05.601Z'))).toEqual([]);
  });
});
