import { existsSync, readdirSync, readFileSync } from 'node:fs';

import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';

import { compileTemplate, type TemplateValues } from '../../../src/core/template.ts';

const values: TemplateValues = {
  name: 'cart-canary',
  namespace: 'shop',
  target: 'cart',
  service: 'cart-svc',
  ingress: 'cart-ingress',
  route: 'cart-route',
  interval: '1m',
  variables: { direction: 'inbound', empty: '', pods: 'cart-[0-9a-z]+', Under_score1: 'x' },
};

function rendered(text: string, more: Partial<TemplateValues> = {}): string {
  const template = compileTemplate(text);
  if (!template.ok) throw new Error(template.problems.join('; '));
  const result = template.render({ ...values, ...more });
  if (!result.ok) throw new Error(result.problems.join('; '));
  return result.text;
}

describe('query templates', () => {
  it('put in what a canary is called', () => {
    const text =
      '{{ name }} {{ namespace }} {{ target }} {{ service }} {{ ingress }} {{ route }} {{ interval }}';
    expect(rendered(text)).toBe('cart-canary shop cart cart-svc cart-ingress cart-route 1m');
  });

  it('put in variables', () => {
    expect(
      rendered('{{ variables.direction }}|{{variables.empty}}|{{variables.Under_score1}}'),
    ).toBe('inbound||x');
  });

  it('leave other text alone, braces included', () => {
    const text = 'sum(rate(a{b="c", d=~"{2}"}[1m])) }} } { \n # 100 %\n';
    expect(rendered(text)).toBe(text);
    expect(rendered('a{n="{{ namespace }}"}')).toBe('a{n="shop"}');
    expect(rendered('{ {{target}}}')).toBe('{ cart}');
  });

  it('trim where Go trims', () => {
    expect(rendered('a  {{- target }}  b')).toBe('acart  b');
    expect(rendered('a  {{ target -}} \n\t b')).toBe('a  cartb');
    expect(rendered('a \n {{- target -}} \n b')).toBe('acartb');
    expect(rendered('a {{- /* gone */ -}} b')).toBe('ab');
    expect(rendered('{{ target -}}  {{- name }}')).toBe('cartcart-canary');
  });

  it('leave out comments, also those with braces', () => {
    expect(rendered('a{{/* {{ nonsense }} */}}b{{ /* two\nlines */ }}c')).toBe('abc');
  });

  it('print literals, also those with braces', () => {
    expect(rendered('{{ "a \\"}}\\" \\\\" }}|{{ `}}"\\` }}|{{"\\u00e4\\t"}}')).toBe(
      'a "}}" \\|}}"\\|ä\t',
    );
  });

  it('name the variables they need, once', () => {
    const template = compileTemplate(
      '{{ variables.b }}{{ variables.a }}{{ variables.b }}{{ name }}',
    );
    expect(template).toMatchObject({ ok: true, variables: ['b', 'a'] });
  });

  it.each([
    [
      '{{ printf "%s" name }}',
      'line 1: {{ printf "%s" name }} is not supported; write one of name,',
    ],
    ['{{ if target }}a', 'line 1: {{ if target }} is not supported;'],
    ['a\n{{ name | upper }}', 'line 2: {{ name | upper }} is not supported;'],
    ['{{ .name }}', 'line 1: {{ .name }} is not supported;'],
    ['{{ $x := 1 }}', 'line 1: {{ $x := 1 }} is not supported;'],
    ['{{ 1 }}', 'line 1: {{ 1 }} is not supported;'],
    ['{{ }}', 'line 1: {{  }} is not supported;'],
    ['{{ name/* a */}}', 'line 1: {{ name/* a */ }} is not supported;'],
    ['{{-3}}', 'line 1: {{ -3 }} is not supported;'],
    ['{{ upstream }}', 'line 1: {{ upstream }} is not defined; known: name,'],
    ['{{ Name }}', 'line 1: {{ Name }} is not defined;'],
    ['{{ end }}', 'line 1: {{ end }} is not defined;'],
    ['{{ variables }}', 'line 1: {{ variables }} names no variable; write {{ variables.<key> }}'],
    ['{{ variables.a.b }}', 'line 1: {{ variables.a.b }} names no variable;'],
    ['{{ variables.my-key }}', 'line 1: {{ variables.my-key }} names no variable;'],
    ['{{ target.x }}', 'line 1: {{ target.x }} is not supported;'],
    ['{{ "\\x41" }}', 'line 1: {{ "\\x41" }} holds an escape that is not supported;'],
    ['a {{ name', 'line 1: an action that begins with {{ does not end with }}'],
    ['\n\n{{ "name }}', 'line 3: an action that begins with {{ does not end with }}'],
    ['{{/* name }}', 'line 1: an action that begins with {{ does not end with }}'],
  ])('refuse %j', (text, problem) => {
    expect(compileTemplate(text)).toEqual({
      ok: false,
      problems: [expect.stringContaining(problem)],
    });
  });

  it('name every place that is not understood', () => {
    const template = compileTemplate('{{ a }}\n{{ name }}\n{{ b c }}');
    expect(template).toMatchObject({
      ok: false,
      problems: [expect.stringMatching(/^line 1: /), expect.stringMatching(/^line 3: /)],
    });
  });

  it('refuse to be rendered without a variable they need', () => {
    expect(() => rendered('{{ variables.path }}')).toThrow(
      '{{ variables.path }} has no value; add the key to templateVariables of the metric',
    );
    expect(() => rendered('{{ variables.toString }}')).toThrow(
      '{{ variables.toString }} has no value',
    );
  });

  it('refuse to be rendered without an interval only when they use it', () => {
    expect(() => rendered('[{{ interval }}]', { interval: '' })).toThrow(
      '{{ interval }} has no value',
    );
    expect(rendered('{{ name }}', { interval: '' })).toBe('cart-canary');
  });

  it.each(['"} or vector(100) #', "'", '`', '\\', '{', '}', 'a\nb', 'a\u0000', '\u2028'])(
    'refuse the value %j, which could change the query',
    (value) => {
      expect(() => rendered('{{ variables.v }}', { variables: { v: value } })).toThrow(
        'the value of {{ variables.v }} holds a quote, a backslash, a brace or a control character',
      );
      expect(() => rendered('{{ target }}', { target: value })).toThrow(
        'the value of {{ target }}',
      );
    },
  );

  it('take regular expressions and lists as values', () => {
    expect(rendered('{{ variables.v }}', { variables: { v: 'a|b.*-[0-9]+(x)?' } })).toBe(
      'a|b.*-[0-9]+(x)?',
    );
  });

  it('never let a value out of the quotes around it', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (value) => {
        const template = compileTemplate('a{b="{{ target }}"}');
        const result = template.ok ? template.render({ ...values, target: value }) : template;
        if (result.ok) expect(JSON.parse(result.text.slice(4, -1))).toBe(value);
      }),
    );
  });

  it('are understood or refused, whatever the text, and as they stand when there are no braces', () => {
    fc.assert(
      fc.property(
        fc.array(fc.constantFrom('{{', '}}', '-', ' ', '"', '`', '/*', '*/', '\\', 'name', '\n')),
        (pieces) => {
          const text = pieces.join('');
          const template = compileTemplate(text);
          if (!text.includes('{{')) expect(rendered(text)).toBe(text);
          if (!template.ok) expect(template.problems.length).toBeGreaterThan(0);
        },
      ),
      { numRuns: 2_000 },
    );
  });

  it('are read in time that grows with their length only', () => {
    expect(compileTemplate(`{{ ${'/* */ '.repeat(20_000)}`).ok).toBe(false);
    expect(compileTemplate(`{{ ${'" '.repeat(20_001)}`).ok).toBe(false);
  });
});

const examples = new URL('../../../../shared/testdata/flagger-examples/', import.meta.url);

describe.skipIf(!existsSync(examples))("Flagger's examples (need ../shared/testdata)", () => {
  it('are all understood, and rendered whole', () => {
    const documents = readdirSync(examples)
      .map((file) => readFileSync(new URL(file, examples), 'utf8'))
      .filter((text) => text.includes('kind: MetricTemplate'));
    expect(documents.length).toBeGreaterThan(20);
    for (const document of documents) {
      const template = compileTemplate(queryOf(parse(document)));
      expect(template).toMatchObject({ ok: true });
      if (!template.ok) continue;
      const variables = Object.fromEntries(template.variables.map((key) => [key, 'given']));
      expect(template.render({ ...values, variables })).toEqual({
        ok: true,
        text: expect.not.stringMatching(/\{\{|\}\}/),
      });
    }
  });
});

function queryOf(document: unknown): string {
  if (typeof document !== 'object' || document === null || !('spec' in document)) return '';
  const { spec } = document;
  if (typeof spec !== 'object' || spec === null || !('query' in spec)) return '';
  return String(spec.query);
}
