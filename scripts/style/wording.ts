// Applies the wording rules to passages, except for the allowed exceptions.
import { ALLOWED, type Allowed } from "./allowed.ts";
import { excerpt, type Finding } from "./finding.ts";
import { type Kind, type Passage, sentencesOf } from "./passage.ts";
import type { Rule } from "./rule.ts";
import { RULES } from "./rules.ts";

const DEFAULT_KINDS: readonly Kind[] = ["comment", "string", "test", "markdown", "cell", "text"];

/** @param used collects the exceptions that applied */
export function wording(
  file: string,
  passages: readonly Passage[],
  { rules = RULES, allowed = ALLOWED, used = new Set<Allowed>() } = {},
): Finding[] {
  const findings: Finding[] = [];
  for (const passage of passages) {
    const applicable = rules.filter(({ kinds = DEFAULT_KINDS }) => kinds.includes(passage.kind));
    for (const { text, line, opening } of sentencesOf(passage)) {
      for (const rule of applicable) {
        if (rule.opening && !opening) continue;
        const match = rule.pattern.exec(text);
        if (match === null) continue;
        const exception = allowed.find((entry) => allows(entry, file, passage.kind, rule, text));
        if (exception !== undefined) used.add(exception);
        else
          findings.push({
            file,
            line,
            rule: rule.id,
            text: excerpt(text, match.index, match[0].length),
            instead: rule.instead,
          });
      }
    }
  }
  return findings;
}

function allows(entry: Allowed, file: string, kind: Kind, rule: Rule, sentence: string): boolean {
  if (entry.rule !== undefined && entry.rule !== rule.id) return false;
  if (entry.kind !== undefined && entry.kind !== kind) return false;
  if (entry.file !== undefined && entry.file !== file) return false;
  return entry.text === undefined || sentence.includes(entry.text);
}
