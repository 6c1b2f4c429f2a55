// The verdict on a row, and figures that combine several runs.
import { describe, expect, test } from "bun:test";
import { figure, merged } from "../../bench/report/figures.ts";
import { judge } from "../../bench/report/verdict.ts";
import {
  histogramOf,
  idleOf,
  kneeOf,
  resumeOf,
  rowOf,
  slowOf,
  windowOf,
  type WindowOptions,
} from "./support.ts";

const judged = (...windows: WindowOptions[]) =>
  judge(rowOf("ws", "thump", ...windows.map((one) => ({ kind: "fanout" as const, window: windowOf(one) }))));

describe("a row", () => {
  test("that delivered everything is sound", () => {
    expect(judged({}, {}, {})).toEqual({ state: "sound", claims: true, why: "", notes: [] });
  });

  test.each(["lost", "repeated", "disordered", "corrupted"] as const)(
    "with %s messages is a fault",
    (name) => {
      const verdict = judged({}, { faults: { [name]: 2 } }, { faults: { [name]: 1 } });
      expect(verdict).toMatchObject({ state: "fault", claims: false, why: `3 ${name}` });
    },
  );

  test("with undelivered messages after the grace period is incomplete", () => {
    const verdict = judged({ delivered: 0.98765, faults: { undelivered: 1_234 } });
    expect(verdict).toMatchObject({ state: "incomplete", claims: false });
    expect(verdict.why).toBe("98.76% delivered, 1,234 undelivered after the grace period");
  });

  test("with a generator that used over 90 % of its core in any run is rig-bound", () => {
    expect(judged({ rig: { cpu: 0.9 } }).state).toBe("sound");
    expect(judged({}, { rig: { cpu: 0.91 } })).toMatchObject({ state: "rig-bound", claims: false });
  });

  test("disturbed by other processes has a note with the number of runs", () => {
    expect(judged({ others: 0.2 }).notes).toEqual([]);
    expect(judged({}, { others: 0.21 }, {}).notes).toEqual(["disturbed by other processes in 1 of 3 runs"]);
  });

  test("with a stall has a note with its length, only if percentiles hide it", () => {
    const latency = { p50: 2, p90: 3, p99: 4, p999: 5, max: 100 };
    expect(judged({ latency }, { latency: { ...latency, max: 80 } }).notes).toEqual(["stalled up to 100 ms"]);
    expect(judged({ latency: { ...latency, p50: 11 } }).notes).toEqual([]);
    expect(judged({ latency: { ...latency, p50: 1, max: 49 } }).notes).toEqual([]);
  });

  test("with closed connections has a note", () => {
    expect(judged({ faults: { closed: 3, foreign: 1 } }).notes).toEqual(["1 foreign, 3 closed"]);
  });

  test("with a late generator has a note", () => {
    expect(judged({ rig: { lagP99: 4.5 } }).notes).toEqual(["the generator sent late: p99 up to 4.50 ms"]);
  });

  test("that was skipped or failed has a one-line reason", () => {
    expect(judge({ ...rowOf("ws", "peer"), skipped: "not installed: bun bench peers" })).toMatchObject({
      state: "skipped",
      why: "not installed: bun bench peers",
    });
    expect(judge({ ...rowOf("ws", "peer"), problem: "the server ended\n  at once" })).toMatchObject({
      state: "failed",
      claims: false,
      why: "the server ended",
    });
    expect(judge(rowOf("ws", "peer")).state).toBe("failed");
  });
});

describe("a sweep", () => {
  const knee = windowOf({ rate: 2_000, p99: 80 });
  const broken = { faults: { lost: 5 } };

  test("is judged by its knee and lower rates, not by higher rates", () => {
    const beyond = kneeOf(knee, { windows: [knee, windowOf({ rate: 4_000, ...broken })] });
    expect(judge(rowOf("knee", "thump", beyond))).toMatchObject({
      state: "sound",
      notes: ["beyond the knee: 5 lost"],
    });
    const below = kneeOf(knee, { windows: [windowOf({ rate: 1_000, ...broken }), knee] });
    expect(judge(rowOf("knee", "thump", below)).state).toBe("fault");
  });

  test("limited by the generator is rig-bound; a sweep that ran out of rates is a lower bound", () => {
    expect(judge(rowOf("knee", "thump", kneeOf(knee, { limit: "rig" }))).state).toBe("rig-bound");
    expect(judge(rowOf("knee", "thump", kneeOf(knee, { limit: "sweep" }))).notes).toEqual([
      "the highest rate of the sweep passed: the knee is at least this",
    ]);
  });

  test("without a knee is incomplete", () => {
    const result = kneeOf(undefined, { windows: [windowOf({ rate: 100, delivered: 0.5, p99: 900 })] });
    expect(judge(rowOf("knee", "peer", result))).toMatchObject({
      state: "incomplete",
      why: "no rate passed: at 100/s 50.00% delivered, p99 900 ms",
    });
  });
});

describe("other kinds", () => {
  test("idle sessions must all be reached", () => {
    expect(judge(rowOf("idle", "thump", idleOf(2_048))).claims).toBe(true);
    expect(judge(rowOf("idle", "thump", idleOf(2_048, { reached: 14_999 }))).why).toBe(
      "reached 14,999 of 15,000 sessions",
    );
  });

  test("a resume storm must recover all missed messages", () => {
    expect(judge(rowOf("resume", "thump", resumeOf(2))).claims).toBe(true);
    expect(judge(rowOf("resume", "peer", resumeOf(2, { recovered: 0.5 }))).state).toBe("incomplete");
  });

  test("slow clients that missed messages without a notice are reported", () => {
    const notified = slowOf(5, 5);
    const silent = { ...notified, stalled: { ...notified.stalled, announced: 0 } };
    expect(judge(rowOf("slow", "thump", notified)).notes).toEqual([]);
    expect(judge(rowOf("slow", "peer", silent)).notes).toEqual([
      "slow clients missed 12,000 messages without a notice",
    ]);
  });
});

describe("figures", () => {
  test("are medians with minimum and maximum", () => {
    expect(figure([3, 1, 2], (value) => value)).toEqual({ median: 2, min: 1, max: 3, runs: 3 });
    expect(figure([4, 1], (value) => value)).toEqual({ median: 2.5, min: 1, max: 4, runs: 2 });
    expect(figure([NaN, undefined], (value) => value)).toBeUndefined();
  });

  test("for latency come from all deliveries together, not from an average of percentiles", () => {
    const quiet = windowOf({ histogram: histogramOf(Array.from({ length: 990 }, () => 1)) });
    const loud = windowOf({ histogram: histogramOf(Array.from({ length: 10 }, () => 500)) });
    const latency = merged([quiet, loud]);
    expect(latency?.p50).toBeCloseTo(1, 1);
    expect(latency?.p99).toBeCloseTo(1, 1);
    expect(latency?.p999).toBeGreaterThan(499);
    expect(merged([])).toBeUndefined();
  });
});
