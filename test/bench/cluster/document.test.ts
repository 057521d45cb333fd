import { describe, expect, it } from 'vitest';

import { pageOf } from './document.ts';

const page = pageOf({
  machine: {
    processor: 'a processor',
    cores: 2,
    memoryGiB: 24,
    kernel: 'Linux 6',
    node: '24.1.0',
    commit: 'abc1234',
    load: 0.1,
  },
  loadAfter: 0.2,
  versions: { etcd: '3.6.8' },
  date: '2026-01-02',
  findings: [
    { count: 1000, durations: [{ part: 'promotion', seconds: 70.4 }], aborts: [] },
    { count: 20, durations: [], aborts: [], failure: 'no API server\nand its log' },
  ],
  figures: [
    {
      measure: 'requests',
      kind: 'count',
      mustReach: '0',
      measured: '3',
      reached: false,
      values: {},
      remarks: ['3 patch events'],
    },
  ],
});

describe('the page of figures', () => {
  it('says when and where they were measured', () => {
    expect(page).toContain('| Measured | 2026-01-02, commit abc1234 |');
    expect(page).toContain('2 × a processor, 24 GiB, Linux 6, load 0.1 before and 0.2 after');
    expect(page).toContain('Node.js 24.1.0, etcd 3.6.8');
  });

  it('marks what is missed, and keeps the remarks', () => {
    expect(page).toContain('| ✗ | requests | – | 0 | 3 |');
    expect(page).toContain('- requests: 3 patch events\n');
  });

  it('says how long each part took', () => {
    expect(page).toContain('| 1,000 | promotion 70 |');
  });
});
