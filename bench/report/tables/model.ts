// The table of a scenario as data, for the terminal and the page.
import type { Tier } from "../../adapter.ts";
import type { Kind, Report, Row, ScenarioInfo } from "../../results.ts";
import { figure, type Of, resultsOf } from "../figures.ts";
import { judge, type Verdict } from "../verdict.ts";
import { times } from "../words.ts";
import { fanout } from "./fanout.ts";
import { hostile } from "./hostile.ts";
import { idle } from "./idle.ts";
import { join } from "./join.ts";
import { kneeLayout } from "./knee.ts";
import type { Column, Layout } from "./layout.ts";
import { resume } from "./resume.ts";
import { slow } from "./slow.ts";

const layouts: { [K in Kind]: Layout<Of<K>> } = {
  fanout,
  knee: kneeLayout,
  idle,
  join,
  resume,
  slow,
  hostile,
};

export const TIERS: Record<Tier, string> = {
  live: "at most once: no history",
  history: "with history: clients can request missed messages",
};

export interface Cell {
  text: string;
  /** Minimum and maximum of the runs; empty if they are equal. */
  range: string;
}

export interface Line {
  server: string;
  title: string;
  verdict: Verdict;
  /** Empty if the row has no result. */
  cells: Cell[];
}

export interface Table {
  scenario: ScenarioInfo;
  columns: string[];
  groups: { tier: Tier; lines: Line[] }[];
}

const NONE: Cell = { text: "–", range: "" };

function valueOf<K extends Kind>(column: Column<Of<K>>, results: Of<K>[]): number | undefined {
  return figure(results, column.value)?.median;
}

function cellOf<K extends Kind>(column: Column<Of<K>>, results: Of<K>[], incomplete: boolean): Cell {
  const value = valueOf(column, results);
  const range = figure(results, column.value);
  if (value === undefined || !range) return NONE;
  const mark = incomplete && column.bound ? "≥" : "";
  const [low, high] = [column.show(range.min), column.show(range.max)];
  return { text: mark + column.show(value), range: low === high ? "" : `${low}–${high}` };
}

function ratioOf<K extends Kind>(column: Column<Of<K>>, kind: K, row: Row, base: Row | undefined): Cell {
  if (!base || row === base || !judge(row).claims || !judge(base).claims) return NONE;
  const own = valueOf(column, resultsOf(row, kind));
  const other = valueOf(column, resultsOf(base, kind));
  return own === undefined || !other ? NONE : { text: times(own / other), range: "" };
}

function lineOf<K extends Kind>(kind: K, row: Row, base: Row | undefined, title: string): Line {
  const { columns, ratios } = layouts[kind];
  const results = resultsOf(row, kind);
  const verdict = judge(row);
  const incomplete = verdict.state === "incomplete";
  const cells =
    results.length === 0
      ? []
      : [
          ...columns.map((column) => cellOf(column, results, incomplete)),
          ...ratios.map(({ column }) => ratioOf(column, kind, row, base)),
        ];
  return { server: row.server, title, verdict, cells };
}

export function tableOf(report: Report, scenario: ScenarioInfo): Table {
  const { kind, base: name } = scenario;
  const rows = report.rows.filter((row) => row.scenario === scenario.name);
  const base = rows.find((row) => row.server === name);
  const infoOf = (row: Row) => report.servers.find((server) => server.name === row.server);
  const groups = (["live", "history"] as const)
    .map((tier) => ({
      tier,
      lines: rows
        .filter((row) => (infoOf(row)?.tier ?? "live") === tier)
        .map((row) => lineOf(kind, row, base, infoOf(row)?.title ?? row.server)),
    }))
    .filter(({ lines }) => lines.length > 0);
  const { columns, ratios } = layouts[kind];
  const titles = [...columns.map(({ title }) => title), ...ratios.map(({ title }) => `${title} vs ${name}`)];
  return { scenario, columns: titles, groups };
}
