// A finding of the style check, and how findings are printed and counted.

export interface Finding {
  file: string;
  line: number;
  /** Id of a wording rule, or of a structural check. */
  rule: string;
  /** The offending text. */
  text: string;
  instead: string;
}

const EXCERPT = 100;

/** The part of a sentence around a match. */
export function excerpt(sentence: string, at: number, length: number): string {
  const from = Math.max(0, Math.min(at - 30, sentence.length - EXCERPT));
  const to = Math.max(from + EXCERPT, at + length);
  return (from > 0 ? "…" : "") + sentence.slice(from, to) + (to < sentence.length ? "…" : "");
}

export function printFindings(findings: readonly Finding[]): void {
  for (const { file, line, rule, text, instead } of findings) {
    console.log(`${file}:${line}  ${rule}  "${text}"\n    → ${instead}`);
  }
}

/** The folder that a file counts toward: `src/hub` for `src/hub/x.ts`, the top-level folder for files outside src. */
function folderOf(file: string): string {
  const parts = file.split("/");
  if (parts.length === 1) return "(top level)";
  return parts[0] === "src" && parts.length > 2 ? `src/${parts[1]}` : (parts[0] ?? "");
}

export function printSummary(findings: readonly Finding[]): void {
  const tables = [
    ["Per rule", (finding: Finding) => finding.rule],
    ["Per folder", (finding: Finding) => folderOf(finding.file)],
  ] as const;
  for (const [title, key] of tables) {
    const groups = Map.groupBy(findings, key);
    console.log(`\n${title}`);
    for (const [name, { length }] of [...groups].toSorted(([, a], [, b]) => b.length - a.length)) {
      console.log(`${String(length).padStart(6)}  ${name}`);
    }
  }
  console.log(`\n${findings.length} findings`);
}
