import { describe, expect, it } from 'vitest';

import { prepared } from './prepared.ts';
import { blame } from './load.ts';
import { report, requests } from './report.ts';

describe('installing Serin beside live services', () => {
  it('costs no request on any plane', async () => {
    const installed = await prepared();
    expect(installed.requests.map(({ plane }) => plane)).toEqual([
      'traefik',
      'contour',
      'kubernetes',
    ]);
    for (const { plane, records } of installed.requests) {
      report(`${plane}, install Serin`, requests(records));
      expect(records.length).toBeGreaterThan(100);
      expect(blame(records)).toEqual([]);
    }
  });
});
