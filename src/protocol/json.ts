// Parses JSON from clients, with a limit on the nesting depth.
import { ThumpError } from "./codes.ts";

/**
 * The maximum nesting depth of arrays and objects. Serializing much deeper values takes Bun a very long time or
 * overflows its stack.
 */
export const MAX_DEPTH = 200;

/** Returns the error for JSON nested deeper than `MAX_DEPTH`. */
export function tooDeep(): ThumpError {
  return new ThumpError("malformed", `The JSON is nested deeper than ${MAX_DEPTH} levels.`);
}

/**
 * Parses JSON text.
 * @throws SyntaxError if the text is not JSON
 * @throws ThumpError `malformed` if the nesting is deeper than 200 levels
 */
export function parseJson(text: string): unknown {
  // Shorter texts cannot exceed the depth, because each level needs two brackets.
  if (text.length > MAX_DEPTH * 2 && isTooDeep(text)) throw tooDeep();
  return JSON.parse(text) as unknown;
}

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
// Setting this bit turns "[" into "{" and "]" into "}".
const CURLY = 0x20;
const OPEN = 0x7b;
const CLOSE = 0x7d;

function isTooDeep(text: string): boolean {
  let depth = 0;
  let quoted = false;
  for (let i = 0; i < text.length; i++) {
    const char = text.charCodeAt(i);
    if (char === QUOTE) quoted = !quoted;
    else if (quoted) i += char === BACKSLASH ? 1 : 0;
    else if ((char | CURLY) === OPEN && ++depth > MAX_DEPTH) return true;
    else if ((char | CURLY) === CLOSE) depth--;
  }
  return false;
}

const SEPARATOR = /[\u0085\u2028\u2029]/;
const SEPARATORS = /[\u0085\u2028\u2029]/g;

/**
 * Escapes U+0085, U+2028 and U+2029, which occur only in strings. Some readers, such as Python's httpx and requests,
 * treat them as the end of a line.
 */
export function escapeLineEnds(json: string): string {
  if (!SEPARATOR.test(json)) return json;
  return json.replace(SEPARATORS, (found) => `\\u${found.charCodeAt(0).toString(16).padStart(4, "0")}`);
}

/** A JSON number exactly as received: `JSON.stringify` writes all of its digits. */
export interface RawJson {
  readonly rawJSON: string;
}

export function rawJson(text: string): RawJson {
  // Missing from TypeScript's declarations (ECMA-262, "JSON.parse source text access").
  return (JSON as unknown as { rawJSON: (text: string) => RawJson }).rawJSON(text);
}
