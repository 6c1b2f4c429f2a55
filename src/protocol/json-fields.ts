// Finds fields of a JSON object in its text without parsing, so that they can be forwarded as written or parsed later.
// Pure.
import { MAX_DEPTH, tooDeep } from "./json.ts";

/** The position of a value in a text. */
export interface Span {
  readonly start: number;
  /** The index after the value's last character. */
  readonly end: number;
}

/** The result of `findFields`. */
export interface JsonFields {
  /**
   * The span of each requested field's value. If a field occurs more than once, the last occurrence counts, as in
   * `JSON.parse`.
   */
  readonly spans: readonly (Span | undefined)[];
  /** The approximate number of values outside these spans. Counting stops slightly above `most`. */
  readonly others: number;
}

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const COMMA = 0x2c;
const COLON = 0x3a;
// Setting this bit turns "[" into "{" and "]" into "}".
const CURLY = 0x20;
const OPEN = 0x7b;
const CLOSE = 0x7d;
/** The length, in characters, beyond which Bun's native search for the end of a string is faster. */
const MAX_NAME_LENGTH = 24;

/**
 * Finds top-level fields of a JSON object without parsing it. If the text is not JSON, the result is meaningless:
 * either one of the spans or the remaining text is not JSON.
 * @param most the maximum number of values outside the spans; the search stops above it. If undefined, values are not
 * counted
 * @throws ThumpError `malformed` if the nesting is too deep
 */
export function findFields(text: string, names: readonly string[], most?: number): JsonFields {
  const spans: (Span | undefined)[] = [];
  let others = 1;
  let at = nextToken(text, 0);
  if (text.charCodeAt(at) !== OPEN) return { spans, others };
  do {
    const key = nextToken(text, at + 1);
    if (text.charCodeAt(key) !== QUOTE) break;
    const keyEnd = endOfString(text, key);
    const colon = nextToken(text, keyEnd);
    if (text.charCodeAt(colon) !== COLON) break;
    const start = nextToken(text, colon + 1);
    const end = endOfValue(text, start);
    let other: Span | undefined = { start, end };
    const name = nameAt(text, key + 1, keyEnd - 1, names);
    if (name >= 0) {
      const before = spans[name];
      spans[name] = other;
      other = before;
    }
    if (most !== undefined) {
      others += 1 + (other ? countValues(text, other, most) : 0);
      if (others > most) break;
    }
    at = nextToken(text, end);
  } while (text.charCodeAt(at) === COMMA);
  return { spans, others };
}

/** Returns the source text of a field. The field must exist, and the text must be JSON. */
export function sourceOf(text: string, name: string): string {
  const start = soleKey(text, name);
  if (start > 0) return cut(text, { start, end: endOfValue(text, start) });
  const [span] = findFields(text, [name]).spans;
  return span ? cut(text, span) : "";
}

/**
 * Returns the start of a key's value if the key certainly occurs only once, otherwise 0. This is certain if the text
 * has no escapes and the quoted name occurs once, as in most objects.
 */
function soleKey(text: string, name: string): number {
  const quoted = `"${name}"`;
  const key = text.indexOf(quoted);
  const colon = key + quoted.length;
  if (key < 0 || text.charCodeAt(colon) !== COLON) return 0;
  if (text.indexOf(quoted, colon) > 0 || text.includes("\\")) return 0;
  return nextToken(text, colon + 1);
}

/** A part is copied if the rest of its text is longer than the part by more than this number of characters. */
const MAX_PARSED_REST = 256;

/** Copies a part of a text, so that the part does not keep the whole text in memory. */
export function cut(text: string, { start, end }: Span): string {
  const part = text.slice(start, end);
  // In Bun, a slice shares the memory of the whole text. Text that came from UTF-8 can be copied by converting it to
  // UTF-8 and back.
  return text.length > part.length * 2 + MAX_PARSED_REST ? Buffer.from(part).toString() : part;
}

/** Estimates the number of values inside a value: commas plus opening brackets plus one. Stops above `most`. */
export function countValues(text: string, { start, end }: Span, most: number): number {
  let values = 1;
  for (let at = start; at < end && values <= most; at++) {
    const char = text.charCodeAt(at);
    if (char === QUOTE) at = endOfString(text, at) - 1;
    else if (char === COMMA || (char | CURLY) === OPEN) values++;
  }
  return values;
}

/** Returns the index of the key in `names`; -1 if the key is not in `names`. */
function nameAt(text: string, start: number, end: number, names: readonly string[]): number {
  let shortest = Number.POSITIVE_INFINITY;
  for (let i = 0; i < names.length; i++) {
    const name = names[i] as string;
    if (name.length === end - start && text.startsWith(name, start)) return i;
    shortest = Math.min(shortest, name.length);
  }
  // A key with escapes is longer than its name.
  if (end - start <= shortest) return -1;
  const key = text.slice(start, end);
  if (!key.includes("\\")) return -1;
  try {
    return names.indexOf(JSON.parse(`"${key}"`) as string);
  } catch {
    // The text is not JSON. Parsing it later reports the error.
    return -1;
  }
}

/** Returns the index of the next non-whitespace character. */
function nextToken(text: string, from: number): number {
  for (let at = from; ; at++) {
    const char = text.charCodeAt(at);
    if (char !== 0x20 && char !== 0x0a && char !== 0x0d && char !== 0x09) return at;
  }
}

/** Returns the index after the string that starts here. */
function endOfString(text: string, start: number): number {
  const { length } = text;
  const short = Math.min(length, start + MAX_NAME_LENGTH);
  for (let at = start + 1; at < short; at++) {
    const char = text.charCodeAt(at);
    if (char === QUOTE) return at + 1;
    if (char === BACKSLASH) at++;
  }
  for (let at = text.indexOf('"', start + 1); at >= 0; at = text.indexOf('"', at + 1)) {
    let escapes = 0;
    while (text.charCodeAt(at - 1 - escapes) === BACKSLASH) escapes++;
    if (escapes % 2 === 0) return at + 1;
  }
  return length;
}

/** Returns the index after the value that starts here. */
function endOfValue(text: string, start: number): number {
  const first = text.charCodeAt(start);
  if (first === QUOTE) return endOfString(text, start);
  const { length } = text;
  let depth = 0;
  for (let at = start; at < length; at++) {
    const char = text.charCodeAt(at);
    if (char === QUOTE) at = endOfString(text, at) - 1;
    else if ((char | CURLY) === OPEN) {
      if (++depth >= MAX_DEPTH) throw tooDeep();
    } else if (depth === 0) {
      // A number, true, false or null extends to the next delimiter.
      if (char === COMMA || char <= 0x20 || (char | CURLY) === CLOSE) return at;
    } else if ((char | CURLY) === CLOSE && --depth === 0) return at + 1;
  }
  return length;
}
