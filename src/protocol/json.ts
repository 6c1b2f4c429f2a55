// JSON from outside: parsed, but not when it is nested absurdly deep.
import { ThumpError } from "./codes.ts";

/** How deep arrays and objects may be nested. Writing back what is much deeper takes Bun ages, or its stack. */
export const MAX_DEPTH = 200;

/** The error for JSON that is nested deeper than that. */
export function tooDeep(): ThumpError {
  return new ThumpError("malformed", `The JSON is nested deeper than ${MAX_DEPTH} levels.`);
}

/**
 * Parses JSON text.
 * @throws SyntaxError when it is not JSON
 * @throws ThumpError `malformed` when it is nested deeper than 200 levels
 */
export function parseJson(text: string): unknown {
  // Anything shorter cannot be too deep: each level opens and closes.
  if (text.length > MAX_DEPTH * 2 && isTooDeep(text)) throw tooDeep();
  return JSON.parse(text) as unknown;
}

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
// With this bit set, "[" is "{" and "]" is "}".
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
 * The same JSON with U+0085, U+2028 and U+2029 escaped. Some readers, as those of Python's httpx and requests, take them
 * for the end of a line. In JSON they can only stand in strings.
 */
export function escapeLineEnds(json: string): string {
  if (!SEPARATOR.test(json)) return json;
  return json.replace(SEPARATORS, (found) => `\\u${found.charCodeAt(0).toString(16).padStart(4, "0")}`);
}

/** A JSON number as it was written: `JSON.stringify` writes all of its digits. */
export interface RawJson {
  readonly rawJSON: string;
}

export function rawJson(text: string): RawJson {
  // TypeScript does not know it yet (ECMA-262, "JSON.parse source text access").
  return (JSON as unknown as { rawJSON: (text: string) => RawJson }).rawJSON(text);
}
