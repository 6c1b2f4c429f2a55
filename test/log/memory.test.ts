// The memory log keeps the contract of all logs; and what is its own: freed rooms cost nothing.
import { expect, test } from "bun:test";
import { MemoryLog } from "../../src/log/memory.ts";
import { boundsOf, logContract } from "../contract/log.ts";
import { cleanup } from "../support/cleanup.ts";

logContract("memory", (bounds) => new MemoryLog(bounds));

test("a room whose publications are all too old is freed, and admits what it had", async () => {
  const log = new MemoryLog(boundsOf);
  cleanup(() => log.close());
  const { seq } = log.append({ room: "brief:a", event: "message", data: { kind: "text", text: "x" } });
  expect([...log.rooms()]).toEqual(["brief:a"]);
  // The log sweeps by itself.
  while ([...log.rooms()].length > 0) await Bun.sleep(5);
  expect(log.read("brief:a", seq - 1, 9).from).toBe(seq);
});
