// The comparison of two results files: only differences beyond the noise count.
import { describe, expect, test } from "bun:test";
import { compareText } from "../../bench/report/compare-text.ts";
import { anySlower, compare, type Difference } from "../../bench/report/compare.ts";
import type { Report, Row } from "../../bench/results.ts";
import { idleOf, kneeOf, reportOf, rowOf, scenarioOf, windowOf, type WindowOptions } from "./support.ts";

const scenarios = [scenarioOf("ws", "fanout"), scenarioOf("knee", "knee"), scenarioOf("idle", "idle")];
const fanout = (...windows: WindowOptions[]) =>
  rowOf("ws", "thump", ...windows.map((one) => ({ kind: "fanout" as const, window: windowOf(one) })));
const rates = (...perSecond: number[]) => fanout(...perSecond.map((one) => ({ perSecond: one })));
const report = (...rows: Row[]) => reportOf(scenarios, rows);
const elsewhere = (one: Report): Report => ({ ...one, machine: { ...one.machine, cpu: "Another" } });
const of = (all: Difference[], server: string, figure: string) =>
  all.find((one) => one.server === server && one.figure.startsWith(figure));
const verdict = (before: Row, after: Row, figure: string) =>
  of(compare(report(before), report(after)), "thump", figure)?.verdict;

describe("a figure", () => {
  test("is slower or faster if the ranges do not overlap and the medians differ enough", () => {
    expect(verdict(rates(100, 101, 102), rates(80, 85, 88), "deliveries")).toBe("slower");
    expect(verdict(rates(100, 101, 102), rates(120, 125, 130), "deliveries")).toBe("faster");
  });

  test("is the same if the ranges overlap, however different the medians", () => {
    expect(verdict(rates(80, 150, 151), rates(60, 70, 80), "deliveries")).toBe("same");
  });

  test("is the same if the medians are close, however narrow the ranges", () => {
    expect(verdict(rates(100, 100, 100), rates(91, 91, 91), "deliveries")).toBe("same");
    expect(verdict(rates(100, 100, 100), rates(89, 89, 89), "deliveries")).toBe("slower");
  });

  test("for CPU time counts above 5 %, and less is faster", () => {
    const cost = (micros: number) => {
      const server = { microsPerDelivery: micros };
      return fanout({ server }, { server });
    };
    expect(verdict(cost(1), cost(1.04), "µs")).toBe("same");
    expect(verdict(cost(1), cost(1.06), "µs")).toBe("slower");
    expect(verdict(cost(1), cost(0.9), "µs")).toBe("faster");
  });

  test("from one run has no verdict", () => {
    const line = of(compare(report(rates(100)), report(rates(10))), "thump", "deliveries");
    expect(line).toMatchObject({ verdict: "no verdict", words: "one run: no verdict", ratio: 0.1 });
  });

  test("for memory is called larger, and counts as slower", () => {
    const idle = (bytes: number) => rowOf("idle", "thump", idleOf(bytes), idleOf(bytes));
    const all = compare(report(idle(2_000)), report(idle(2_500)));
    expect(of(all, "thump", "KiB")).toMatchObject({ verdict: "slower", words: "larger" });
    expect(anySlower(all)).toBe(true);
  });
});

describe("a sweep", () => {
  const sweep = (knee: number, p99: number) => {
    const at = windowOf({ rate: knee, p99: 90 });
    return kneeOf(at, { windows: [windowOf({ rate: 500, p99: 1 }), windowOf({ rate: 1_000, p99 }), at] });
  };

  test("is compared by its knee, and by p99 at the highest rate that all runs sustained", () => {
    const before = rowOf("knee", "thump", sweep(3_000, 10), sweep(3_100, 10));
    const after = rowOf("knee", "thump", sweep(2_000, 20), sweep(2_100, 20));
    const all = compare(report(before), report(after));
    expect(of(all, "thump", "messages/s")).toMatchObject({ before: 3_050, after: 2_050, verdict: "slower" });
    expect(of(all, "thump", "p99 ms at 1,000/s")).toMatchObject({ ratio: 2, verdict: "slower" });
  });
});

describe("a row", () => {
  test("with a new fault is worse; a row with a fault in both files has no verdict", () => {
    const good = rates(100, 100);
    const bad = fanout({ faults: { lost: 2 } }, {});
    const worse = compare(report(good), report(bad));
    expect(worse).toHaveLength(1);
    expect(worse[0]).toMatchObject({ verdict: "slower", words: "fault now: 2 lost; it was sound before" });
    expect(anySlower(compare(report(bad), report(good)))).toBe(false);
  });

  test("in only one file is reported; a row skipped in both is not", () => {
    const skipped = { ...rowOf("ws", "peer"), skipped: "not installed" };
    const all = compare(report(rates(100, 100), skipped), report(skipped));
    expect(all).toHaveLength(1);
    expect(all[0]).toMatchObject({ server: "thump", verdict: "no verdict", words: "only in the old file" });
  });

  test("in a changed scenario is not compared", () => {
    const changed = { ...report(rates(10, 10)), scenarios: [{ ...scenarioOf("ws", "fanout"), size: 128 }] };
    expect(anySlower(compare(report(rates(100, 100)), changed))).toBe(false);
  });
});

describe("two machines", () => {
  const control = (...perSecond: number[]) => ({ ...rates(...perSecond), server: "control" });

  test("are compared only by ratios to the base", () => {
    const before = report(control(100, 100), rates(90, 90));
    const half = compare(before, elsewhere(report(control(50, 50), rates(45, 45))));
    expect(of(half, "control", "")).toBeUndefined();
    expect(of(half, "thump", "deliveries/s vs control")).toMatchObject({
      before: 0.9,
      after: 0.9,
      verdict: "same",
    });
    const worse = compare(before, elsewhere(report(control(200, 200), rates(90, 90))));
    expect(of(worse, "thump", "deliveries/s vs control")?.verdict).toBe("slower");
  });

  test("are not compared without a sound base", () => {
    const all = compare(report(rates(90, 90)), elsewhere(report(rates(10, 10))));
    expect(all.map(({ words }) => words)).toEqual(["no sound control in both files"]);
  });

  test("are reported as different in the first line", () => {
    const [a, b] = [report(rates(90, 90)), report(rates(90, 90))];
    expect(compareText(a, b, compare(a, b))).toStartWith("old: ");
    expect(compareText(a, elsewhere(b), compare(a, elsewhere(b)))).toStartWith("The machines differ: ");
  });
});

test("the text marks slower figures and ends with a summary", () => {
  const [a, b] = [report(rates(100, 101)), report(rates(50, 51))];
  const text = compareText(a, b, compare(a, b));
  expect(text).toMatch(/thump +deliveries\/s .*0\.50× +slower ▼/);
  expect(text).toContain("1 slower or larger, 0 faster or smaller, 3 the same, 0 without a verdict");
});
