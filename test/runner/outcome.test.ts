import { describe, expect, it } from 'vitest';

import { expectAll, type Outcome, report, sum } from './outcome.ts';

const outcome: Outcome = {
  passed: 3,
  failed: ['lint'],
  skipped: [
    { name: 'a.test.ts > kubectl', tests: 2, note: 'kubectl is not on the PATH' },
    { name: 'b.test.ts > live (prometheus is not on the PATH)', tests: 1 },
  ],
};

describe('the report of a test run', () => {
  it('ends in the counts, after what was skipped and what failed', () => {
    expect(report(outcome).split('\n')).toEqual([
      'skipped: a.test.ts > kubectl – kubectl is not on the PATH (2 tests)',
      'skipped: b.test.ts > live (prometheus is not on the PATH)',
      'FAILED: lint',
      '3 passed, 1 failed, 3 skipped',
      '',
    ]);
  });

  it('adds the stages up', () => {
    const total = sum([outcome, { passed: 4, failed: ['types'], skipped: [] }]);
    expect(report(total)).toMatch(/\n7 passed, 2 failed, 3 skipped\n$/);
  });

  it('counts a skip as a failure where everything is expected to run, unless it cannot', () => {
    const strict = expectAll(outcome, [/prometheus is not on the PATH/]);
    expect(report(strict)).toMatch(/\n3 passed, 2 failed, 1 skipped\n$/);
    expect(strict.failed.at(-1)).toContain('a.test.ts > kubectl');
  });
});
