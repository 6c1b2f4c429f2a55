#!/usr/bin/env bun
// Checks style: wording of documents, comments and messages; file length; type names; doc comments of public fields.
// Usage: bun scripts/check-style.ts [--summary] [path …]
import { join, relative, resolve } from "node:path";
import { ALLOWED, type Allowed } from "./style/allowed.ts";
import { hashPassages } from "./style/comments.ts";
import { type Compiler, openCompiler } from "./style/compiler.ts";
import { type TextFile, textFiles } from "./style/files.ts";
import { type Finding, printFindings, printSummary } from "./style/finding.ts";
import { htmlPassages } from "./style/html.ts";
import { markdownPassages } from "./style/markdown.ts";
import type { Passage } from "./style/passage.ts";
import { ENTRIES, undocumented } from "./style/public-api.ts";
import { sourcePassages } from "./style/source.ts";
import { duplicateTypes, longFile } from "./style/structure.ts";
import { wording } from "./style/wording.ts";

const ROOT = resolve(import.meta.dir, "..");
/** Folders whose strings are texts for people. Strings in tests are data; strings in scripts/style/ are examples. */
const TEXT_FOLDERS = /^(?:src|bench|examples)\//;

const args = process.argv.slice(2);
const given = args.filter((arg) => !arg.startsWith("--")).map((path) => relative(ROOT, resolve(path)) || ".");
const files = textFiles(ROOT, given);
const code = files.filter(({ format }) => format === "source").map(({ path }) => path);
const compiler = code.length > 0 ? await openCompiler(ROOT, code) : undefined;

const used = new Set<Allowed>();
const findings: Finding[] = [];
for (const file of files) {
  const text = await Bun.file(join(ROOT, file.path)).text();
  findings.push(...wording(file.path, passagesOf(file, text), { used }));
  if (file.format === "source" && file.path.startsWith("src/")) findings.push(...longFile(file.path, text));
}
if (compiler !== undefined) findings.push(...(await structure(compiler)));
if (given.length === 0) findings.push(...unusedExceptions());
await compiler?.close();

const sorted = findings.toSorted((a, b) => a.file.localeCompare(b.file) || a.line - b.line);
if (!args.includes("--summary")) printFindings(sorted);
if (sorted.length > 0) printSummary(sorted);
else console.log(`${files.length} files: no findings`);
process.exit(sorted.length > 0 ? 1 : 0);

function passagesOf({ path, format }: TextFile, text: string): Passage[] {
  if (format === "markdown") return markdownPassages(text);
  if (format === "html") return htmlPassages(text);
  if (format === "hash") return hashPassages(text);
  const source = compiler?.sources.get(path);
  if (source === undefined) throw new Error(`${path} belongs to no tsconfig.json`);
  return sourcePassages(source, { strings: TEXT_FOLDERS.test(path), tests: path.startsWith("test/") });
}

/** Findings about types in the given files. */
async function structure({ main, sources }: Compiler): Promise<Finding[]> {
  const inSrc = new Map([...sources].filter(([path]) => path.startsWith("src/")));
  if (inSrc.size === 0) return [];
  const missing = await undocumented(main, ROOT, ENTRIES);
  return [...duplicateTypes(inSrc), ...missing.filter(({ file }) => sources.has(file))];
}

function unusedExceptions(): Finding[] {
  return ALLOWED.filter((entry) => !used.has(entry)).map(({ file, text }) => ({
    file: "scripts/style/allowed.ts",
    line: 1,
    rule: "unused-exception",
    text: file ?? text ?? "",
    instead: "remove it: it matches nothing",
  }));
}
