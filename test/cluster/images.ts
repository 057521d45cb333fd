/** Which program of this machine stands for which container image; the node agent asks. */
import { existsSync, readFileSync } from 'node:fs';

import { appImage } from './apps/images.ts';
import { imageOfDockerfile } from './dockerfile.ts';
import { FILES } from './layout.ts';
import type { Image } from './node/image.ts';
import { testImageOf } from './node/test-images.ts';
import { planeImage } from './planes/images.ts';

const dockerfile = new URL('../../deploy/Dockerfile', import.meta.url);

export function imageOf(image: string): Image | undefined {
  if (/^serin(:.*)?$/.test(image)) return operator();
  return appImage(image) ?? planeImage(image) ?? testImageOf(image);
}

/** What ships: the entry point, user and files of `deploy/Dockerfile`, on the Node.js that the repository locks. */
function operator(): Image {
  if (!existsSync(FILES.bundle)) throw new Error(`${FILES.bundle} was not built`);
  return imageOfDockerfile(readFileSync(dockerfile, 'utf8'), {
    base: { '/nodejs/bin/node': process.execPath },
    built: { '/serin/dist/serin.mjs': FILES.bundle },
  });
}
