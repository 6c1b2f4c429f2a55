// Targets are met, missed, or not measured. A row that is not sound never meets a target.
import { expect, test } from "bun:test";
import { outcomes, targetsText } from "../../bench/report/targets.ts";
import type { Row } from "../../bench/results.ts";
import {
  idleOf,
  kneeOf,
  reportOf,
  resumeOf,
  rowOf,
  scenarioOf,
  slowOf,
  windowOf,
  type WindowOptions,
} from "./support.ts";

const fanout = (scenario: string, server: string, options: WindowOptions) =>
  rowOf(scenario, server, { kind: "fanout", window: windowOf(options) });
const judged = (...rows: Row[]) => outcomes(reportOf([scenarioOf("ws-1000", "fanout")], rows));
const find = (title: string, wanted: string, ...rows: Row[]) =>
  judged(...rows).find((one) => one.title.startsWith(title) && one.wanted.includes(wanted));

test("an empty run measures no target", () => {
  const all = judged();
  expect(all).toHaveLength(14);
  expect(new Set(all.map(({ state }) => state))).toEqual(new Set(["not measured"]));
});

test("a fan-out is compared with the control in the same run", () => {
  const control = fanout("ws-1000", "control", { p99: 10 });
  const rate = (perSecond: number) =>
    find(
      "WebSocket fan-out, 1,000 × 1,000",
      "deliveries",
      control,
      fanout("ws-1000", "thump", { perSecond }),
    );
  expect(rate(900_000)).toMatchObject({ state: "met", measured: "0.90×" });
  expect(rate(890_000)).toMatchObject({ state: "missed", measured: "0.89×" });
  const p99 = (ms: number) =>
    find("WebSocket fan-out, 1,000 × 1,000", "p99", control, fanout("ws-1000", "thump", { p99: ms }));
  expect(p99(14)?.state).toBe("met");
  expect(p99(16)?.state).toBe("missed");
});

test("a faulty or incomplete row of Thump misses the target; without a sound control the target is not measured", () => {
  const control = fanout("ws-4000", "control", {});
  const title = "WebSocket fan-out, 1,000 × 4,000";
  const faulty = fanout("ws-4000", "thump", { faults: { lost: 1 } });
  expect(find(title, "p99", control, faulty)).toMatchObject({
    state: "missed",
    measured: "thump fault: 1 lost",
  });
  expect(find(title, "p99", control, fanout("ws-4000", "thump", { delivered: 0.99 }))?.state).toBe("missed");
  expect(find(title, "p99", control, fanout("ws-4000", "thump", { rig: { cpu: 0.95 } }))?.state).toBe(
    "not measured",
  );
  expect(find(title, "p99", fanout("ws-4000", "thump", {}))).toMatchObject({
    state: "not measured",
    measured: "no control in this run",
  });
  const broken = fanout("ws-4000", "control", { faults: { repeated: 1 } });
  expect(find(title, "p99", broken, fanout("ws-4000", "thump", {}))?.measured).toBe(
    "control fault: 1 repeated",
  );
});

test("an event stream is compared with the WebSocket control", () => {
  const control = fanout("ws-1000", "control", { p99: 10 });
  const at = (p99: number) =>
    find("SSE fan-out", "p99", control, fanout("sse-1000", "thump", { p99 }))?.state;
  expect(at(29)).toBe("met");
  expect(at(31)).toBe("missed");
});

test("memory, storms, slow clients and publishing have separate limits", () => {
  const state = (title: string, wanted: string, ...rows: Row[]) => find(title, wanted, ...rows)?.state;
  const idle = (bytes: number) => rowOf("idle-ws", "thump", idleOf(bytes));
  expect([state("Idle Web", "", idle(4_096)), state("Idle Web", "", idle(4_097))]).toEqual(["met", "missed"]);
  const sse = (bytes: number) => rowOf("idle-sse", "thump", idleOf(bytes));
  expect([state("Idle SSE", "", sse(8_192)), state("Idle SSE", "", sse(8_193))]).toEqual(["met", "missed"]);

  const storm = rowOf("resume", "control", resumeOf(1));
  expect(state("Resume", "", storm, rowOf("resume", "thump", resumeOf(3)))).toBe("met");
  expect(state("Resume", "", storm, rowOf("resume", "thump", resumeOf(3.1)))).toBe("missed");
  expect(state("Resume", "", storm, rowOf("resume", "thump", resumeOf(1, { recovered: 0.99 })))).toBe(
    "missed",
  );

  const slow = (during: number, most: number) => rowOf("slow", "thump", slowOf(10, during, most));
  expect([state("Slow", "p99", slow(11, 90)), state("Slow", "p99", slow(13, 90))]).toEqual(["met", "missed"]);
  expect([state("Slow", "growth", slow(11, 145)), state("Slow", "growth", slow(11, 146))]).toEqual([
    "met",
    "missed",
  ]);

  const raw = (rate: number) => rowOf("in-raw", "thump", kneeOf(windowOf({ rate })));
  expect([state("Publishing, raw", "", raw(1e5)), state("Publishing, raw", "", raw(99_999))]).toEqual([
    "met",
    "missed",
  ]);
  const rigBound = (rate: number) => rowOf("in-raw", "thump", kneeOf(windowOf({ rate }), { limit: "rig" }));
  expect(state("Publishing, raw", "", rigBound(2e5))).toBe("met");
  expect(state("Publishing, raw", "", rigBound(9e4))).toBe("not measured");
  const http = rowOf("in-http", "thump", kneeOf(windowOf({ rate: 14_000 })));
  expect(state("Publishing, HTTP", "", http)).toBe("missed");
});

test("the text has a line per measured target, and the number of others", () => {
  const report = reportOf([scenarioOf("idle-ws", "idle")], [rowOf("idle-ws", "thump", idleOf(5_000))]);
  const lines = targetsText(report).split("\n");
  expect(lines).toHaveLength(3);
  expect(lines[2]).toContain("13 more");
  expect(lines.find((line) => line.includes("Idle WebSocket"))).toMatch(/^ {2}MISSED .* 5,000 bytes$/);
});
