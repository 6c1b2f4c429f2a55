// Splits comments into passages: one per block of line comments, and one per paragraph and tag of a doc comment.
import { type Passage, type Piece, withoutCode } from "./passage.ts";

const TAG =
  /^@(?:param(?: \{[^}]*\})? \[?[\w$.]+\]?|throws(?: [A-Z]\w*)?|returns?|default(?:Value)?|example|deprecated|remarks)\b:?\s*/;
const DIRECTIVE =
  /^(?:@ts-\w+|oxlint-\w+[\w-]*(?: [\w/,-]+)*|@jsx\w* \w+|prettier-ignore|#(?:region|endregion))\s*(?:-- )?/;
const BULLET = /^[-*] /;

/** The passages of one block of comment lines, without their markers. */
export function commentPassages(lines: readonly Piece[]): Passage[] {
  const passages: Passage[] = [];
  let pieces: Piece[] = [];
  let example = false;
  const flush = () => {
    if (pieces.length > 0) passages.push({ kind: "comment", pieces });
    pieces = [];
  };
  for (const { text, line } of lines) {
    const trimmed = text.trim();
    if (trimmed.startsWith("```")) {
      example = !example;
      continue;
    }
    if (example) continue;
    if (trimmed === "" || TAG.test(trimmed) || BULLET.test(trimmed)) flush();
    if (trimmed === "") continue;
    // A tag in the middle of a line starts a new passage.
    const [first = "", ...rest] = trimmed.replace(DIRECTIVE, "").split(/\s(?=@(?:param|throws|returns?)\b)/);
    const clean = (part: string) => withoutCode(part.replace(TAG, "").replace(BULLET, ""));
    pieces.push({ text: clean(first), line });
    for (const part of rest) {
      flush();
      pieces.push({ text: clean(part), line });
    }
  }
  flush();
  return passages;
}

/** Comments that start with `#`, in scripts and configuration files. */
export function hashPassages(text: string): Passage[] {
  const passages: Passage[] = [];
  let block: Piece[] = [];
  const flush = () => {
    passages.push(...commentPassages(block));
    block = [];
  };
  for (const [index, raw] of text.split("\n").entries()) {
    const own = /^\s*#(?!!)\s?(.*)$/.exec(raw)?.[1];
    const trailing = own === undefined ? /\s#\s(\S.*)$/.exec(raw)?.[1] : undefined;
    if (own === undefined) flush();
    if (own !== undefined || trailing !== undefined)
      block.push({ text: own ?? trailing ?? "", line: index + 1 });
    if (trailing !== undefined) flush();
  }
  flush();
  return passages;
}
