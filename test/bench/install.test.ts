// Installing the compared servers prints one status line per server and continues after a failure.
import { expect, test } from "bun:test";
import type { Installable } from "../../bench/adapter.ts";
import { installPeers } from "../../bench/peers/install.ts";
import { run } from "../../bench/peers/toolchain.ts";

const nowhere = { write() {} };

function item(name: string, parts: Partial<Installable>): Installable {
  return { name, installed: () => false, blocked: () => undefined, install: async () => {}, ...parts };
}

test("each server gets a line, and no failure stops the others", async () => {
  const lines: string[] = [];
  const asked: string[] = [];
  const items = [
    item("there", { installed: () => true, install: async () => void asked.push("there") }),
    item("blocked", {
      blocked: () => "cargo is not installed",
      install: async () => void asked.push("blocked"),
    }),
    item("broken", { install: () => Promise.reject(new Error("the build failed")) }),
    item("new", { install: async () => void asked.push("new") }),
  ];
  const results = await installPeers((line) => lines.push(line), items, nowhere);
  expect(asked).toEqual(["new"]);
  expect(results.map(({ name, outcome, reason }) => ({ name, outcome, reason }))).toEqual([
    { name: "there", outcome: "already installed", reason: undefined },
    { name: "blocked", outcome: "blocked", reason: "cargo is not installed" },
    { name: "broken", outcome: "failed", reason: "the build failed" },
    { name: "new", outcome: "installed", reason: undefined },
  ]);
  expect(lines).toEqual([
    "– there: already installed",
    "– blocked: not available: cargo is not installed",
    "✗ broken: failed: the build failed",
    "✓ new: installed in 1 s",
  ]);
});

test("a terminal shows the output of the build", async () => {
  const shown: string[] = [];
  const terminal = { isTTY: true, columns: 120, write: (text: string) => shown.push(text) };
  const verbose = item("verbose", { install: async (log) => log("  compiling the last crate\n") });
  await installPeers(() => {}, [verbose], terminal);
  expect(shown.join("")).toContain("verbose: compiling the last crate");
});

test("the error of a failed command contains its last lines", async () => {
  const lines: string[] = [];
  const script = "for (let i = 0; i < 20; i++) console.log(`line ${i}`); process.exit(3)";
  const failed = run([process.execPath, "-e", script], (line) => lines.push(line));
  const reason = await failed.then(
    () => "it did not fail",
    (error: Error) => error.message,
  );
  expect(lines).toHaveLength(20);
  expect(reason).toContain("failed with exit code 3");
  expect(reason).toEndWith("line 19");
  expect(reason).not.toContain("line 7\n");
});
