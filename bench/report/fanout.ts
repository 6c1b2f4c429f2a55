// The table of a fan-out scenario.
import type { FanoutResult } from "../jobs.ts";
import type { Row } from "../runner/measure.ts";
import type { FanoutScenario } from "../scenarios.ts";
import { behind, broken, describeFaults } from "./faults.ts";
import { spread, type Spread } from "./statistics.ts";
import { table } from "./table.ts";

const RIG_BOUND = 0.9;
const DISTURBED = 0.2;

const million = (value: number) => `${(value / 1e6).toFixed(3)}M`;
const percent = (value: number) => `${(value * 100).toFixed(0)}%`;
/** Rounded down: 100 % means every one of them. */
const share = (value: number) => `${(Math.floor(value * 1e4) / 100).toFixed(value < 1 ? 2 : 0)}%`;
const milliseconds = (value: number) => value.toFixed(value < 10 ? 2 : 1);
const times = (value: number) => (Number.isFinite(value) ? `${value.toFixed(2)}×` : "–");

interface Column {
  title: string;
  value(result: FanoutResult): number;
  show(value: number): string;
  /** A lower bound when the row is behind. */
  bound?: true;
}

const columns: Column[] = [
  { title: "delivered", value: (r) => r.delivered, show: share },
  { title: "deliveries/s", value: (r) => r.perSecond, show: million },
  {
    title: "p50 ms",
    value: (r) => r.latency.p50,
    show: milliseconds,
    bound: true,
  },
  {
    title: "p99 ms",
    value: (r) => r.latency.p99,
    show: milliseconds,
    bound: true,
  },
  {
    title: "p99.9 ms",
    value: (r) => r.latency.p999,
    show: milliseconds,
    bound: true,
  },
  { title: "server CPU", value: (r) => r.server.cpu, show: percent },
  {
    title: "µs/delivery",
    value: (r) => r.server.microsPerDelivery,
    show: (v) => v.toFixed(3),
  },
  {
    title: "RSS MiB",
    value: (r) => r.server.rss / 2 ** 20,
    show: (v) => v.toFixed(0),
  },
  { title: "rig CPU", value: (r) => r.rig.cpu, show: percent },
  { title: "rig lag p99", value: (r) => r.rig.lagP99, show: milliseconds },
  { title: "others CPU", value: (r) => r.others, show: percent },
];

function resultsOf(row: Row | undefined): FanoutResult[] {
  return (row?.results ?? []).filter((result) => result.kind === "fanout");
}

function of(row: Row | undefined, value: (result: FanoutResult) => number): Spread | undefined {
  const results = resultsOf(row);
  return results.length === 0 ? undefined : spread(results.map(value));
}

function ratio(row: Row, base: Row | undefined, value: (result: FanoutResult) => number): string {
  const [own, other] = [of(row, value), of(base, value)];
  return own && other && own.median > 0 && row !== base ? times(own.median / other.median) : "–";
}

function notes(row: Row): string {
  if (row.problem !== undefined) return row.problem.split("\n")[0]!;
  const results = resultsOf(row);
  const rigBound = results.some((result) => result.rig.cpu > RIG_BOUND) ? "rig-bound" : "";
  const others = results.filter((result) => result.others > DISTURBED).length;
  const disturbed = others > 0 ? `disturbed by other processes in ${others} of ${results.length} runs` : "";
  return [describeFaults(results), rigBound, disturbed].filter((note) => note !== "").join("; ");
}

/** The medians of a row, and the range below them. */
function linesOf(row: Row, ratios: string[]): string[][] {
  const results = resultsOf(row);
  if (results.length === 0) return [[row.server]];
  const nothing = results.every((result) => result.delivered === 0);
  const bound = behind(results) ? "≥" : "";
  const show = (column: Column, value: number) =>
    column.bound && nothing ? "–" : (column.bound ? bound : "") + column.show(value);
  const spreads = columns.map((column) => spread(results.map(column.value)));
  const name = broken(results) ? `${row.server} FAULT` : row.server;
  const medians = columns.map((column, index) => show(column, spreads[index]!.median));
  const ranges = columns.map((column, index) => {
    const [low, high] = [show(column, spreads[index]!.min), show(column, spreads[index]!.max)];
    return low === high ? "" : `${low}–${high}`;
  });
  const first = [name, ...medians, ...ratios];
  return results.length > 1 ? [first, ["  min–max", ...ranges]] : [first];
}

export function fanoutTable(scenario: FanoutScenario, rows: Row[], all: Row[]): string {
  const base = rows.find((row) => row.server === scenario.servers[0]);
  const { reference } = scenario;
  const referenceRow = all.find(
    (row) => row.scenario.name === reference?.scenario && row.server === reference.server,
  );
  const head = [
    "",
    ...columns.map((column) => column.title),
    "vs control: rate",
    "p99",
    ...(reference ? [`p99 vs ${reference.scenario}`] : []),
  ];
  const ratios = (row: Row) => [
    ratio(row, base, (r) => r.perSecond),
    ratio(row, base, (r) => r.latency.p99),
    ...(reference ? [ratio(row, referenceRow, (r) => r.latency.p99)] : []),
  ];
  const lines = [head, ...rows.flatMap((row) => linesOf(row, ratios(row)))];
  const remarks = rows
    .map((row) => [row.server, notes(row)] as const)
    .filter(([, note]) => note !== "")
    .map(([server, note]) => `  ${server}: ${note}`);
  return [table(lines), ...remarks].join("\n");
}
