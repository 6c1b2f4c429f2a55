// Splits HTML into passages: the text between tags, without scripts and styles.
import type { Passage } from "./passage.ts";

const blank = (text: string) => text.replaceAll(/[^\n]/g, " ");

export function htmlPassages(text: string): Passage[] {
  const visible = text
    .replaceAll(/<(script|style|svg|pre)\b[\s\S]*?<\/\1>/g, blank)
    .replaceAll(/<!doctype[^>]*>/gi, blank)
    .replaceAll(/<\/?(?:a|b|i|em|strong|code|span|kbd)\b[^>]*>/g, "");
  const passages: Passage[] = [];
  let line = 1;
  for (const part of visible.split(/(<!--|-->|<[^>]*>)/)) {
    const isTag = part.startsWith("<") || part === "-->";
    if (!isTag && part.trim() !== "") {
      const pieces = part.split("\n").map((piece, index) => ({ text: piece, line: line + index }));
      passages.push({ kind: "text", pieces });
    }
    line += part.split("\n").length - 1;
  }
  return passages;
}
