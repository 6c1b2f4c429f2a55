// The style check: every rule matches its bad example and accepts its good one, and every kind of text is found.
import { expect, test } from "bun:test";
import { hashPassages } from "../../scripts/style/comments.ts";
import { htmlPassages } from "../../scripts/style/html.ts";
import { markdownPassages } from "../../scripts/style/markdown.ts";
import { type Passage, sentencesOf } from "../../scripts/style/passage.ts";
import { RULES } from "../../scripts/style/rules.ts";
import { longFile } from "../../scripts/style/structure.ts";
import { wording } from "../../scripts/style/wording.ts";

const comment = (text: string): Passage => ({ kind: "comment", pieces: [{ text, line: 1 }] });
const rulesIn = (passages: readonly Passage[]) =>
  wording("x.ts", passages, { allowed: [] }).map(({ rule }) => rule);

test.each(RULES.map((rule) => [rule.id, rule] as const))("%s matches its bad example only", (id, rule) => {
  const kind = rule.kinds?.[0] ?? "comment";
  const passage = (text: string): Passage => ({ kind, pieces: [{ text, line: 1 }] });
  expect(rulesIn([passage(rule.bad)])).toContain(id);
  expect(rulesIn([passage(rule.good)])).toEqual([]);
});

test("rule ids are unique", () => {
  expect(new Set(RULES.map(({ id }) => id)).size).toBe(RULES.length);
});

test.each([
  "What does the server do?",
  "How long to wait for a reply.",
  "The response lists the rooms that the token grants.",
  "There is no limit.",
  "The log shows what changed.",
  "Not so much as that.",
  "The value comes from the environment.",
  "Find out what is wrong.",
])("plain English passes: %s", (text) => {
  expect(rulesIn([comment(text)])).toEqual([]);
});

test("a sentence that spans lines is reported at its first line", () => {
  const passages = markdownPassages("# Title\n\nThe server starts. A room has\nnobody\nin it.\n");
  expect(wording("a.md", passages, { allowed: [] })).toEqual([
    expect.objectContaining({ file: "a.md", line: 3, rule: "somebody" }),
  ]);
});

test("Markdown: headings, code and link targets are exempt; items, cells and comments in code are not", () => {
  const text = [
    "## What it is not",
    "",
    "See [the guide](somebody.md), `nobody` and",
    "",
    "```sh",
    "thump nobody   # for whoever runs it",
    "```",
    "",
    "| a | b |",
    "| - | - |",
    "| sessions | so many |",
    "",
    "- **Rules**: what a room does.",
  ].join("\n");
  const found = wording("a.md", markdownPassages(text), { allowed: [] });
  expect(found.map(({ line, rule }) => `${line} ${rule}`)).toEqual([
    "6 somebody",
    "11 how-subject",
    "11 so-many",
    "13 what-subject",
  ]);
});

test("hash comments are read in scripts, HTML text without its tags", () => {
  expect(rulesIn(hashPassages('#!/bin/sh\necho "nobody" # nobody is here\n'))).toEqual([
    "is-there",
    "somebody",
  ]);
  expect(rulesIn(htmlPassages("<p>Nobody</p><script>nobody</script>"))).toEqual(["somebody"]);
});

test("sentences are split at full stops, not at abbreviations", () => {
  const sentences = sentencesOf(comment("It runs, e.g. Once. Then it stops! (Really.) And `x` stays."));
  expect(sentences.map(({ text }) => text)).toEqual([
    "It runs, e.g. Once.",
    "Then it stops!",
    "Really.)",
    "And `x` stays.",
  ]);
  expect(sentences.map(({ opening }) => opening)).toEqual([true, false, false, false]);
});

test("an exception applies to its file, text and rule, and is counted as used", () => {
  const exception = { file: "x.ts", text: "Nobody knows", rule: "somebody", reason: "a quotation" };
  const used = new Set<typeof exception>();
  const check = (file: string, text: string) =>
    wording(file, [comment(text)], { allowed: [exception], used }).length;
  expect(check("y.ts", "Nobody knows.")).toBe(1);
  expect(check("x.ts", "Nobody is idle.")).toBe(1);
  expect(used.size).toBe(0);
  expect(check("x.ts", "Nobody knows.")).toBe(0);
  expect(used.size).toBe(1);
});

test("a file of 300 lines passes, one of 301 does not", () => {
  expect(longFile("src/a.ts", "x\n".repeat(300))).toEqual([]);
  expect(longFile("src/a.ts", "x\n".repeat(301))).toHaveLength(1);
});
