// Charts, with their labels, as data for the page's script.
import type { KneeResult, Report, ScenarioInfo, SlowResult, Window } from "../../results.ts";
import { merged, resultsOf } from "../figures.ts";
import { judge } from "../verdict.ts";
import { count, digits } from "../words.ts";
import { dashOf, type Look, lookOf, markerOf } from "./looks.ts";

export interface Line {
  server: string;
  look: Look;
  marker: string;
  dash: string;
  x: number[];
  y: number[];
  /** Whether each point is within the limit, complete and free of faults. Timelines have no markers. */
  good?: boolean[];
}

export interface Chart {
  /** The text for screen readers. */
  label: string;
  xTitle: string;
  yTitle: string;
  log: boolean;
  /** A limit, drawn as a horizontal line. */
  bound?: number;
  /** A shaded range of the x axis. */
  span?: [number, number];
  /** Charts of one group share a cursor. */
  group: string;
  lines: Line[];
}

function styled(report: Report, server: string): Omit<Line, "x" | "y"> {
  const look = lookOf(report, server);
  return { server, look, marker: markerOf(look), dash: dashOf(look) };
}

function good(windows: Window[], bound: number): boolean {
  return windows.every(
    ({ delivered, faults, latency }) =>
      delivered >= 1 &&
      faults.lost + faults.repeated + faults.disordered + faults.corrupted === 0 &&
      latency.p99 <= bound,
  );
}

/** The p99 across all runs at each attempted rate. */
function sweepLine(report: Report, server: string, sweeps: KneeResult[]): Line {
  const windows = sweeps.flatMap((sweep) => sweep.windows);
  const rates = [...new Set(windows.map(({ rate }) => rate))].toSorted((a, b) => a - b);
  const points = rates
    .map((rate) => windows.filter((window) => window.rate === rate))
    .map((own) => ({ own, p99: merged(own)?.p99 ?? 0, rate: own[0]?.rate ?? 0 }))
    .filter(({ p99 }) => p99 > 0);
  const bound = sweeps[0]?.bound ?? Infinity;
  return {
    ...styled(report, server),
    x: points.map(({ rate }) => rate),
    y: points.map(({ p99 }) => p99),
    good: points.map(({ own }) => good(own, bound)),
  };
}

/** Latency against rate, one line per server. */
export function latencyChart(report: Report, scenario: ScenarioInfo): Chart | undefined {
  const rows = report.rows.filter((row) => row.scenario === scenario.name && row.results.length > 0);
  const sweeps = rows.map((row) => resultsOf(row, "knee"));
  const lines = rows.map((row, index) => sweepLine(report, row.server, sweeps[index] ?? []));
  const drawn = lines.filter(({ x }) => x.length > 0);
  const bound = sweeps.flat()[0]?.bound;
  if (drawn.length === 0 || bound === undefined) return undefined;
  const words = drawn.map(({ server, x, y }) => {
    const last = x.length - 1;
    return `${server} from ${digits(y[0] ?? 0)} ms at ${count(x[0] ?? 0)}/s to ${digits(y[last] ?? 0)} ms at ${count(x[last] ?? 0)}/s`;
  });
  return {
    label: `p99 latency against messages per second, both axes logarithmic: ${words.join("; ")}.`,
    xTitle: "messages/s",
    yTitle: "p99, ms",
    log: true,
    bound,
    group: scenario.name,
    lines: drawn,
  };
}

/** Returns the run with the median p99 during the stall. */
function middle(results: SlowResult[]): SlowResult | undefined {
  const sorted = results.toSorted((a, b) => a.during.latency.p99 - b.during.latency.p99);
  return sorted[sorted.length >> 1];
}

/** The other clients' latency and the server's memory while some clients do not read. */
export function slowCharts(report: Report, scenario: ScenarioInfo): Chart[] {
  const rows = report.rows
    .filter((row) => row.scenario === scenario.name && judge(row).state !== "skipped")
    .map((row) => ({ server: row.server, run: middle(resultsOf(row, "slow")) }))
    .filter((row): row is { server: string; run: SlowResult } => (row.run?.timeline.length ?? 0) > 0);
  const first = rows.find(({ server }) => server === "thump") ?? rows[0];
  if (!first) return [];
  const span: [number, number] = [first.run.stopped, first.run.resumed];
  const chart = (yTitle: string, y: (moment: SlowResult["timeline"][number]) => number): Chart => ({
    label: `${yTitle} against seconds, from before some clients stop reading until after they resume.`,
    xTitle: "seconds",
    yTitle,
    log: false,
    span,
    group: scenario.name,
    lines: rows.map(({ server, run }) => ({
      ...styled(report, server),
      x: run.timeline.map(({ at }) => at),
      y: run.timeline.map(y),
    })),
  });
  return [
    chart("p99 of the other clients, ms", ({ p99 }) => p99),
    chart("server's memory, MiB", ({ rss }) => rss / 2 ** 20),
  ];
}
