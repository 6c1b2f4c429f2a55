// Several generator processes act as one: the first publishes, all receive, and their results are merged.
import { expect } from "bun:test";
import type { Party } from "../../bench/commands.ts";
import { now } from "../../bench/generator/clock.ts";
import { control } from "../../bench/peers/control/adapter.ts";
import { Generator } from "../../bench/runner/generator.ts";
import { mergeJoined, mergeWindow } from "../../bench/runner/merge.ts";
import { startServer } from "../../bench/runner/server.ts";
import { notLinux, testIf } from "../support/skip.ts";

const SIZE = 100;

function party(name: string, count: number, publishes: boolean, rooms = 1): Party {
  const dialect = control.dialects["websocket"]!;
  return { name, dialect, count, rooms, listens: !publishes, publishes, atOnce: 8 };
}

testIf(notLinux)("two processes, three rooms, six publishers", async () => {
  const server = await startServer(control);
  const generator = await Generator.start({ port: server.port, pid: server.pid, size: SIZE }, 2, () => {});
  try {
    const joined = await generator.perform({ do: "connect", party: party("listeners", 31, false, 3) });
    expect(mergeJoined(joined.map(({ joined }) => joined!)).count).toBe(31);
    await generator.perform({ do: "connect", party: party("publishers", 6, true, 3) });
    for (const messages of [200, 301]) {
      const plan = { start: now() + 50, rate: messages, warmup: 0, seconds: 1, grace: 5 };
      const done = await generator.perform({ do: "window", plan });
      const parts = done.map(({ window }) => window!);
      // Each publisher sends to one room only. Each process therefore receives some of the messages, and together the
      // processes receive all of them.
      expect(parts.every(({ matched }) => matched > 0)).toBe(true);
      const window = mergeWindow(plan, parts);
      expect(window.delivered).toBe(1);
      expect(Object.values(window.faults).every((count) => count === 0)).toBe(true);
      const expected = parts.reduce((sum, part) => sum + part.expected, 0);
      expect(Math.abs(expected - (messages * 31) / 3)).toBeLessThan(31);
      expect(parts.reduce((sum, { matched }) => sum + matched, 0)).toBe(expected);
    }
  } finally {
    await generator.end();
    await server.stop();
  }
});
