// The data of a publication: JSON, text or bytes, in the form that is cheapest to forward.
import { ThumpError } from "./codes.ts";
import { escapeLineEnds, parseJson } from "./json.ts";

/**
 * - `json`: JSON text, preserved as written (numbers keep their digits)
 * - `text`: a string that is sent verbatim
 * - `binary`: bytes
 */
export type Data =
  { kind: "json"; text: string } | { kind: "text"; text: string } | { kind: "binary"; bytes: Uint8Array };

/** The encoding of data inside an envelope. Distinguishes bytes from a string. */
export type Encoding = "base64";

/** Characters that are allowed in JSON text but that some readers treat as the end of a line. */
const LINE_END = /[\r\n\u0085\u2028\u2029]/;
const NUMBER = /^-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?$/;
const CLOSING: Record<string, string> = { "{": "}", "[": "]", '"': '"' };

/**
 * Quickly checks whether a text can be JSON, mostly by its first and last characters. Most chat lines cannot, and a
 * failed JSON.parse takes microseconds.
 */
function mayBeJson(text: string): boolean {
  const trimmed = text.trim();
  const first = trimmed.charAt(0);
  const closing = CLOSING[first];
  if (closing !== undefined) return trimmed.length > 1 && trimmed.endsWith(closing);
  if (first === "t" || first === "f" || first === "n") return /^(true|false|null)$/.test(trimmed);
  return NUMBER.test(trimmed);
}

/**
 * Returns the data of a text frame or body: JSON if the text parses, otherwise a string. The room's schema validates
 * `value`.
 */
export function dataFromText(text: string): { data: Data; value: unknown } {
  if (mayBeJson(text)) {
    try {
      return { value: parseJson(text), data: { kind: "json", text } };
    } catch (error) {
      // Not JSON: the text is a string.
      if (!(error instanceof SyntaxError)) throw error;
    }
  }
  return { value: text, data: { kind: "text", text } };
}

/**
 * Returns the data for a value from the multiplexed protocol, a batch or application code. If `encoding` is set, the
 * value encodes bytes.
 */
export function dataFromValue(value: unknown, encoding?: Encoding): { data: Data; value: unknown } {
  if (encoding === "base64") {
    const bytes = decodeBase64(value);
    return { data: { kind: "binary", bytes }, value: bytes };
  }
  if (value instanceof Uint8Array) return { data: { kind: "binary", bytes: value }, value };
  // A lone surrogate has no UTF-8 form but can be escaped in JSON.
  if (typeof value === "string" && value.isWellFormed())
    return { data: { kind: "text", text: value }, value };
  return { data: { kind: "json", text: writeJson(value === undefined ? null : value) }, value };
}

/** Serializes a value as JSON. Code may pass values that have no JSON form: functions, BigInts, circular structures. */
function writeJson(value: unknown): string {
  let reason = "functions and symbols have no JSON form";
  try {
    const text = JSON.stringify(value) as string | undefined;
    if (text !== undefined) return text;
  } catch (error) {
    reason = (error as Error).message;
  }
  throw new ThumpError("invalid", `The data cannot be serialized as JSON: ${reason}.`);
}

/** Returns the size of the data in bytes, encoded as UTF-8. */
export function sizeOfData(data: Data): number {
  if (data.kind === "binary") return data.bytes.byteLength;
  return Buffer.byteLength(data.text);
}

/** Returns the data as JSON text on one line: a value, or base64 in quotes. */
export function dataAsJson(data: Data): string {
  if (data.kind === "binary") return `"${data.bytes.toBase64()}"`;
  if (data.kind === "text") return escapeLineEnds(JSON.stringify(data.text));
  if (!LINE_END.test(data.text)) return data.text;
  // A raw line break in JSON always occurs between tokens, where a space is equivalent.
  return escapeLineEnds(data.text.replace(/[\r\n]+/g, " "));
}

function decodeBase64(value: unknown): Uint8Array {
  try {
    if (typeof value === "string") return Uint8Array.fromBase64(value);
  } catch {
    // Fall through to the error.
  }
  throw new ThumpError("invalid", 'With "encoding":"base64", data must be a base64 string (RFC 4648 §4).', [
    { path: "/data", message: "must be base64" },
  ]);
}
