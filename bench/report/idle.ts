// The table of an idle scenario.
import type { IdleResult } from "../jobs.ts";
import type { Row } from "../runner/measure.ts";
import type { IdleScenario } from "../scenarios.ts";
import { describeFaults } from "./faults.ts";
import { table } from "./table.ts";

const mebibytes = (bytes: number) => (bytes / 2 ** 20).toFixed(1);
const kibibytes = (bytes: number) => `${(bytes / 1024).toFixed(2)} KiB`;

function resultOf(row: Row | undefined): IdleResult | undefined {
  return row?.results.find((result) => result.kind === "idle");
}

export function idleTable(scenario: IdleScenario, rows: Row[]): string {
  const base = resultOf(rows.find((row) => row.server === scenario.servers[0]));
  const lines = [
    ["", "a session", "empty MiB", "open MiB", "opened in", "reached", "vs control"],
    ...rows.map((row) => {
      const result = resultOf(row);
      if (!result) return [row.server];
      return [
        row.server,
        kibibytes(result.perSession),
        mebibytes(result.rssEmpty),
        mebibytes(result.rssOpen),
        `${result.opening.toFixed(1)} s`,
        `${result.reached.toLocaleString("en")}`,
        base && base !== result ? `${(result.perSession / base.perSession).toFixed(2)}×` : "–",
      ];
    }),
  ];
  const remarks = rows
    .map((row) => [row.server, row.problem?.split("\n")[0] ?? describeFaults(row.results)] as const)
    .filter(([, note]) => note !== "")
    .map(([server, note]) => `  ${server}: ${note}`);
  return [table(lines), ...remarks].join("\n");
}
