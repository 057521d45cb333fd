/**
 * Prometheus' regular expressions (Go's RE2 syntax) as JavaScript's.
 *
 * The two share most of their syntax. What only one of them has is translated or refused, never
 * passed on to mean something else: a look-ahead is an error here as it is in Prometheus.
 */

/** Go's classes are ASCII; JavaScript's `\s` is not. */
const classEscapes: Readonly<Record<string, string>> = {
  d: '0-9',
  w: '0-9A-Za-z_',
  s: '\\t\\n\\f\\r ',
};
const negatedClasses: Readonly<Record<string, string>> = { D: 'd', W: 'w', S: 's' };
const characterEscapes: Readonly<Record<string, string>> = {
  a: '\\x07',
  f: '\\f',
  n: '\\n',
  r: '\\r',
  t: '\\t',
  v: '\\v',
};
const assertions: Readonly<Record<string, string>> = { A: '^', z: '$', b: '\\b', B: '\\B' };

/** Thrown for what Go refuses, and for the few constructs that are not translated. */
export class RegexError extends Error {}

/** Matches whole values only, as every regular expression in a query does. */
export function compileAnchored(pattern: string): RegExp {
  const source = new Translation(pattern).translate();
  try {
    return new RegExp(`^(?:${source})$`, 'u');
  } catch (cause) {
    throw new RegexError(`error parsing regexp: ${JSON.stringify(pattern)}`, { cause });
  }
}

class Translation {
  readonly #pattern: string;
  #at = 0;
  #out = '';

  constructor(pattern: string) {
    this.#pattern = pattern;
  }

  translate(): string {
    const flags = this.#take(/\(\?([is]+)\)/y);
    while (this.#at < this.#pattern.length) this.#next();
    return flags === undefined ? this.#out : `(?${flags[1] ?? ''}:${this.#out})`;
  }

  #next(): void {
    if (this.#pattern.startsWith('(?', this.#at)) return this.#group();
    if (this.#pattern.startsWith('[', this.#at)) return this.#class();
    if (this.#pattern.startsWith('\\', this.#at)) return this.#emit(this.#escape('outside'));
    const repeat = this.#take(/\{(\d+)(?:,(\d*))?\}/y);
    if (repeat !== undefined) return this.#repeat(repeat);
    const literal = this.#takeCharacter();
    // A brace that begins no repetition, and a lone bracket, are plain text in Go.
    this.#emit('{}]'.includes(literal) ? `\\${literal}` : literal);
  }

  #group(): void {
    const named = this.#take(/\(\?P<(\w+)>/y);
    if (named !== undefined) return this.#emit(`(?<${named[1] ?? ''}>`);
    const plain = this.#take(/\(\?([is]*):/y);
    if (plain !== undefined) return this.#emit(`(?${plain[1] ?? ''}:`);
    throw new RegexError(`invalid or unsupported group: ${quoted(this.#pattern.slice(this.#at))}`);
  }

  #repeat([text, least = '', most]: RegExpExecArray): void {
    const tooMany = Number(least) > 1000 || Number(most ?? 0) > 1000;
    const upsideDown = most !== undefined && most !== '' && Number(most) < Number(least);
    if (tooMany || upsideDown) throw new RegexError(`invalid repeat count: ${quoted(text)}`);
    this.#emit(text);
  }

  #class(): void {
    const start = this.#at;
    const open = this.#take(/\[\^?/y)?.[0] ?? '';
    let body = '';
    while (body === '' || !this.#pattern.startsWith(']', this.#at)) {
      if (this.#at >= this.#pattern.length) {
        throw new RegexError(`missing closing ]: ${quoted(this.#pattern.slice(start))}`);
      }
      body += this.#classItem();
    }
    this.#at += 1;
    this.#emit(`${open}${body}]`);
  }

  #classItem(): string {
    if (this.#pattern.startsWith('[:', this.#at)) {
      throw new RegexError(`unsupported class: ${quoted(this.#pattern.slice(this.#at))}`);
    }
    if (this.#pattern.startsWith('\\', this.#at)) return this.#escape('inside');
    const literal = this.#takeCharacter();
    return '[]^'.includes(literal) ? `\\${literal}` : literal;
  }

  #escape(where: 'inside' | 'outside'): string {
    const code = this.#take(/\\x(?:([0-9a-fA-F]{2})|\{([0-9a-fA-F]{1,6})\})/y);
    if (code !== undefined) return `\\u{${code[1] ?? code[2] ?? ''}}`;
    const text = this.#take(/\\[\s\S]/y)?.[0] ?? '';
    const translated = translateEscape(text.charAt(1), where);
    if (translated === undefined) throw new RegexError(`invalid escape sequence: ${quoted(text)}`);
    return translated;
  }

  #take(sticky: RegExp): RegExpExecArray | undefined {
    sticky.lastIndex = this.#at;
    const match = sticky.exec(this.#pattern);
    if (match === null) return undefined;
    this.#at = sticky.lastIndex;
    return match;
  }

  #takeCharacter(): string {
    const character = String.fromCodePoint(this.#pattern.codePointAt(this.#at) ?? 0);
    this.#at += character.length;
    return character;
  }

  #emit(text: string): void {
    this.#out += text;
  }
}

function translateEscape(letter: string, where: 'inside' | 'outside'): string | undefined {
  const ascii = classEscapes[letter];
  if (ascii !== undefined) return where === 'inside' ? ascii : `[${ascii}]`;
  const negated = classEscapes[negatedClasses[letter] ?? ''];
  if (negated !== undefined) return where === 'inside' ? undefined : `[^${negated}]`;
  const character = characterEscapes[letter];
  if (character !== undefined) return character;
  if (where === 'outside' && assertions[letter] !== undefined) return assertions[letter];
  if (!/[!-/:-@[-`{-~]/.test(letter)) return undefined;
  return /[\^$\\.*+?()[\]{}|/-]/.test(letter) && (letter !== '-' || where === 'inside')
    ? `\\${letter}`
    : letter;
}

function quoted(text: string): string {
  return `\`${text}\``;
}
