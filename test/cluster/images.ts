/** Which program of this machine stands for which container image; the node agent asks. */
import { existsSync, readFileSync } from 'node:fs';

import { imageOfDockerfile } from './dockerfile.ts';
import { FILES } from './layout.ts';
import type { Image } from './node/image.ts';

const dockerfile = new URL('../../deploy/Dockerfile', import.meta.url);

export function imageOf(image: string): Image | undefined {
  if (/^serin(:.*)?$/.test(image)) return operator();
  return undefined;
}

/** What ships: the entry point, user and files of `deploy/Dockerfile`, on the Node.js that the repository locks. */
function operator(): Image {
  if (!existsSync(FILES.bundle)) throw new Error(`${FILES.bundle} was not built`);
  return imageOfDockerfile(readFileSync(dockerfile, 'utf8'), {
    base: { '/nodejs/bin/node': process.execPath },
    built: { '/serin/dist/serin.mjs': FILES.bundle },
  });
}
