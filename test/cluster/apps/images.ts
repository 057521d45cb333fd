/** The images of the applications under test and of those whom the operator calls. */
import { realpathSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

import type { Image } from '../node/image.ts';

const DEMO =
  /^serin\.dev\/demo:(?<version>[\w.]+?)(?:-(?<behaviour>slow|flaky|failing|abrupt|crash|unready))?$/;
const OTHERS = /^serin\.dev\/(?<program>receiver|discovery):/;
const NODE = '/nodejs/bin/node';

/**
 * `serin.dev/demo:1.1.0`, or with `-slow`, `-flaky` (every fourth request fails), `-failing`, `-abrupt` (ends at once
 * when told to), `-crash`, `-unready`; `serin.dev/receiver:1`, `serin.dev/discovery:1`; `undefined` for any other image.
 */
export function appImage(image: string): Image | undefined {
  const { program } = OTHERS.exec(image)?.groups ?? {};
  if (program !== undefined) return nodeImage(new URL(`./${program}.ts`, import.meta.url), {});
  const { version, behaviour } = DEMO.exec(image)?.groups ?? {};
  if (version === undefined) return undefined;
  return nodeImage(new URL('../../../src/sandbox/demo/app.ts', import.meta.url), {
    APP_VERSION: behaviour === undefined ? version : `${version}-${behaviour}`,
    APP_BEHAVIOUR: behaviour ?? 'good',
    APP_LISTEN: '0.0.0.0',
  });
}

function nodeImage(module: URL, env: Image['env']): Image {
  const file = fileURLToPath(module);
  return {
    entrypoint: [NODE, '/app/main.ts'],
    args: [],
    user: { uid: 1000, gid: 1000 },
    env,
    files: { [NODE]: realpathSync(process.execPath), '/app/main.ts': file },
  };
}
