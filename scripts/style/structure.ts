// Structural checks of src: file length, and unique type names within a folder.
import { dirname } from "node:path";
import type { SourceFile } from "typescript/unstable/ast";
import {
  isClassDeclaration,
  isEnumDeclaration,
  isInterfaceDeclaration,
  isTypeAliasDeclaration,
} from "typescript/unstable/ast/is";
import type { Finding } from "./finding.ts";

const MAX_LINES = 300;

export function longFile(file: string, text: string): Finding[] {
  const lines = text.replace(/\n$/, "").split("\n").length;
  if (lines <= MAX_LINES) return [];
  const instead = `split it: at most ${MAX_LINES} lines, one purpose`;
  return [{ file, line: 1, rule: "long-file", text: `${lines} lines`, instead }];
}

/** Types that are declared at the top level of a file, exported or not. */
function typesOf(source: SourceFile): { name: string; line: number }[] {
  return source.statements.flatMap((statement) => {
    const isType =
      isInterfaceDeclaration(statement) ||
      isTypeAliasDeclaration(statement) ||
      isClassDeclaration(statement) ||
      isEnumDeclaration(statement);
    if (!isType || statement.name === undefined) return [];
    const { line } = source.getLineAndCharacterOfPosition(statement.name.getStart(source));
    return [{ name: statement.name.text, line: line + 1 }];
  });
}

export function duplicateTypes(sources: ReadonlyMap<string, SourceFile>): Finding[] {
  const first = new Map<string, string>();
  const findings: Finding[] = [];
  for (const [file, source] of [...sources].toSorted(([a], [b]) => a.localeCompare(b))) {
    for (const { name, line } of typesOf(source)) {
      const key = `${dirname(file)}:${name}`;
      const place = first.get(key);
      if (place === undefined) first.set(key, `${file}:${line}`);
      else if (!place.startsWith(`${file}:`)) {
        const instead = "a name that says how the two differ";
        findings.push({
          file,
          line,
          rule: "duplicate-type",
          text: `${name}, also declared in ${place}`,
          instead,
        });
      }
    }
  }
  return findings;
}
