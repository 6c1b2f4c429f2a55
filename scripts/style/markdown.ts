// Splits Markdown into passages: paragraphs, list items, headings, table cells, and comments in code blocks.
import { type Kind, type Passage, type Piece, withoutCode } from "./passage.ts";

const FENCE = /^\s*(?:```|~~~)/;
const BLOCK_START = /^\s*(?:[-*+] |\d+\. |>|#{1,6} |\|)/;
const CODE_COMMENT = /(?:^|\s)(?:#|\/\/|←|--) (.*)$/;

/** Removes link targets and images, and hides inline code. Emphasis stays, because it identifies bold labels. */
function prose(line: string): string {
  return withoutCode(line)
    .replaceAll(/!\[([^\]]*)\](?:\([^)]*\))?/g, "$1")
    .replaceAll(/\[([^\]]*)\](?:\([^)]*\)|\[[^\]]*\])/g, "$1")
    .replaceAll(/<[^>]+>/g, " ");
}

export function markdownPassages(text: string): Passage[] {
  const passages: Passage[] = [];
  let pieces: Piece[] = [];
  let kind: Kind = "markdown";
  const flush = () => {
    if (pieces.length > 0) passages.push({ kind, pieces: joinLinks(pieces) });
    pieces = [];
    kind = "markdown";
  };
  let fenced = false;
  for (const [index, raw] of text.split("\n").entries()) {
    const line = index + 1;
    if (FENCE.test(raw)) {
      flush();
      fenced = !fenced;
    } else if (fenced) {
      const comment = CODE_COMMENT.exec(raw)?.[1];
      if (comment !== undefined)
        passages.push({ kind: "comment", pieces: [{ text: withoutCode(comment), line }] });
    } else if (raw.trim() === "") {
      flush();
    } else if (/^\s*\|/.test(raw)) {
      flush();
      for (const cell of prose(raw).split("|")) {
        if (/[A-Za-z]/.test(cell)) passages.push({ kind: "cell", pieces: [{ text: cell, line }] });
      }
    } else {
      if (BLOCK_START.test(raw)) flush();
      if (/^#{1,6} /.test(raw)) kind = "heading";
      pieces.push({ text: raw.replace(/^\s*(?:[-*+] |\d+\. |>|#{1,6} )\s*/, ""), line });
      if (kind === "heading") flush();
    }
  }
  flush();
  return passages;
}

/** Removes markup from a whole block, because a link or inline code may span lines. */
function joinLinks(pieces: readonly Piece[]): Piece[] {
  const marked = prose(pieces.map(({ text }) => text).join("\n")).split("\n");
  // If line ends were removed along with the markup, the whole block is reported at its first line.
  return marked.length === pieces.length
    ? marked.map((text, at) => ({ text, line: pieces[at]?.line ?? 1 }))
    : [{ text: marked.join(" "), line: pieces[0]?.line ?? 1 }];
}
