// Runs `bun bench` as a process: a short run and its output files, a comparison, and error messages.
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Report } from "../../bench/results.ts";
import { describeIf, notLinux } from "../support/skip.ts";

const script = join(import.meta.dir, "../../bench/main.ts");
let folder = "";
beforeAll(() => void (folder = mkdtempSync(join(tmpdir(), "bench-"))));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

async function bench(...args: string[]) {
  const child = Bun.spawn([process.execPath, script, ...args], {
    cwd: folder,
    stdout: "pipe",
    stderr: "pipe",
  });
  const [output, errors] = await Promise.all([
    new Response(child.stdout).text(),
    new Response(child.stderr).text(),
  ]);
  return { code: await child.exited, output, errors };
}

describeIf(notLinux)("a run", () => {
  test("measures, writes results and a page, and compares with itself", async () => {
    const json = join(folder, "a.json");
    const options = ["--scenario", "ws-50", "--runs", "1", "--seconds", "0.3", "--json", json];
    const run = await bench(...options);
    expect(run.errors).toBe("");
    expect(run.code).toBe(0);
    expect(run.output).toContain("ws-50  WebSocket fan-out");
    const report = (await Bun.file(json).json()) as Report;
    expect(report.rows.map(({ server }) => server)).toEqual(["control", "thump"]);
    for (const { results } of report.rows) {
      const [result] = results;
      if (result?.kind !== "fanout") throw new Error("not a fan-out");
      expect(result.window.delivered).toBe(1);
      expect(Object.values(result.window.faults).every((count) => count === 0)).toBe(true);
    }
    const page = await Bun.file(join(folder, "a.html")).text();
    expect(page).toContain("WebSocket fan-out");
    expect(page).not.toMatch(/<(script|link|img)[^>]+(src|href)="http/);

    const same = await bench("compare", json, json);
    expect(same.code).toBe(0);
    expect(same.output).toContain("one run");
  }, 120_000);
});

describe("a usage error", () => {
  test.each([
    [["--scenario", "nothing"], "--scenario nothing is unknown: use one of knee-ws"],
    [["--peer", "nobody"], "--peer nobody is unknown: use one of control"],
    [["--seconds", "soon"], '--seconds requires a positive number, not "soon"'],
    [["compare", "one.json"], "requires two results files"],
    [["faster"], 'unknown command "bun bench faster"'],
  ])("%j is reported", async (args, words) => {
    const { code, errors, output } = await bench(...args);
    expect(code).toBe(2);
    expect(output).toBe("");
    expect(errors).toContain(words);
  });

  test("help lists every scenario and server", async () => {
    const { code, output } = await bench("--help");
    expect(code).toBe(0);
    for (const word of ["knee-ws", "resume", "control", "thump", "nchan", "compare", "peers"])
      expect(output).toContain(word);
  });
});
