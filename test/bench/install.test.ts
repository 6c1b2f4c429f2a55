// Installing the compared servers: what is said of each, and that one that fails stops nobody.
import { expect, test } from "bun:test";
import type { Installable } from "../../bench/adapter.ts";
import { installPeers } from "../../bench/peers/install.ts";
import { run } from "../../bench/peers/toolchain.ts";

const nowhere = { write() {} };

function item(name: string, parts: Partial<Installable>): Installable {
  return { name, installed: () => false, blocked: () => undefined, install: async () => {}, ...parts };
}

test("each gets a line, and none stops the others", async () => {
  const lines: string[] = [];
  const asked: string[] = [];
  const items = [
    item("there", { installed: () => true, install: async () => void asked.push("there") }),
    item("blocked", {
      blocked: () => "cargo is not installed",
      install: async () => void asked.push("blocked"),
    }),
    item("broken", { install: () => Promise.reject(new Error("it does not compile")) }),
    item("new", { install: async () => void asked.push("new") }),
  ];
  const results = await installPeers((line) => lines.push(line), items, nowhere);
  expect(asked).toEqual(["new"]);
  expect(results.map(({ name, outcome, reason }) => ({ name, outcome, reason }))).toEqual([
    { name: "there", outcome: "already there", reason: undefined },
    { name: "blocked", outcome: "cannot", reason: "cargo is not installed" },
    { name: "broken", outcome: "failed", reason: "it does not compile" },
    { name: "new", outcome: "installed", reason: undefined },
  ]);
  expect(lines).toEqual([
    "– there: already there",
    "– blocked: cannot: cargo is not installed",
    "✗ broken: failed: it does not compile",
    "✓ new: installed in 1 s",
  ]);
});

test("a terminal is shown what the build says", async () => {
  const shown: string[] = [];
  const terminal = { isTTY: true, columns: 120, write: (text: string) => shown.push(text) };
  const talkative = item("talkative", { install: async (log) => log("  compiling the last of it\n") });
  await installPeers(() => {}, [talkative], terminal);
  expect(shown.join("")).toContain("talkative: compiling the last of it");
});

test("a command that fails is reported by its last lines", async () => {
  const lines: string[] = [];
  const script = "for (let i = 0; i < 20; i++) console.log(`line ${i}`); process.exit(3)";
  const failed = run([process.execPath, "-e", script], (line) => lines.push(line));
  const reason = await failed.then(
    () => "it did not fail",
    (error: Error) => error.message,
  );
  expect(lines).toHaveLength(20);
  expect(reason).toContain("ended with 3");
  expect(reason).toEndWith("line 19");
  expect(reason).not.toContain("line 7\n");
});
