// Compares Thump with the baseline measured in the same run. Pure functions.
import type { Adapter } from "../adapter.ts";
import type { Report, Row } from "../results.ts";
import { compare, type Difference } from "./compare.ts";
import { compareText } from "./compare-text.ts";

/** The cost threshold is lower than for two results files, because both builds alternate in one run on one machine. */
const NOISE = { time: 0.1, cost: 0.03 };

/** Splits one run into two reports: one with the twins, under their originals' names, and one with the originals. */
function split(report: Report, twins: readonly Adapter[], commit: string): [old: Report, now: Report] {
  const twinOf = new Map(twins.map(({ name, twin }) => [name, twin]));
  const renamed = report.rows.flatMap((row): Row[] => {
    const server = twinOf.get(row.server);
    return server === undefined ? [] : [{ ...row, server }];
  });
  const measured = new Set(renamed.map(({ server }) => server));
  const own = report.rows.filter(({ server }) => measured.has(server));
  const versions = { ...report.versions, commit: commit.slice(0, 12) };
  return [
    { ...report, versions, rows: renamed },
    { ...report, rows: own },
  ];
}

export function compareWithBaseline(
  report: Report,
  twins: readonly Adapter[],
  commit: string,
): { differences: Difference[]; text: string } {
  const [old, now] = split(report, twins, commit);
  const differences = compare(old, now, NOISE);
  return { differences, text: compareText(old, now, differences, NOISE) };
}
