/** Starts the demo application and says its process id; the test then kills us without warning. */
import { startLeashed } from '../../../src/sandbox/runner/leashed-process.ts';

const child = startLeashed({
  module: new URL('../../../src/sandbox/demo/app.ts', import.meta.url),
  env: { PORT: '0' },
});
child.once('spawn', () => process.stdout.write(`${child.pid}\n`));
