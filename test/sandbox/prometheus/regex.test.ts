import { describe, expect, it } from 'vitest';

import { compileAnchored, RegexError } from '../../../src/sandbox/prometheus/promql/regex.ts';

describe("Prometheus' regular expressions", () => {
  it.each([
    ['a|b', 'ab', false],
    ['a|b', 'b', true],
    ['.*', 'a\nb', false],
    ['(?s).*', 'a\nb', true],
    ['(?i)abc', 'ABC', true],
    ['a(?i:b)c', 'aBc', true],
    ['a(?i:b)c', 'aBC', false],
    ['(?P<x>a)(?:b)', 'ab', true],
    ['a{2}', 'aa', true],
    ['a{,2}', 'a{,2}', true],
    ['a{x}', 'a{x}', true],
    ['a]', 'a]', true],
    ['[]a]+', 'a]', true],
    ['[^]a]', 'b', true],
    ['[a-c\\-]+', 'b-', true],
    ['[\\d.]+', '1.5', true],
    ['\\s', '\u00a0', false],
    ['\\w+', 'ü', false],
    ['\\.\\-\\_\\/', '.-_/', true],
    ['\\x41\\x{1F600}', 'A😀', true],
    ['.', '😀', true],
    ['\\Aab\\z', 'ab', true],
    ['', '', true],
  ])('%j on %j: %s', (pattern, text, matches) => {
    expect(compileAnchored(pattern).test(text)).toBe(matches);
  });

  it.each([
    '(',
    ')',
    '*',
    'a**',
    '(?=a)',
    '(?!a)',
    '(?<=a)',
    '(a)\\1',
    '\\y',
    '[',
    'a{2,1}',
    '[b-a]',
    'a\\',
  ])('refuses %j', (pattern) => expect(() => compileAnchored(pattern)).toThrow(RegexError));
});
