// The tables as plain text.
import type { Report, ScenarioInfo } from "../results.ts";
import { table, type TextRow } from "./table.ts";
import { type Line, tableOf, TIERS } from "./tables/model.ts";

/** "thump FAULT": nobody should read the figures without it. */
function nameOf({ server, verdict }: Line): string {
  const marks = { fault: " FAULT", "rig-bound": " rig-bound", behind: " BEHIND", failed: " FAILED" };
  return `  ${server}${verdict.state === "sound" || verdict.state === "skipped" ? "" : marks[verdict.state]}`;
}

function textLines(line: Line): TextRow[] {
  const { verdict, cells } = line;
  if (cells.length === 0)
    return [`${nameOf(line)}${verdict.state === "skipped" ? " skipped" : ""}: ${verdict.why}`];
  const rows: TextRow[] = [[nameOf(line), ...cells.map(({ text }) => text)]];
  if (cells.some(({ range }) => range !== "")) rows.push(["    min–max", ...cells.map(({ range }) => range)]);
  const remarks = [verdict.why, ...verdict.notes].filter((text) => text !== "");
  if (remarks.length > 0) rows.push(`    ${remarks.join("; ")}`);
  return rows;
}

/** One scenario: its title, and a line for each server, those with like promises together. */
export function scenarioText(report: Report, scenario: ScenarioInfo): string {
  const { columns, groups } = tableOf(report, scenario);
  const rows: TextRow[] = [["", ...columns]];
  for (const { tier, lines } of groups) rows.push(TIERS[tier], ...lines.flatMap(textLines));
  return `${scenario.name}  ${scenario.title}\n${table(rows)}`;
}

/** All scenarios. */
export function tablesText(report: Report): string {
  return report.scenarios.map((scenario) => scenarioText(report, scenario)).join("\n\n");
}
