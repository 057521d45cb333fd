import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';

import { planeImage } from './images.ts';

let folder: string;

beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'planes-'));
  vi.stubEnv('PATH', folder);
});

afterEach(() => {
  vi.unstubAllEnvs();
  rmSync(folder, { recursive: true });
});

describe('images of planes', () => {
  it('stand for programs on the PATH, where the image has them', () => {
    writeFileSync(path.join(folder, 'envoy'), '');
    expect(planeImage('envoyproxy/envoy:v1.40.0')).toMatchObject({
      entrypoint: ['/usr/local/bin/envoy'],
      files: { '/usr/local/bin/envoy': path.join(folder, 'envoy') },
    });
  });

  it('are unknown without their program, and for other names', () => {
    expect(planeImage('envoyproxy/envoy:v1.40.0')).toBeUndefined();
    expect(planeImage('nginx:1')).toBeUndefined();
  });
});
