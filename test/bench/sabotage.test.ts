// The benchmark must detect a server that loses, repeats, swaps or changes messages, or that stalls.
import { expect } from "bun:test";
import { join } from "node:path";
import type { Adapter } from "../../bench/adapter.ts";
import type { Dialect } from "../../bench/dialect.ts";
import { judge } from "../../bench/report/verdict.ts";
import type { FanoutResult, Row } from "../../bench/results.ts";
import { fanout } from "../../bench/runner/kinds/fanout.ts";
import { Sweep } from "../../bench/runner/kinds/knee.ts";
import { quick } from "../../bench/runner/pace.ts";
import { Rig } from "../../bench/runner/rig.ts";
import type { Scenario } from "../../bench/scenarios.ts";
import { longTests } from "../support/long.ts";
import { describeIf, notLinux } from "../support/skip.ts";

const longTest = longTests(7);

const script = join(import.meta.dir, "faulty-server.ts");
const socket: Dialect = { transport: "websocket", path: "/", publish: "{message}", verbatim: true };

function faulty(...options: string[]): Adapter {
  return {
    name: "faulty",
    title: "a server with deliberate faults",
    tier: "live",
    settings: options.join(" "),
    missing: () => undefined,
    command: (port) => [process.execPath, script, "--port", String(port), ...options],
    dialects: { websocket: socket, publish: socket },
  };
}

const scenario: Scenario = {
  name: "sabotage",
  title: "50 sockets × 1,000 msg/s",
  kind: "fanout",
  sets: [],
  servers: "all",
  base: "faulty",
  size: 64,
  rate: 1_000,
  subscribers: [{ dialect: "websocket", count: 50 }],
  publishers: { dialect: "publish", count: 1 },
};

/** Waiting ends as soon as every delivery has arrived, so a long grace period costs time only on a busy machine. */
const pace = { ...quick, gentle: 0.1, warmup: 0, seconds: 1, grace: 10 };
/** Seconds to wait for messages that the server has dropped. */
const DROP_GRACE_SECONDS = 0.5;

async function measured(seconds: number, grace: number, ...options: string[]): Promise<FanoutResult> {
  return Rig.use(
    faulty(...options),
    scenario,
    () => {},
    (rig) => fanout(rig, { ...pace, seconds, grace }),
  );
}

function rowOf(result: FanoutResult): Row {
  return { scenario: scenario.name, server: "faulty", results: [result] };
}

/** Timeout in ms: a busy machine starts processes slowly. */
const TIMEOUT_MS = 60_000;

describeIf(notLinux)("the benchmark", () => {
  longTest(
    "finds no fault in a correct server",
    async () => {
      const { window } = await measured(1, pace.grace);
      expect(window.delivered).toBe(1);
      expect(Object.values(window.faults)).toEqual([0, 0, 0, 0, 0, 0, 0]);
    },
    TIMEOUT_MS,
  );

  longTest(
    "catches one message in 10,000 that is dropped",
    async () => {
      const result = await measured(1, DROP_GRACE_SECONDS, "--fault", "drop");
      expect(result.window.faults.lost).toBeGreaterThan(0);
      expect(result.window.delivered).toBeLessThan(1);
      expect(judge(rowOf(result))).toMatchObject({ state: "fault" });
    },
    TIMEOUT_MS,
  );

  longTest(
    "catches two messages that are swapped",
    async () => {
      const result = await measured(1, pace.grace, "--fault", "swap");
      expect(result.window.faults.disordered).toBeGreaterThan(0);
      // A late message does not count as lost.
      expect(result.window.faults.lost).toBe(0);
      expect(judge(rowOf(result))).toMatchObject({ state: "fault" });
    },
    TIMEOUT_MS,
  );

  longTest(
    "catches a duplicate message",
    async () => {
      const result = await measured(1, pace.grace, "--fault", "repeat");
      expect(result.window.faults.repeated).toBeGreaterThan(0);
      expect(judge(rowOf(result))).toMatchObject({ state: "fault" });
    },
    TIMEOUT_MS,
  );

  longTest(
    "catches one changed byte",
    async () => {
      const result = await measured(1, pace.grace, "--fault", "corrupt");
      expect(result.window.faults.corrupted).toBeGreaterThan(0);
      expect(judge(rowOf(result))).toMatchObject({ state: "fault" });
    },
    TIMEOUT_MS,
  );

  longTest(
    "catches a server that sleeps for 100 ms every 5 s, in the latency of every message that waited",
    async () => {
      const { window } = await measured(6, pace.grace, "--fault", "stall", "--every", "5000");
      // A closed-loop generator would have seen one late message. An open loop sees every message that was due during
      // the stall: 100 of 6,000, which also affects the 99th percentile.
      expect(window.latency.max).toBeGreaterThanOrEqual(90);
      expect(window.latency.p99).toBeGreaterThan(20);
    },
    TIMEOUT_MS,
  );

  longTest(
    "finds no knee for a server that loses messages at every rate",
    async () => {
      const sweep = new Sweep(
        faulty("--fault", "drop", "--every", "100"),
        { ...scenario, kind: "knee" },
        { ...pace, step: 0.25, grace: DROP_GRACE_SECONDS },
      );
      const result = await sweep.run(() => {});
      expect(result.knee).toBeUndefined();
      expect(result.windows.every(({ faults }) => faults.lost > 0)).toBe(true);
    },
    TIMEOUT_MS,
  );
});
