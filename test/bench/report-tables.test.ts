// The tables in the terminal, and the progress line.
import { expect, test } from "bun:test";
import { Progress } from "../../bench/report/progress.ts";
import { scenarioText } from "../../bench/report/tables.ts";
import { idleOf, kneeOf, reportOf, rowOf, scenarioOf, windowOf } from "./support.ts";

const scenario = scenarioOf("ws-knee", "knee");
const knee = (rate: number, lost = 0) => kneeOf(windowOf({ rate, p99: 80, faults: { lost } }));
const lineOf = (text: string, start: string) =>
  text.split("\n").find((line) => line.trim().startsWith(start));

test("servers are grouped by tier, each with its ratio to the base", () => {
  const rows = [
    rowOf("ws-knee", "control", knee(4_000), knee(4_200), knee(3_900)),
    rowOf("ws-knee", "thump", knee(3_000), knee(3_000), knee(3_000)),
    { ...rowOf("ws-knee", "peer"), skipped: "not installed: bun bench peers" },
  ];
  const text = scenarioText(reportOf([scenario], rows), scenario);
  expect(text.indexOf("at most once")).toBeLessThan(text.indexOf("with history"));
  expect(text.indexOf("peer skipped")).toBeLessThan(text.indexOf("with history"));
  expect(text.indexOf("with history")).toBeLessThan(text.indexOf("  thump"));
  expect(lineOf(text, "peer")).toBe("  peer skipped: not installed: bun bench peers");
  expect(lineOf(text, "control")).toContain("4.00M");
  expect(lineOf(text, "min–max")).toContain("3.90M–4.20M");
  expect(lineOf(text, "thump")?.endsWith("0.75×")).toBe(true);
});

test("a faulty row is marked and has no ratio", () => {
  const rows = [rowOf("ws-knee", "control", knee(4_000)), rowOf("ws-knee", "thump", knee(9_000, 3))];
  const text = scenarioText(reportOf([scenario], rows), scenario);
  expect(lineOf(text, "thump FAULT")).toMatch(/–$/);
  expect(text).toContain("3 lost");
  expect(text).not.toContain("×");
});

test("no row has a ratio to a base that is not sound", () => {
  const rows = [rowOf("ws-knee", "control", knee(4_000, 1)), rowOf("ws-knee", "thump", knee(3_000))];
  expect(scenarioText(reportOf([scenario], rows), scenario)).not.toContain("×");
});

test("one run has no range", () => {
  const idle = scenarioOf("idle-ws", "idle");
  const text = scenarioText(reportOf([idle], [rowOf("idle-ws", "thump", idleOf(2_048))]), idle);
  expect(text).toContain("2.00");
  expect(text).not.toContain("min–max");
});

function progressOn(isTTY: boolean) {
  const written: string[] = [];
  const progress = new Progress(4, { isTTY, columns: 60, write: (text) => written.push(text) });
  return { progress, written };
}

test("on a terminal, progress is one line with the share done and the current activity", () => {
  const { progress, written } = progressOn(true);
  progress.begin("ws-1000 thump 1/3");
  progress.done();
  progress.say("2,000 messages per second, which is a long text for a narrow terminal");
  const last = written.at(-1);
  expect(last).toContain(" 25% ");
  expect(last).toContain("left");
  expect(last).toContain("ws-1000 thump 1/3");
  expect(last?.length).toBeLessThan(60);
  expect(written.join("")).not.toContain("\n");
  progress.close();
  expect(written.at(-1)).toBe("\r\x1b[2K");
});

test("in a pipe, only permanent lines are written", () => {
  const { progress, written } = progressOn(false);
  progress.begin("ws-1000 thump 1/3");
  progress.say("connecting");
  progress.note("ws-1000 is measured");
  progress.done();
  progress.close();
  expect(written).toEqual(["ws-1000 is measured\n"]);
});
