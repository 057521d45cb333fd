/** Two images for trying out the node: a shell with the system's tools, and a small HTTP server. */

import { fileURLToPath } from 'node:url';

import type { Image } from './image.ts';

const server = fileURLToPath(new URL('test-server.ts', import.meta.url));

const images: Readonly<Record<string, Image>> = {
  'node-test/shell:1': {
    entrypoint: ['/bin/sh'],
    args: ['-c', 'trap "exit 0" TERM; while true; do sleep 3600 & wait; done'],
    env: { FROM_IMAGE: 'image' },
    files: { '/usr/bin': '/usr/bin' },
  },
  'node-test/server:1': {
    entrypoint: ['/nodejs/bin/node', '/app/server.ts'],
    args: ['8080'],
    user: { uid: 1000, gid: 1000 },
    env: {},
    workingDir: '/app',
    files: { '/nodejs/bin/node': process.execPath, '/app/server.ts': server },
  },
};

/** What stands in for an image of these tests; `undefined` for every other. */
export function testImageOf(image: string): Image | undefined {
  return images[image];
}
