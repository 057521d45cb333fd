/** Runs the tests in one folder inside a cluster and writes what came of them, as JSON, to descriptor 3. */
import { writeSync } from 'node:fs';

import { runSuites } from '../runner/suites.ts';

const outcome = await runSuites(['cluster'], process.argv.slice(2));
writeSync(3, JSON.stringify(outcome));
process.exit(0);
