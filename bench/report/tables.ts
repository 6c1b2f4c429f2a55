// Formats the tables as plain text.
import type { Report, ScenarioInfo } from "../results.ts";
import { table, type TextRow } from "./table.ts";
import { attackTable } from "./tables/attacks.ts";
import { type Line, tableOf, TIERS } from "./tables/model.ts";

/** Returns the server's name. If its row is not sound, the state is added: "thump FAULT". */
function nameOf({ server, verdict }: Line): string {
  const marks = { fault: " FAULT", "rig-bound": " rig-bound", incomplete: " INCOMPLETE", failed: " FAILED" };
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

/** Formats one scenario: its title, and a line per server, grouped by tier. */
export function scenarioText(report: Report, scenario: ScenarioInfo): string {
  const { columns, groups } = tableOf(report, scenario);
  const rows: TextRow[] = [["", ...columns]];
  for (const { tier, lines } of groups) rows.push(TIERS[tier], ...lines.flatMap(textLines));
  return `${scenario.name}  ${scenario.title}\n${table(rows)}${attacksText(report, scenario)}`;
}

/** Formats the table of attacks; empty if no server was attacked. */
function attacksText(report: Report, scenario: ScenarioInfo): string {
  const attacks = attackTable(report, scenario);
  if (!attacks) return "";
  const rows: TextRow[] = [["  attack", "server", ...attacks.columns]];
  let last = "";
  for (const { attack, server, cells } of attacks.lines) {
    rows.push([attack === last ? "" : `  ${attack}`, server, ...cells]);
    last = attack;
  }
  return `\n\n${table(rows)}`;
}

/** Formats all scenarios. */
export function tablesText(report: Report): string {
  return report.scenarios.map((scenario) => scenarioText(report, scenario)).join("\n\n");
}
