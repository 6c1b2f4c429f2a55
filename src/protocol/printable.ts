// Text that is safe to print: a terminal only shows it, whoever wrote it. Every program of ours prints through this. Pure.

declare const printable: unique symbol;
/** Text in which nothing moves a cursor, changes colors or turns around: `printableText` made it, or it is a constant of ours. */
export type Printable = string & { readonly [printable]: true };

/**
 * What terminals act on instead of showing it: C0 and C1 control characters, ESC among them, line separators, and marks
 * that change the direction of text (Unicode UAX #9).
 */
// oxlint-disable-next-line no-control-regex -- finding control characters is what it is for
const UNSAFE = /[\u0000-\u001f\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u206f]/g;
// oxlint-disable-next-line no-control-regex -- as above
const COLORS = /(\u001b\[[0-9;]*m)/;
const SHORT: Record<string, string> = { "\n": "\\n", "\r": "\\r", "\t": "\\t" };

/** One line, with escapes as JSON has them. In JSON text, which has none of them outside of strings, they are JSON's own. */
export function printableText(text: string): Printable {
  return text.replaceAll(UNSAFE, escape) as Printable;
}

/** The same for several lines: line feeds and tabs stay. */
export function printableLines(text: string): Printable {
  return text.replaceAll(UNSAFE, (char) =>
    char === "\n" || char === "\t" ? char : escape(char),
  ) as Printable;
}

/** The same for text that was colored by ourselves: sequences that only set colors stay. */
export function printableColors(text: string): Printable {
  return text
    .split(COLORS)
    .map((part, i) => (i % 2 === 1 ? part : printableText(part)))
    .join("") as Printable;
}

/** Printable parts, one after the other. */
export function concat(parts: Printable[]): Printable {
  return parts.join("") as Printable;
}

/** The same, with two spaces between them. */
export function spaced(...parts: Printable[]): Printable {
  return parts.join("  ") as Printable;
}

/** A printable text as a line of its own. */
export function lineOf(text: Printable): Printable {
  return `${text}\n` as Printable;
}

/** A value as a line of JSON. */
export function jsonLine(value: unknown): Printable {
  return lineOf(printableText(JSON.stringify(value)));
}

function escape(char: string): string {
  return SHORT[char] ?? `\\u${char.charCodeAt(0).toString(16).padStart(4, "0")}`;
}
