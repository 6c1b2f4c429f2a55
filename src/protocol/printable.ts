// Text that is safe to print in a terminal, even if a client wrote it. All command-line programs print through this
// module. Pure.

declare const printable: unique symbol;
/** Text without control sequences: the result of `printableText`, or a constant in the program. */
export type Printable = string & { readonly [printable]: true };

/**
 * Characters that terminals act on instead of displaying: C0 and C1 controls, including ESC, line separators, and
 * marks that change the direction of text (Unicode UAX #9).
 */
// oxlint-disable-next-line no-control-regex -- matches control characters deliberately
const UNSAFE = /[\u0000-\u001f\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u206f]/g;
// oxlint-disable-next-line no-control-regex -- as above
const COLORS = /(\u001b\[[0-9;]*m)/;
const SHORT: Record<string, string> = { "\n": "\\n", "\r": "\\r", "\t": "\\t" };

/**
 * Returns one line of text in which unsafe characters are replaced by JSON escapes. If the input is JSON, so is the
 * result, because these characters occur only in JSON strings.
 */
export function printableText(text: string): Printable {
  return text.replaceAll(UNSAFE, escape) as Printable;
}

/** Returns one or more lines of text. Line feeds and tabs are preserved. */
export function printableLines(text: string): Printable {
  return text.replaceAll(UNSAFE, (char) =>
    char === "\n" || char === "\t" ? char : escape(char),
  ) as Printable;
}

/** Returns text that the program has colored. Sequences that only set colors are preserved. */
export function printableColors(text: string): Printable {
  return text
    .split(COLORS)
    .map((part, i) => (i % 2 === 1 ? part : printableText(part)))
    .join("") as Printable;
}

/** Concatenates printable parts. */
export function concat(parts: Printable[]): Printable {
  return parts.join("") as Printable;
}

/** Joins printable parts with two spaces. */
export function spaced(...parts: Printable[]): Printable {
  return parts.join("  ") as Printable;
}

/** Returns printable text as a line. */
export function lineOf(text: Printable): Printable {
  return `${text}\n` as Printable;
}

/** Returns a value as a line of JSON. */
export function jsonLine(value: unknown): Printable {
  return lineOf(printableText(JSON.stringify(value)));
}

function escape(char: string): string {
  return SHORT[char] ?? `\\u${char.charCodeAt(0).toString(16).padStart(4, "0")}`;
}
