import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { SharedTexts } from '../../../src/adapters/kubernetes/shared-texts.ts';

describe('shared texts', () => {
  it('change no value', () => {
    const texts = new SharedTexts();
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        const text = JSON.stringify(value);
        expect(JSON.stringify(texts.share(JSON.parse(text)))).toBe(text);
      }),
    );
  });

  it('stay right when there are more texts than it remembers', () => {
    const texts = new SharedTexts();
    const many = Array.from({ length: 50_000 }, (_, index) => ({ name: `pod-${index}` }));
    expect(texts.share(structuredClone(many))).toEqual(many);
    expect(texts.share({ name: 'pod-1' })).toEqual({ name: 'pod-1' });
  });
});
