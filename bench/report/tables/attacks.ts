// The table for the attack scenario: one line per attack and server, with medians over all runs.
import { ATTACKS, type AttackName } from "../../attacker/attack.ts";
import type { HostileResult, Report, Row, ScenarioInfo } from "../../results.ts";
import { figure, resultsOf } from "../figures.ts";
import { count, digits, mebibytes, times } from "../words.ts";
import { attackResultOf, attackNames, cost, harm } from "./hostile.ts";

export interface AttackLine {
  attack: string;
  server: string;
  cells: string[];
}

export interface AttackTable {
  columns: string[];
  lines: AttackLine[];
}

const COLUMNS = [
  "requests/s",
  "honest p99 ×",
  "CPU ms/request",
  "RSS MiB",
  "lost",
  "new client",
  "responses to attacker",
];
/** Maximum number of response codes to show, most frequent first. */
const MAX_SHOWN_ANSWERS = 4;

/** Returns undefined if no server was attacked. */
export function attackTable(report: Report, scenario: ScenarioInfo): AttackTable | undefined {
  if (scenario.kind !== "hostile") return undefined;
  const rows = report.rows.filter((row) => row.scenario === scenario.name && row.results.length > 0);
  if (rows.length === 0) return undefined;
  return {
    columns: COLUMNS,
    lines: attackNames.flatMap((attack) => rows.flatMap((row) => lineOf(row, attack))),
  };
}

function lineOf(row: Row, attack: AttackName): AttackLine[] {
  const results = resultsOf(row, "hostile");
  const assaults = results.flatMap((result) => attackResultOf(result, attack) ?? []);
  if (assaults.length === 0) return [];
  const median = (value: (result: HostileResult) => number | undefined, show: (value: number) => string) => {
    const found = figure(results, value);
    return found ? show(found.median) : "–";
  };
  const lost = assaults.reduce((sum, { window }) => sum + window.faults.lost, 0);
  const newcomers = [...new Set(assaults.map(({ newcomer }) => newcomer))].join(", ");
  const cells = [
    median((result) => attackResultOf(result, attack)?.perSecond, count),
    median((result) => harm(result, attack), times),
    median((result) => cost(result, attack), digits),
    median((result) => attackResultOf(result, attack)?.window.server.rss, mebibytes),
    String(lost),
    newcomers,
    answersOf(assaults.map(({ answers }) => answers)),
  ];
  return [{ attack: ATTACKS[attack], server: row.server, cells }];
}

/** Formats the total responses over all runs, most frequent first: "429 1.2k, rate 1.2k". */
function answersOf(all: Record<string, number>[]): string {
  const sums = new Map<string, number>();
  for (const answers of all)
    for (const [name, times] of Object.entries(answers)) sums.set(name, (sums.get(name) ?? 0) + times);
  const sorted = [...sums].toSorted(([, a], [, b]) => b - a).slice(0, MAX_SHOWN_ANSWERS);
  return sorted.length === 0 ? "none" : sorted.map(([name, times]) => `${name} ${count(times)}`).join(", ");
}
