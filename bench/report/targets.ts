// Thump's performance targets as data, and a check of whether a run meets them.
import { resolveRule } from "../../src/rooms/rule.ts";
import type { Report, Row, Window } from "../results.ts";
import { figure, type Of, resultsOf } from "./figures.ts";
import { worstCost, worstExcess } from "./tables/hostile.ts";
import { judge } from "./verdict.ts";
import { count, digits, mebibytes, times } from "./words.ts";

type Measure = (row: Row, report: Report) => number | undefined;

interface Target {
  title: string;
  wanted: string;
  scenario: string;
  /** Default: `thump`. */
  server?: string;
  measure: Measure;
  /** The reference, if any. The target then applies to the measured value divided by the reference's value. */
  against?: { scenario: string; server: string; measure: Measure };
  /** The limit is a minimum or a maximum: either `least` or `most` is set. */
  least?: number;
  most?: number;
  show(value: number): string;
}

export interface Outcome {
  title: string;
  wanted: string;
  state: "met" | "missed" | "not measured";
  /** The figure, or the reason why there is none. */
  measured: string;
}

const median =
  <K extends Parameters<typeof resultsOf>[1]>(
    kind: K,
    value: (result: Of<K>) => number | undefined,
  ): Measure =>
  (row) =>
    figure(resultsOf(row, kind), value)?.median;

const p99 = <K extends Parameters<typeof resultsOf>[1]>(
  kind: K,
  window: (result: Of<K>) => Window,
): Measure => median(kind, (result) => window(result).latency.p99);

const fanoutRate = median("fanout", (result) => result.window.perSecond);
const fanoutP99 = p99("fanout", (result) => result.window);
const kneeRate = median("knee", (result) => result.knee?.rate);
const perSession = median("idle", (result) => result.perSession);
const storm = median("resume", (result) => result.seconds);
const slowGrowth = median("slow", (result) => result.rss.most - result.rss.before);
const slowRatio: Measure = (row, report) => {
  const before = p99("slow", (result) => result.before)(row, report);
  const during = p99("slow", (result) => result.during)(row, report);
  return before && during !== undefined ? during / before : undefined;
};
/** The default size limit of a room's history. */
const HISTORY_BYTES = resolveRule("*").retention.bytes;
const MAX_SLOW_GROWTH_BYTES = 64 * 2 ** 20;

function control(scenario: string, measure: Measure) {
  return { scenario, server: "control", measure };
}

/** The two targets for each fan-out rate. */
function fanout(scenario: string, title: string): Target[] {
  const common = { title, scenario, show: times };
  return [
    {
      ...common,
      wanted: "≥ 0.9 × control's deliveries/s, 100 % delivered",
      measure: fanoutRate,
      against: control(scenario, fanoutRate),
      least: 0.9,
    },
    {
      ...common,
      wanted: "p99 ≤ 1.5 × control's",
      measure: fanoutP99,
      against: control(scenario, fanoutP99),
      most: 1.5,
    },
  ];
}

const targets: Target[] = [
  ...fanout("ws-1000", "WebSocket fan-out, 1,000 × 1,000/s"),
  ...fanout("ws-4000", "WebSocket fan-out, 1,000 × 4,000/s"),
  {
    title: "SSE fan-out, 1,000 × 1,000/s",
    wanted: "p99 ≤ 3 × the WebSocket control's, 100 % delivered",
    scenario: "sse-1000",
    measure: fanoutP99,
    against: control("ws-1000", fanoutP99),
    most: 3,
    show: times,
  },
  {
    title: "Idle WebSocket sessions",
    wanted: "≤ 4,096 bytes each",
    scenario: "idle-ws",
    measure: perSession,
    most: 4_096,
    show: (value) => `${Math.round(value).toLocaleString("en")} bytes`,
  },
  {
    title: "Idle SSE sessions",
    wanted: "≤ 8,192 bytes each",
    scenario: "idle-sse",
    measure: perSession,
    most: 8_192,
    show: (value) => `${Math.round(value).toLocaleString("en")} bytes`,
  },
  {
    title: "Resume storm",
    wanted: "all messages recovered, time ≤ 3 × control's",
    scenario: "resume",
    measure: storm,
    against: control("resume", storm),
    most: 3,
    show: times,
  },
  {
    title: "Slow consumers: other clients",
    wanted: "p99 during the stall ≤ 1.2 × before",
    scenario: "slow",
    measure: slowRatio,
    most: 1.2,
    show: times,
  },
  {
    title: "Slow consumers: memory",
    wanted: `growth ≤ 64 MiB + a full history (${mebibytes(HISTORY_BYTES)} MiB)`,
    scenario: "slow",
    measure: slowGrowth,
    most: MAX_SLOW_GROWTH_BYTES + HISTORY_BYTES,
    show: (value) => `${mebibytes(value)} MiB`,
  },
  {
    title: "Attacks except handshakes: other clients",
    wanted: "worst p99 ≤ 1.2 × without an attack, or ≤ 1.2 × the control's",
    scenario: "hostile",
    server: "thump-public",
    measure: (row, report) => worstExcess(row, rowOfServer(report, row, "control")),
    most: 1.2,
    show: times,
  },
  {
    title: "Attacks: CPU time per request",
    wanted: "≤ 50 ms",
    scenario: "hostile",
    server: "thump-public",
    measure: worstCost,
    most: 50,
    show: (value) => `${digits(value)} ms`,
  },
  {
    title: "Publishing, raw WebSocket",
    wanted: "≥ 100,000/s on one core",
    scenario: "in-raw",
    measure: kneeRate,
    least: 100_000,
    show: (value) => `${count(value)}/s`,
  },
  {
    title: "Publishing, HTTP",
    wanted: "≥ 15,000/s on one core",
    scenario: "in-http",
    measure: kneeRate,
    least: 15_000,
    show: (value) => `${count(value)}/s`,
  },
];

/** Returns another server's row in the same scenario. */
function rowOfServer({ rows }: Report, { scenario }: Row, server: string): Row | undefined {
  return rows.find((row) => row.scenario === scenario && row.server === server);
}

/** Returns a row's figure, or the reason why it has none. */
function measured(row: Row | undefined, measure: Measure, report: Report): number | string {
  if (!row) return "";
  const { claims, state, why } = judge(row);
  if (!claims) return `${row.server} ${state}: ${why}`;
  return measure(row, report) ?? "";
}

/** Returns a rig-bound row's value if the value meets the target, because the server can handle at least that much. */
function rigBoundValue(
  row: Row | undefined,
  { measure, against, least }: Target,
  report: Report,
): number | undefined {
  if (!row || against || least === undefined || judge(row).state !== "rig-bound") return undefined;
  const value = measure(row, report);
  return value !== undefined && value >= least ? value : undefined;
}

function evaluate(target: Target, report: Report): Outcome {
  const find = (scenario: string, server: string) =>
    report.rows.find((row) => row.scenario === scenario && row.server === server);
  const { title, wanted, against } = target;
  const not = (why: string): Outcome => ({ title, wanted, state: "not measured", measured: why });
  const row = find(target.scenario, target.server ?? "thump");
  const least = rigBoundValue(row, target, report);
  if (least !== undefined) return { title, wanted, state: "met", measured: `≥ ${target.show(least)}` };
  const own = measured(row, target.measure, report);
  if (typeof own === "string") {
    // Thump was measured and failed, so the target counts as missed, not as unmeasured.
    const failed = row && ["fault", "incomplete", "failed"].includes(judge(row).state);
    return failed ? { title, wanted, state: "missed", measured: own } : not(own);
  }
  const other = against ? measured(find(against.scenario, against.server), against.measure, report) : 1;
  if (typeof other === "string") return not(other === "" ? `no ${against?.server} in this run` : other);
  const value = own / other;
  const met = value >= (target.least ?? -Infinity) && value <= (target.most ?? Infinity);
  return { title, wanted, state: met ? "met" : "missed", measured: target.show(value) };
}

/** Every target, always in the same order. */
export function outcomes(report: Report): Outcome[] {
  return targets.map((target) => evaluate(target, report));
}

/** The targets of the scenarios that were run, and the number of other targets. */
export function measuredTargets(report: Report): { outcomes: Outcome[]; others: number } {
  const ran = new Set(report.scenarios.map(({ name }) => name));
  const all = outcomes(report).filter((_, index) => ran.has(targets[index]!.scenario));
  return { outcomes: all, others: targets.length - all.length };
}

export function targetsText(report: Report): string {
  const { outcomes: all, others } = measuredTargets(report);
  const rest = others === 0 ? [] : [`  ${others} more: run bun bench --targets`];
  if (all.length === 0) return ["Targets", ...rest].join("\n");
  const rows = all.map(({ title, wanted, state, measured: text }) => {
    const words = state === "met" ? "met" : state === "missed" ? "MISSED" : "not measured";
    return [words.padEnd(12), title, wanted, text] as const;
  });
  const width = (column: 1 | 2) => Math.max(...rows.map((row) => row[column].length));
  const [titles, wanteds] = [width(1), width(2)];
  const lines = rows.map(([state, title, wanted, text]) =>
    `  ${state}  ${title.padEnd(titles)}  ${wanted.padEnd(wanteds)}  ${text}`.trimEnd(),
  );
  return ["Targets", ...lines, ...rest].join("\n");
}
