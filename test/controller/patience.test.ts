import { describe, expect, it } from 'vitest';

import { Patience } from '../../src/controller/patience.ts';
import type { Effect } from '../../src/core/effects.ts';

const other: Effect = { type: 'writeBackends' };
const urgent: Effect = { type: 'writeApex', side: 'primary' };
const patient: Effect = { type: 'writeApex', side: 'primary', isPatient: true };

describe('patience', () => {
  it('puts back at once the first time, then with pauses that grow to two minutes', () => {
    const patience = new Patience(() => 0);
    const written: number[] = [];
    for (let second = 0; second <= 600; second += 1) {
      const { effects } = patience.due('cart', [other, patient], second * 1_000);
      expect(effects).toContain(other);
      if (effects.includes(patient)) written.push(second);
    }
    expect(written).toEqual([0, 15, 45, 105, 225, 345, 465, 585]);
  });

  it('says when it will be due', () => {
    const patience = new Patience(() => 0);
    expect(patience.due('cart', [patient], 0)).toEqual({ effects: [patient] });
    expect(patience.due('cart', [patient], 5_000)).toEqual({ effects: [], waitMs: 10_000 });
  });

  it('never holds what is urgent, nor anybody else', () => {
    const patience = new Patience(() => 0);
    patience.due('cart', [patient], 0);
    expect(patience.due('cart', [urgent, other], 1_000)).toEqual({ effects: [urgent, other] });
    expect(patience.due('till', [patient], 1_000)).toEqual({ effects: [patient] });
  });

  it('begins anew after ten quiet minutes, and for a Canary that was gone', () => {
    const patience = new Patience(() => 0);
    for (const at of [0, 15_000, 45_000]) patience.due('cart', [patient], at);
    patience.due('cart', [patient], 800_000);
    expect(patience.due('cart', [patient], 801_000)).toMatchObject({ waitMs: 14_000 });
    patience.forget('cart');
    expect(patience.due('cart', [patient], 802_000)).toEqual({ effects: [patient] });
  });
});
