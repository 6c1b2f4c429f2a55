// Where the fields of a JSON object stand in its text: for what is sent on as it was written, or is not parsed at once. Pure.
import { MAX_DEPTH, tooDeep } from "./json.ts";

/** Where a value stands. */
export interface Span {
  readonly start: number;
  /** After its last character. */
  readonly end: number;
}

/** What `findFields` found. */
export interface JsonFields {
  /** By the names' order. Of a field that is there twice the last one, as `JSON.parse` has it. */
  readonly spans: readonly (Span | undefined)[];
  /** About how many values the text has outside of these spans; counted up to a little over `most`. */
  readonly others: number;
}

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const COMMA = 0x2c;
const COLON = 0x3a;
// With this bit set, "[" is "{" and "]" is "}".
const CURLY = 0x20;
const OPEN = 0x7b;
const CLOSE = 0x7d;
/** Beyond this many characters of a string Bun's own search for its end is faster. */
const MAX_NAME_LENGTH = 24;

/**
 * Finds top-level fields of a JSON object without parsing it. Of a text that is not JSON the answer means nothing; but
 * what remains of it without the spans is then not JSON either, or a span is not.
 * @param most how many values outside of the spans there may be: it stops beyond, and counts them only if given
 * @throws ThumpError `malformed` when it is nested too deep
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

/** A field of a JSON object as it is written. It must be there, and the text must be JSON. */
export function sourceOf(text: string, name: string): string {
  const start = soleKey(text, name);
  if (start > 0) return cut(text, { start, end: endOfValue(text, start) });
  const [span] = findFields(text, [name]).spans;
  return span ? cut(text, span) : "";
}

/**
 * Where the value of a key begins that is there only once; 0 where that is not clear. Most objects are so: without
 * escapes, and with nothing else of that name, nothing but the key can look like it.
 */
function soleKey(text: string, name: string): number {
  const quoted = `"${name}"`;
  const key = text.indexOf(quoted);
  const colon = key + quoted.length;
  if (key < 0 || text.charCodeAt(colon) !== COLON) return 0;
  if (text.indexOf(quoted, colon) > 0 || text.includes("\\")) return 0;
  return nextToken(text, colon + 1);
}

/** In characters. */
const MAX_PARSED_REST = 256;

/** A part of a text, which does not keep much more than itself in memory. */
export function cut(text: string, { start, end }: Span): string {
  const part = text.slice(start, end);
  // Bun's slices share the memory of the whole. What came in UTF-8 can be copied by it.
  return text.length > part.length * 2 + MAX_PARSED_REST ? Buffer.from(part).toString() : part;
}

/** About how many values are in a value: one more than it has commas and opening brackets. It stops beyond `most`. */
export function countValues(text: string, { start, end }: Span, most: number): number {
  let values = 1;
  for (let at = start; at < end && values <= most; at++) {
    const char = text.charCodeAt(at);
    if (char === QUOTE) at = endOfString(text, at) - 1;
    else if (char === COMMA || (char | CURLY) === OPEN) values++;
  }
  return values;
}

/** Which of the names stands there as a key; -1 when it is none of them. */
function nameAt(text: string, start: number, end: number, names: readonly string[]): number {
  let shortest = Number.POSITIVE_INFINITY;
  for (let i = 0; i < names.length; i++) {
    const name = names[i] as string;
    if (name.length === end - start && text.startsWith(name, start)) return i;
    shortest = Math.min(shortest, name.length);
  }
  // With escapes it is longer.
  if (end - start <= shortest) return -1;
  const key = text.slice(start, end);
  if (!key.includes("\\")) return -1;
  try {
    return names.indexOf(JSON.parse(`"${key}"`) as string);
  } catch {
    // Not JSON: whoever parses the text finds out.
    return -1;
  }
}

/** Where white space ends. */
function nextToken(text: string, from: number): number {
  for (let at = from; ; at++) {
    const char = text.charCodeAt(at);
    if (char !== 0x20 && char !== 0x0a && char !== 0x0d && char !== 0x09) return at;
  }
}

/** After the string that begins here. */
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

/** After the value that begins here. */
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
      // A number, or true, false or null: up to what may follow it.
      if (char === COMMA || char <= 0x20 || (char | CURLY) === CLOSE) return at;
    } else if ((char | CURLY) === CLOSE && --depth === 0) return at + 1;
  }
  return length;
}
