import { describe, expect, it } from 'vitest';

import { registry } from '../../src/ports/registry.ts';

const one = { names: ['one', 'uno'] };
const two = { name: 'two' };

describe('a registry of adapters', () => {
  const things = registry('thing', [one, two]);

  it('finds an adapter by any of its names', () => {
    expect(things.get('uno')).toBe(one);
    expect(things.find('two')).toBe(two);
    expect(things.names).toEqual(['one', 'uno', 'two']);
    expect(things.entries).toEqual([one, two]);
  });

  it('says what there is when a name is unknown, inherited ones too', () => {
    for (const name of ['three', 'toString', '__proto__', '']) {
      expect(things.find(name)).toBeUndefined();
      expect(() => things.get(name)).toThrow(
        expect.objectContaining({
          kind: 'invalid',
          reason: 'UnknownName',
          message: `unknown thing "${name}"; known: one, uno, two`,
        }),
      );
    }
  });

  it('refuses two adapters of one name', () => {
    expect(() => registry('thing', [one, { name: 'uno' }])).toThrow(
      expect.objectContaining({ kind: 'defect' }),
    );
  });
});
