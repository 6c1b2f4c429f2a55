// A passage is one piece of prose from a file: a comment, a string, a test name, a paragraph, a table cell.

export type Kind = "comment" | "string" | "test" | "markdown" | "heading" | "cell" | "text";

/** One source line of a passage, without comment markers and markup. */
export interface Piece {
  text: string;
  /** The line in the file, from 1. */
  line: number;
}

export interface Passage {
  kind: Kind;
  pieces: readonly Piece[];
}

/** A sentence of a passage, with the line it starts on. */
export interface Sentence {
  text: string;
  line: number;
  /** True for the first sentence of its passage. */
  opening: boolean;
}

const END = /[.!?]["')\]]*\s+(?=["'(`“]?[A-Z`0-9])/g;
/** A term at the start of a sentence that explains it: "`metrics`: …", "**Rules** (two of them): …". */
const LABEL = /^[-\s]*(?:\*\*[^*]+\*\*|`[^`]*`(?:, `[^`]*`)*)(?: \([^)]*\))?: (?=\S)/;
const ABBREVIATION = /\b(?:e\.g|i\.e|etc|vs|cf|approx|no)\.\s+$/i;

/** Splits a passage into sentences. */
export function sentencesOf({ pieces }: Passage): Sentence[] {
  const starts: { at: number; line: number }[] = [];
  let text = "";
  for (const piece of pieces) {
    const clean = piece.text.replaceAll(/\s+/g, " ").trim();
    if (clean === "") continue;
    if (text !== "") text += " ";
    starts.push({ at: text.length, line: piece.line });
    text += clean;
  }
  const sentences: Sentence[] = [];
  let from = 0;
  const add = (to: number) => {
    const raw = text.slice(from, to);
    const lead = (LABEL.exec(raw)?.[0].length ?? 0) || (/^[\s"'“(*_~>–—-]*/.exec(raw)?.[0].length ?? 0);
    const sentence = raw.slice(lead).replaceAll("**", "").trim();
    const start = from + lead;
    const line = starts.findLast(({ at }) => at <= start)?.line ?? starts[0]?.line ?? 1;
    if (sentence !== "") sentences.push({ text: sentence, line, opening: sentences.length === 0 });
    from = to;
  };
  for (const { index, 0: end } of text.matchAll(END)) {
    if (ABBREVIATION.test(text.slice(0, index + end.length))) continue;
    add(index + end.length);
  }
  add(text.length);
  return sentences;
}

/** Hides inline code, so that rules see a noun in its place. */
export function withoutCode(text: string): string {
  return text.replaceAll(
    /(`+)(?!`)(.*?)\1/g,
    (_, tick: string, code: string) => tick + "x".repeat(Math.min(code.length, 12)) + tick,
  );
}
