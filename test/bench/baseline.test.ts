// `--baseline`: an earlier build alternates with this one, and a difference counts only if the ranges do not overlap.
import { expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { twinsOf } from "../../bench/peers/baseline.ts";
import { adapters } from "../../bench/peers/index.ts";
import { compareWithBaseline } from "../../bench/report/baseline.ts";
import type { FanoutResult, Report } from "../../bench/results.ts";
import { serversOf } from "../../bench/runner/measure.ts";
import { scenarios } from "../../bench/scenarios.ts";
import { reportOf, rowOf, scenarioOf, windowOf } from "./support.ts";
import { describeIf, notLinux } from "../support/skip.ts";

const commit = "0123456789abcdef0123456789abcdef01234567";
const twins = twinsOf(adapters, { ref: "main~1", commit, path: "/tmp/old" });

test("an earlier build runs the same command from its own folder", async () => {
  const folder = mkdtempSync(join(tmpdir(), "bench-"));
  try {
    const twin = twins.find(({ twin }) => twin === "thump");
    expect(twin?.name).toBe("thump@0123456");
    const command = await twin?.command(3000, folder);
    expect(command).toContain("/tmp/old/src/main.ts");
    expect(command).toContain("3000");
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test("an earlier build runs right after the current build, in every scenario", () => {
  const all = [...adapters, ...twins];
  for (const scenario of scenarios) {
    const names = serversOf(scenario, [], all).map(({ name }) => name);
    const expected = serversOf(scenario, []).flatMap(({ name, source }) =>
      source ? [name, `${name}@0123456`] : [name],
    );
    expect(names).toEqual(expected);
  }
});

const cpu = (microsPerDelivery: number): FanoutResult => ({
  kind: "fanout",
  window: windowOf({ server: { microsPerDelivery } }),
});

function verdictOf(old: number[], now: number[]) {
  const report = reportOf(
    [scenarioOf("ws-1000", "fanout")],
    [
      rowOf("ws-1000", "control", cpu(1)),
      rowOf("ws-1000", "thump", ...now.map(cpu)),
      rowOf("ws-1000", "thump@0123456", ...old.map(cpu)),
    ],
  );
  const { differences, text } = compareWithBaseline(report, twins, commit);
  expect(differences.every(({ server }) => server === "thump")).toBe(true);
  expect(text).toContain("0123456");
  return differences.find(({ figure }) => figure === "µs/delivery")?.verdict;
}

test("a CPU difference per delivery above 3 % counts if the ranges do not overlap", () => {
  expect(verdictOf([1, 1.01, 1.02], [1.05, 1.06, 1.07])).toBe("slower");
  expect(verdictOf([1.05, 1.06, 1.07], [1, 1.01, 1.02])).toBe("faster");
  expect(verdictOf([1, 1.01, 1.02], [1.025, 1.03, 1.035])).toBe("same");
  expect(verdictOf([1, 1.01, 1.2], [1.05, 1.1, 1.3])).toBe("same");
});

describeIf(notLinux)("as a process", () => {
  const bench = async (...args: string[]) => {
    const script = join(import.meta.dir, "../../bench/main.ts");
    const child = Bun.spawn([process.execPath, script, ...args], { stdout: "pipe", stderr: "pipe" });
    const [output, errors] = await Promise.all([
      new Response(child.stdout).text(),
      new Response(child.stderr).text(),
    ]);
    return { code: await child.exited, output, errors };
  };

  test("the current commit is measured along with the working tree", async () => {
    const folder = mkdtempSync(join(tmpdir(), "bench-"));
    try {
      const json = join(folder, "a.json");
      const options = ["--scenario", "ws-50", "--runs", "1", "--seconds", "0.3", "--json", json];
      const { output, errors } = await bench("--baseline", "HEAD", ...options);
      expect(errors).toBe("");
      expect(output).toContain("one run: no verdict");
      const { rows } = (await Bun.file(json).json()) as Report;
      expect(rows.map(({ server, results }) => [server.split("@")[0], results.length])).toEqual([
        ["control", 1],
        ["thump", 1],
        ["thump", 1],
      ]);
    } finally {
      rmSync(folder, { recursive: true });
    }
  }, 120_000);

  test("the error names an unknown commit", async () => {
    const { code, errors } = await bench("--baseline", "no-such-commit");
    expect(code).toBe(2);
    expect(errors.trim()).toBe("--baseline no-such-commit: unknown Git revision");
  });
});
