// The log in memory: the contract of all logs, and the record of dropped rooms.
import { expect, test } from "bun:test";
import { MemoryLog } from "../../src/log/memory-log.ts";
import { MemoryBudget } from "../../src/rooms/memory-budget.ts";
import { retentionOf, logContract } from "../contract/log.ts";
import { cleanup } from "../support/cleanup.ts";
import { randomTest } from "../support/random.ts";

logContract("memory", (bounds) => new MemoryLog(bounds));

test("a room whose publications have all expired is dropped and reports a gap", async () => {
  const log = new MemoryLog(retentionOf);
  cleanup(() => log.close());
  const { seq } = log.append({ room: "brief:a", event: "message", data: { kind: "text", text: "x" } });
  expect([...log.rooms()]).toEqual(["brief:a"]);
  // The sweep runs by itself.
  while ([...log.rooms()].length > 0) await Bun.sleep(5);
  expect(log.read("brief:a", seq - 1, 9).from).toBe(seq);
});

randomTest("under eviction, a read is complete or reports its start", (random) => {
  const memoryBudget = new MemoryBudget(20_000);
  const log = new MemoryLog(retentionOf, memoryBudget);
  cleanup(() => log.close());
  const truth = new Map<string, number[]>();
  const names = Array.from({ length: 60 }, (_, i) => `r${i}`);
  const followed = new Set<string>();
  for (let i = 0; i < 3000; i++) {
    const room = random.pick(names);
    if (random.chance(20)) {
      if (followed.delete(room)) log.unsubscribe(room);
      else {
        followed.add(room);
        log.subscribe(room, () => {});
      }
    } else if (random.chance(3)) {
      const after = random.below(log.last + 1);
      const { from, publications } = log.read(room, after, 1000);
      const missed = (truth.get(room) ?? []).filter((seq) => seq > after);
      expect(publications.map(({ seq }) => seq)).toEqual(missed.filter((seq) => seq > from));
    } else {
      const text = "x".repeat(random.below(400));
      const { seq } = log.append({ room, event: "message", data: { kind: "text", text } });
      truth.set(room, [...(truth.get(room) ?? []), seq]);
      expect(memoryBudget.taken).toBeLessThanOrEqual(20_000);
    }
  }
  expect(memoryBudget.evictedRooms).toBeGreaterThan(0);
  for (const room of names) {
    log.unsubscribe(room);
    log.forget(room);
  }
  expect(memoryBudget.taken).toBe(0);
});

test("a sweep visits a slice of the rooms per tick, and eventually every room", async () => {
  const log = new MemoryLog(retentionOf);
  cleanup(() => log.close());
  let most = 0;
  let before = 0;
  const watch = () => {
    most = Math.max(most, log.sweeper.visits - before);
    before = log.sweeper.visits;
  };
  for (let i = 0; i < 20_000; i++)
    log.append({ room: `brief:${i}`, event: "message", data: { kind: "text", text: "x" } });
  const timer = setInterval(watch, 0);
  cleanup(() => clearInterval(timer));
  while (log.rooms()[Symbol.iterator]().next().done === false) await Bun.sleep(5);
  watch();
  expect(log.sweeper.visits).toBeGreaterThanOrEqual(20_000);
  // At most two slices run between two checks in this test.
  expect(most).toBeLessThanOrEqual(4000);
});
