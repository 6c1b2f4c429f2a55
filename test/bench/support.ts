// Builds results files for tests of the report.
import { build, encodeIntoCompressedBase64 } from "hdr-histogram-js";
import type {
  Faults,
  IdleResult,
  KneeResult,
  Latency,
  Report,
  ResumeResult,
  Row,
  ScenarioInfo,
  ServerInfo,
  SlowResult,
  Window,
} from "../../bench/results.ts";

export const noFaults: Faults = {
  lost: 0,
  repeated: 0,
  disordered: 0,
  corrupted: 0,
  foreign: 0,
  closed: 0,
  undelivered: 0,
};

/** A histogram of values in milliseconds, in the format of a results file. */
export function histogramOf(milliseconds: number[]): string {
  const histogram = build({ highestTrackableValue: 120_000_000, numberOfSignificantValueDigits: 3 });
  for (const value of milliseconds) histogram.recordValue(Math.round(value * 1000));
  return encodeIntoCompressedBase64(histogram);
}

export function latencyOf(p99: number): Latency {
  return { p50: p99 / 4, p90: p99 / 2, p99, p999: p99 * 1.5, max: p99 * 2 };
}

/** A hundred deliveries: 90 with half this latency, 10 with this latency, which is therefore the p99. */
function spreadOut(p99: number): string {
  return histogramOf(Array.from({ length: 100 }, (_, index) => (index < 90 ? p99 / 2 : p99)));
}

export interface WindowOptions extends Partial<Omit<Window, "faults" | "server" | "rig">> {
  p99?: number;
  faults?: Partial<Faults>;
  server?: Partial<Window["server"]>;
  rig?: Partial<Window["rig"]>;
}

export function windowOf({ p99 = 10, ...options }: WindowOptions = {}): Window {
  const rate = options.rate ?? 1_000;
  return {
    rate,
    seconds: 3,
    delivered: 1,
    perSecond: rate * 1_000,
    latency: latencyOf(p99),
    histogram: spreadOut(p99),
    others: 0.02,
    ...options,
    faults: { ...noFaults, ...options.faults },
    server: {
      cpu: 0.5,
      microsPerDelivery: 0.25,
      microsPerMessage: 250,
      rss: 80 * 2 ** 20,
      ...options.server,
    },
    rig: { cpu: 0.4, lagP50: 0.01, lagP99: 0.05, lagMax: 0.2, lookP99: 1, ...options.rig },
  };
}

export function kneeOf(knee: Window | undefined, options: Partial<KneeResult> = {}): KneeResult {
  const windows = knee ? [windowOf({ rate: knee.rate / 2, p99: 5 }), knee] : [];
  return { kind: "knee", bound: 100, windows, knee, limit: "server", ...options };
}

export function idleOf(perSession: number, options: Partial<IdleResult> = {}): IdleResult {
  const sessions = 15_000;
  const rssEmpty = 40 * 2 ** 20;
  const rssOpen = rssEmpty + perSession * sessions;
  return {
    kind: "idle",
    sessions,
    rssEmpty,
    rssOpen,
    perSession,
    cpu: 0.01,
    opening: 4,
    reached: sessions,
    faults: noFaults,
    ...options,
  };
}

export function resumeOf(seconds: number, options: Partial<ResumeResult> = {}): ResumeResult {
  const latency = latencyOf(seconds * 1_000);
  return {
    kind: "resume",
    sessions: 5_000,
    missed: 100,
    seconds,
    latency,
    recovered: 1,
    rss: 2 ** 27,
    faults: noFaults,
    ...options,
  };
}

export function slowOf(before: number, during: number, mostMiB = 120): SlowResult {
  const timeline = Array.from({ length: 20 }, (_, at) => {
    const stopped = at >= 5 && at < 15;
    const p99 = stopped ? during : before;
    return {
      at,
      p50: p99 / 4,
      p99,
      max: p99 * 2,
      deliveries: 90_000,
      rss: (stopped ? mostMiB : 80) * 2 ** 20,
    };
  });
  return {
    kind: "slow",
    before: windowOf({ p99: before }),
    during: windowOf({ p99: during }),
    after: windowOf({ p99: before }),
    timeline,
    stopped: 5,
    resumed: 15,
    rss: { before: 80 * 2 ** 20, most: mostMiB * 2 ** 20, after: 85 * 2 ** 20 },
    stalled: { sessions: 100, missing: 12_000, announced: 100, closed: 0 },
  };
}

export function scenarioOf(name: string, kind: ScenarioInfo["kind"]): ScenarioInfo {
  return { name, kind, title: `What ${name} measures`, subscribers: 1_000, size: 64, base: "control" };
}

export function rowOf(scenario: string, server: string, ...results: Row["results"]): Row {
  return { scenario, server, results };
}

const servers: ServerInfo[] = [
  { name: "control", title: "a bare Bun.serve", tier: "live", settings: "none" },
  { name: "peer", title: "Peer 1.2 on Node", tier: "live", settings: "as in its guide", version: "1.2.0" },
  { name: "thump", title: "Thump", tier: "history", settings: "defaults", version: "0.1.0" },
];

/** A results file with these scenarios and rows. */
export function reportOf(scenarios: ScenarioInfo[], rows: Row[], options: Partial<Report> = {}): Report {
  const machine = {
    cpu: "A processor",
    cores: 2,
    memoryGiB: 8,
    kernel: "linux 6.1",
    congestion: "cubic",
    bun: "1.4.5",
    date: "2026-11-22T10:00:00.000Z",
  };
  return {
    format: 1,
    machine,
    versions: { thump: "0.1.0 (abcdef0)" },
    pinned: true,
    command: "bun bench",
    took: 180,
    scenarios,
    servers,
    rows,
    ...options,
  };
}
