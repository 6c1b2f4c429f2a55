import { expect, test } from "bun:test";
import { styleText } from "node:util";
import { printableText, printableColors, printableLines, jsonLine } from "../../src/protocol/printable.ts";
import { ACTED_ON, EVIL } from "../support/evil.ts";

test("a text becomes one line without control sequences", () => {
  expect(printableText("a\tb\r\n")).toBe("a\\tb\\r\\n" as never);
  expect(printableText("\u001b[2J\u009b1m\u202e\u061c\u200f")).toBe(
    "\\u001b[2J\\u009b1m\\u202e\\u061c\\u200f" as never,
  );
  for (const plain of ["prix-modifié", "日本語", "👩‍💻 a\u00a0b", "\\u001b", ""])
    expect(printableText(plain)).toBe(plain as never);
});

test("every character that terminals interpret is escaped; in multi-line text, line feeds and tabs stay", () => {
  expect(printableText(EVIL)).not.toMatch(ACTED_ON);
  const kept = printableLines(`${EVIL}\n\t`);
  expect(kept.endsWith("\n\t")).toBe(true);
  expect(kept.replaceAll(/[\n\t]/g, "")).not.toMatch(ACTED_ON);
});

test("in JSON, the escapes are valid JSON", () => {
  const value = { [EVIL]: [EVIL, { deep: EVIL }] };
  const line = jsonLine(value);
  expect(line.slice(0, -1)).not.toMatch(ACTED_ON);
  expect(JSON.parse(line)).toEqual(value);
});

test("in colored text, colors stay, and all other sequences are escaped", () => {
  const colored = styleText("red", "a", { validateStream: false });
  expect(printableColors(`${colored}\u001b[2J\u001b]0;x\u0007\u202e`)).toBe(
    `${colored}\\u001b[2J\\u001b]0;x\\u0007\\u202e` as never,
  );
});
