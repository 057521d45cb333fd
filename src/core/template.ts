/**
 * The template language of queries: the part of Go's `text/template` that metric templates are written in.
 *
 * Functions without arguments, the fields of `variables`, string literals, comments and trim markers. Everything
 * else Go knows is refused with its place in the text: a query that means something else than its author thinks
 * would judge releases.
 */

/** What a template may ask for. `interval` may be empty when the metric has none. */
export interface TemplateValues {
  readonly name: string;
  readonly namespace: string;
  readonly target: string;
  readonly service: string;
  readonly ingress: string;
  readonly route: string;
  readonly interval: string;
  readonly variables: Readonly<Record<string, string>>;
}

const functions = [
  'name',
  'namespace',
  'target',
  'service',
  'ingress',
  'route',
  'interval',
] as const satisfies readonly (keyof TemplateValues)[];
type FunctionName = (typeof functions)[number];

/** One sentence each. */
export interface TemplateProblems {
  readonly ok: false;
  readonly problems: readonly string[];
}

export interface RenderedTemplate {
  readonly ok: true;
  readonly text: string;
}

/** A template that has been understood. */
export interface CompiledTemplate {
  readonly ok: true;
  /** The keys of `variables` that it cannot be rendered without. */
  readonly variables: readonly string[];
  /** Puts the values in; refuses a value that is missing or that could change the query around it. */
  render(values: TemplateValues): RenderedTemplate | TemplateProblems;
}

type Part =
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'function'; readonly name: FunctionName }
  | { readonly kind: 'variable'; readonly key: string };

/** Understands a template, or names every place that it cannot. */
export function compileTemplate(text: string): CompiledTemplate | TemplateProblems {
  const parts: Part[] = [];
  const problems: string[] = [];
  for (const piece of split(text)) {
    const part = piece.kind === 'action' ? understand(piece.body) : piece;
    if (typeof part === 'string') problems.push(`line ${lineOf(text, piece.at)}: ${part}`);
    else if (part !== undefined) parts.push(part);
  }
  if (problems.length > 0) return { ok: false, problems };
  const keys = parts.flatMap((part) => (part.kind === 'variable' ? [part.key] : []));
  return {
    ok: true,
    variables: [...new Set(keys)],
    render: (values) => render(parts, values),
  };
}

type Piece =
  | { readonly kind: 'text'; readonly text: string; readonly at: number }
  | { readonly kind: 'action'; readonly body: string | undefined; readonly at: number };

/** Texts and actions in turn; texts already without the blanks that a neighbour's marker trims. */
function split(source: string): readonly Piece[] {
  const pieces: Piece[] = [];
  let at = 0;
  let trimsNext = false;
  for (;;) {
    const open = source.indexOf('{{', at);
    const raw = source.slice(at, open === -1 ? undefined : open);
    const left = trimsNext ? raw.replace(/^[ \t\r\n]+/, '') : raw;
    const trimsThis = open !== -1 && /^-[ \t\r\n]/.test(source.slice(open + 2, open + 4));
    pieces.push({ kind: 'text', text: trimsThis ? trimEnd(left) : left, at });
    if (open === -1) return pieces;

    const begin = open + (trimsThis ? 3 : 2);
    const close = endOfAction(source, begin);
    if (close === undefined) return [...pieces, { kind: 'action', body: undefined, at: open }];
    const inside = source.slice(begin, close);
    trimsNext = /[ \t\r\n]-$/.test(inside);
    pieces.push({
      kind: 'action',
      body: (trimsNext ? inside.slice(0, -1) : inside).trim(),
      at: open,
    });
    at = close + 2;
  }
}

function trimEnd(text: string): string {
  let end = text.length;
  while (' \t\r\n'.includes(text.charAt(end - 1)) && end > 0) end -= 1;
  return text.slice(0, end);
}

/** Where the braces that end an action stand: quoted texts and comments may hold braces of their own. */
function endOfAction(source: string, begin: number): number | undefined {
  const quoted = /\/\*|["`]|\}\}/g;
  quoted.lastIndex = begin;
  for (let found = quoted.exec(source); found !== null; found = quoted.exec(source)) {
    const [what] = found;
    if (what === '}}') return found.index;
    const end = endOfQuote(source, what, quoted.lastIndex);
    if (end === undefined) return undefined;
    quoted.lastIndex = end;
  }
  return undefined;
}

/** Where what began with `opening` is over. */
function endOfQuote(source: string, opening: string, from: number): number | undefined {
  const closing = opening === '/*' ? '*/' : opening;
  for (
    let end = source.indexOf(closing, from);
    end !== -1;
    end = source.indexOf(closing, end + 1)
  ) {
    if (opening !== '"' || !isEscaped(source, end)) return end + closing.length;
  }
  return undefined;
}

function isEscaped(source: string, at: number): boolean {
  let backslashes = 0;
  while (source[at - 1 - backslashes] === '\\') backslashes += 1;
  return backslashes % 2 === 1;
}

const identifier = /^[A-Za-z_][A-Za-z0-9_]*$/;

/** What an action puts into the text; `undefined`: nothing. A string says why it is refused. */
function understand(body: string | undefined): Part | string | undefined {
  if (body === undefined) return 'an action that begins with {{ does not end with }}';
  if (/^\/\*[\s\S]*\*\/$/.test(body)) return undefined;
  if (/^`[^`]*`$/.test(body)) return { kind: 'text', text: body.slice(1, -1) };
  if (/^"(?:[^"\\]|\\.)*"$/.test(body)) return literal(body);

  const [head = '', ...fields] = body.split('.');
  if (head === 'variables') {
    const [key] = fields;
    if (key !== undefined && fields.length === 1 && identifier.test(key))
      return { kind: 'variable', key };
    return `{{ ${body} }} names no variable; write {{ variables.<key> }}`;
  }
  const name = functions.find((known) => known === body);
  if (name !== undefined) return { kind: 'function', name };
  if (identifier.test(body))
    return `{{ ${body} }} is not defined; known: ${functions.join(', ')}, variables.<key>`;
  return `{{ ${body} }} is not supported; write one of ${functions.join(', ')}, variables.<key> alone`;
}

/** Go and JSON agree on the escapes that occur; the others are refused. */
function literal(body: string): Part | string {
  try {
    const text: unknown = JSON.parse(body);
    if (typeof text === 'string') return { kind: 'text', text };
  } catch {
    // Reported below, with the text that was not understood.
  }
  return `{{ ${body} }} holds an escape that is not supported; write \\", \\\\, \\n, \\t or \\uXXXX`;
}

function render(
  parts: readonly Part[],
  values: TemplateValues,
): RenderedTemplate | TemplateProblems {
  const problems = new Set<string>();
  const text = parts.map((part) => {
    if (part.kind === 'text') return part.text;
    const [name, value] =
      part.kind === 'function'
        ? [part.name, values[part.name]]
        : [`variables.${part.key}`, own(values.variables, part.key)];
    const problem = problemOf(name, value);
    if (problem !== undefined) problems.add(problem);
    return value ?? '';
  });
  if (problems.size > 0) return { ok: false, problems: [...problems] };
  return { ok: true, text: text.join('') };
}

function own(record: Readonly<Record<string, string>>, key: string): string | undefined {
  return Object.hasOwn(record, key) ? record[key] : undefined;
}

/** Quotes and braces end what a query's author began; a backslash or a line break may undo their escaping. */
const harmful = /["'`\\{}\p{Cc}\u2028\u2029]/u;

function problemOf(name: string, value: string | undefined): string | undefined {
  if (value === undefined) {
    return `{{ ${name} }} has no value; add the key to templateVariables of the metric`;
  }
  if (name === 'interval' && value === '') {
    return '{{ interval }} has no value; set the interval of the metric, for example 1m';
  }
  if (!harmful.test(value)) return undefined;
  return `the value of {{ ${name} }} holds a quote, a backslash, a brace or a control character, which could change the query`;
}

function lineOf(text: string, at: number): number {
  return text.slice(0, at).split('\n').length;
}
