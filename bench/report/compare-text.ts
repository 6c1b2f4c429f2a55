// Formats the differences between two results files as text.
import type { Report } from "../results.ts";
import { type Difference, sameMachine } from "./compare.ts";
import { NOISE, type Noise } from "./compared.ts";
import { table, type TextRow } from "./table.ts";
import { percent, times } from "./words.ts";

const MARKS: Record<Difference["verdict"], string> = { slower: "▼", faster: "▲", same: "", "no verdict": "" };

function rowsOf(difference: Difference): TextRow[] {
  const { server, figure, before, after, ratio, verdict, words, show, ranges } = difference;
  if (before === undefined || after === undefined || ratio === undefined)
    return [`  ${server}: ${words}${verdict === "slower" ? ` ${MARKS.slower}` : ""}`];
  const row: TextRow = [
    `  ${server}`,
    figure,
    show(before),
    show(after),
    times(ratio),
    `${words} ${MARKS[verdict]}`.trimEnd(),
  ];
  if (!ranges) return [row];
  const range = ({ min, max }: { min: number; max: number }) => `${show(min)}–${show(max)}`;
  return [row, ["", "min–max", range(ranges.before), range(ranges.after), "", ""]];
}

/** "2 slower, 1 faster, 30 the same, 4 without a verdict" */
function summary(differences: Difference[]): string {
  const number = (verdict: Difference["verdict"]) =>
    differences.filter((one) => one.verdict === verdict).length;
  const counts: [number, string][] = [
    [number("slower"), "slower or larger"],
    [number("faster"), "faster or smaller"],
    [number("same"), "the same"],
    [number("no verdict"), "without a verdict"],
  ];
  return counts.map(([amount, words]) => `${amount} ${words}`).join(", ");
}

function origin({ machine, versions }: Report): string {
  const thump = versions["commit"] ?? versions["thump"];
  return `${machine.date.slice(0, 16).replace("T", " ")}${thump === undefined ? "" : `, Thump ${thump}`}`;
}

export function compareText(a: Report, b: Report, differences: Difference[], noise: Noise = NOISE): string {
  const lines = sameMachine(a.machine, b.machine)
    ? []
    : ["The machines differ: this comparison uses ratios to the base server."];
  lines.push(`old: ${origin(a)}`, `new: ${origin(b)}`);
  for (const scenario of new Set(differences.map((one) => one.scenario))) {
    const own = differences.filter((one) => one.scenario === scenario);
    const head: TextRow[] = own.some(({ ratio }) => ratio !== undefined)
      ? [["", "figure", "old", "new", "ratio", "verdict"]]
      : [];
    lines.push("", scenario, table([...head, ...own.flatMap(rowsOf)]));
  }
  const rule = `A difference counts if the ranges of the runs do not overlap and the medians differ by more than ${percent(noise.time)} (CPU, memory: ${percent(noise.cost)}).`;
  return [...lines, "", summary(differences), rule].join("\n");
}
