/** Which program an image name stands for. The sandbox has no registry: it knows these and no others. */
import type { Labels } from '../controllers/objects.ts';

export interface Program {
  /** Module to run. */
  readonly module: URL;
  /** What the image itself sets, as `ENV` lines would; the pod's own values win. */
  readonly env: Labels;
}

const DEMO = /^serin\.dev\/demo:(?<version>[\w.]+?)(?:-(?<behaviour>slow|flaky|failing))?$/;

/** `serin.dev/demo:1.1.0`, or `…-slow`, `…-flaky`, `…-failing`; `undefined` for an image we do not know. */
export function programOf(image: string): Program | undefined {
  const { version, behaviour } = DEMO.exec(image)?.groups ?? {};
  if (version === undefined) return undefined;
  return {
    module: new URL('../demo/app.ts', import.meta.url),
    env: {
      APP_VERSION: behaviour === undefined ? version : `${version}-${behaviour}`,
      APP_BEHAVIOUR: behaviour ?? 'good',
    },
  };
}

export const KNOWN_IMAGES =
  'serin.dev/demo:<version>, with -slow, -flaky or -failing after the version';
