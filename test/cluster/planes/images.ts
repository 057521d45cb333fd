/** The images of the planes, each a program of this machine. */
import { existsSync } from 'node:fs';
import path from 'node:path';

import type { Image } from '../node/image.ts';

interface Recipe {
  readonly program: PlaneProgram;
  /** As in the image that everybody uses. */
  readonly path: string;
}

/** What a cluster with planes needs besides its own components. */
export const planePrograms = ['traefik', 'contour', 'envoy', 'prometheus'] as const;
type PlaneProgram = (typeof planePrograms)[number];

const recipes: Readonly<Record<string, Recipe>> = {
  traefik: { program: 'traefik', path: '/usr/local/bin/traefik' },
  'ghcr.io/projectcontour/contour': { program: 'contour', path: '/bin/contour' },
  'envoyproxy/envoy': { program: 'envoy', path: '/usr/local/bin/envoy' },
  'prom/prometheus': { program: 'prometheus', path: '/bin/prometheus' },
};

/** `undefined` for an image that is no plane's, or whose program the cluster does not have. */
export function planeImage(image: string): Image | undefined {
  const recipe = recipes[image.replace(/:[^:/]*$/, '')];
  const file = recipe === undefined ? undefined : onPath(recipe.program);
  if (recipe === undefined || file === undefined) return undefined;
  return { entrypoint: [recipe.path], args: [], env: {}, files: { [recipe.path]: file } };
}

/** The cluster puts the folders of its programs on the PATH. */
function onPath(program: string): string | undefined {
  const folders = (process.env['PATH'] ?? '').split(path.delimiter);
  return folders.map((folder) => path.join(folder, program)).find((file) => existsSync(file));
}
