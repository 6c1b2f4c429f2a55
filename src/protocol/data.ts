// What a publication carries: JSON, text or bytes, each kept in the form that costs least to send on.
import { ThumpError } from "./codes.ts";
import { escapeLineEnds, parseJson } from "./json.ts";

/**
 * - `json`: JSON text, kept as it was written (numbers keep their digits);
 * - `text`: a string that is sent as it stands;
 * - `binary`: bytes.
 */
export type Data =
  { kind: "json"; text: string } | { kind: "text"; text: string } | { kind: "binary"; bytes: Uint8Array };

/** How a value looks inside an envelope: binary needs `encoding` to be told from a string. */
export type Encoding = "base64";

/** Everything that some reader takes for the end of a line, and that JSON text may contain. */
const LINE_END = /[\r\n\u0085\u2028\u2029]/;
const NUMBER = /^-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?$/;
const CLOSING: Record<string, string> = { "{": "}", "[": "]", '"': '"' };

/** Looks at both ends of a text: most chat lines cannot be JSON, and a failed JSON.parse costs microseconds. */
function mayBeJson(text: string): boolean {
  const trimmed = text.trim();
  const first = trimmed.charAt(0);
  const closing = CLOSING[first];
  if (closing !== undefined) return trimmed.length > 1 && trimmed.endsWith(closing);
  if (first === "t" || first === "f" || first === "n") return /^(true|false|null)$/.test(trimmed);
  return NUMBER.test(trimmed);
}

/** A text frame or body: JSON when it parses, else a string. `value` is what a room's schema checks. */
export function dataFromText(text: string): { data: Data; value: unknown } {
  if (mayBeJson(text)) {
    try {
      return { value: parseJson(text), data: { kind: "json", text } };
    } catch (error) {
      // Not JSON: it is a string, which is what the last line says.
      if (!(error instanceof SyntaxError)) throw error;
    }
  }
  return { value: text, data: { kind: "text", text } };
}

/** A JSON value, as the multiplexed socket, a batch or code gives it. With `encoding` it is bytes. */
export function dataFromValue(value: unknown, encoding?: Encoding): { data: Data; value: unknown } {
  if (encoding === "base64") {
    const bytes = decodeBase64(value);
    return { data: { kind: "binary", bytes }, value: bytes };
  }
  if (value instanceof Uint8Array) return { data: { kind: "binary", bytes: value }, value };
  // A lone surrogate cannot travel as UTF-8, but can be escaped in JSON.
  if (typeof value === "string" && value.isWellFormed())
    return { data: { kind: "text", text: value }, value };
  return { data: { kind: "json", text: writeJson(value === undefined ? null : value) }, value };
}

/** Code may hand in what JSON has no form for: functions, BigInts, circles. */
function writeJson(value: unknown): string {
  let reason = "it is a function or a symbol";
  try {
    const text = JSON.stringify(value) as string | undefined;
    if (text !== undefined) return text;
  } catch (error) {
    reason = (error as Error).message;
  }
  throw new ThumpError("invalid", `The data cannot be written as JSON: ${reason}.`);
}

/** The bytes that the data takes in UTF-8. */
export function sizeOfData(data: Data): number {
  if (data.kind === "binary") return data.bytes.byteLength;
  return Buffer.byteLength(data.text);
}

/** The data as JSON text on one line: a value, or base64 in quotes. */
export function dataAsJson(data: Data): string {
  if (data.kind === "binary") return `"${data.bytes.toBase64()}"`;
  if (data.kind === "text") return escapeLineEnds(JSON.stringify(data.text));
  if (!LINE_END.test(data.text)) return data.text;
  // Inside JSON a raw line break can only stand between tokens: a space means the same.
  return escapeLineEnds(data.text.replace(/[\r\n]+/g, " "));
}

function decodeBase64(value: unknown): Uint8Array {
  try {
    if (typeof value === "string") return Uint8Array.fromBase64(value);
  } catch {
    // Answered below, with what is expected.
  }
  throw new ThumpError(
    "invalid",
    'With "encoding":"base64", data must be a string of base64 (RFC 4648 §4).',
    [{ path: "/data", message: "must be base64" }],
  );
}
