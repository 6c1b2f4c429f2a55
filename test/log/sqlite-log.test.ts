// The log in a data folder: the contract of all logs, the contract of durable logs, and behavior specific to SQLite.
import { Database } from "bun:sqlite";
import { expect, test } from "bun:test";
import { join } from "node:path";
import { SqliteLog, type SqliteOptions } from "../../src/log/sqlite/sqlite-log.ts";
import type { Publication } from "../../src/protocol/publication.ts";
import { MemoryBudget } from "../../src/rooms/memory-budget.ts";
import { retentionOf, logContract } from "../contract/log.ts";
import { durableContract } from "../contract/log-durable.ts";
import { cleanup } from "../support/cleanup.ts";
import { folder } from "../support/process.ts";
import { seqs } from "../support/publications.ts";

const NORMAL = { durability: "normal", retentionOf } as const;

logContract("sqlite", (bounds) => new SqliteLog({ ...NORMAL, dir: folder(), retentionOf: bounds }));

durableContract("sqlite", () => {
  const dir = folder();
  return (bounds, kinds) => new SqliteLog({ ...NORMAL, dir, retentionOf: bounds, fingerprint: () => kinds });
});

function open(options: Partial<SqliteOptions> = {}): SqliteLog {
  const log = new SqliteLog({ ...NORMAL, dir: folder(), ...options });
  cleanup(() => log.close());
  return log;
}

const say = async (log: SqliteLog, room: string): Promise<Publication> =>
  log.append({ room, event: "message", data: { kind: "text", text: "x" } });

test("rooms in memory do not wait for the file, and a subscriber to both kinds receives all messages in seq order", async () => {
  const log = open();
  await say(log, "none:a");
  const seen: number[] = [];
  for (const room of ["a", "none:a"]) log.subscribe(room, ({ seq }) => seen.push(seq));
  // The first few publications wait, because the log does not yet know how many seqs to leave free.
  const all: Promise<unknown>[] = [];
  for (let i = 0; i < 200; i++) {
    all.push(say(log, "a"), say(log, "none:a"));
    if (i % 7 === 0) await new Promise(setImmediate);
  }
  await Promise.all(all);
  const kept = say(log, "a");
  await new Promise(setImmediate);
  const inMemory = log.append({ room: "none:a", event: "message", data: { kind: "text", text: "x" } });
  expect(inMemory).not.toBeInstanceOf(Promise);
  await kept;
  expect(seen).toHaveLength(402);
  expect(seen).toEqual(seen.toSorted((a, b) => a - b));
});

test("a room with deliver: at-once delivers before it stores, in the same order", async () => {
  const early = { count: 100, age: 3_600_000, bytes: 1e6, deliver: "at-once" } as const;
  const log = open({ retentionOf: (room) => (room === "early" ? early : retentionOf(room)) });
  await say(log, "early");
  const seen: number[] = [];
  log.subscribe("early", ({ seq }) => seen.push(seq));
  const kept = say(log, "early");
  expect(seen).toHaveLength(1);
  expect(log.groupCommit.stats.publications).toBe(1);
  expect((await kept).seq).toBe(seen[0]!);
  expect(log.groupCommit.stats.publications).toBe(2);
  expect(seqs((await log.read("early", 0, 9)).publications)).toHaveLength(2);
});

test("a burst of publications shares one transaction", async () => {
  const log = open();
  await say(log, "a");
  const { commits } = log.groupCommit.stats;
  await Promise.all(Array.from({ length: 500 }, () => say(log, "a")));
  expect(log.groupCommit.stats.commits - commits).toBeLessThanOrEqual(2);
});

test("rooms without history write nothing to the file", async () => {
  const log = open();
  await Promise.all(Array.from({ length: 100 }, (_, i) => say(log, `none:${i}`)));
  await log.forget("a");
  expect(log.groupCommit.stats.publications).toBe(0);
  expect([...log.rooms()]).toEqual([]);
});

test("keys in an older version's data folder have no hash, and match any data", async () => {
  const dir = folder();
  const data = (text: string) => ({
    room: "a",
    event: "message",
    data: { kind: "text", text } as const,
    key: "k",
  });
  const older = new SqliteLog({ ...NORMAL, dir });
  const { seq } = await older.append(data("first"));
  await older.close();
  const db = new Database(join(dir, "thump.db"));
  expect(db.run("UPDATE keys SET key = substr(key, 1, instr(key, char(10)) - 1)").changes).toBe(1);
  expect(db.query("SELECT key FROM keys").get()).toEqual({ key: '["a",null,"k"]' });
  db.close();
  expect((await open({ dir }).append(data("second"))).seq).toBe(seq);
});

test("as the number of rooms grows, few stay in memory, and all are read back and listed", async () => {
  const log = open({ memoryBudget: new MemoryBudget(1 << 20) });
  const names = Array.from({ length: 3000 }, (_, i) => `tiny:${i}`);
  const followed: number[] = [];
  for (const name of names.slice(0, 5)) log.subscribe(name, ({ seq }) => followed.push(seq));
  const positions: number[] = [];
  for (let i = 0; i < names.length; i += 100) {
    const said = await Promise.all(names.slice(i, i + 100).map((name) => say(log, name)));
    positions.push(...said.map(({ seq }) => seq));
  }
  // Loaded rooms may use a quarter of the memory limit, and each takes at least 524 bytes.
  expect(log.loaded).toBeLessThan(600);
  expect([...log.rooms()].sort()).toEqual(names.toSorted());
  for (let i = 0; i < names.length; i += 7) {
    const { from, publications } = await log.read(names[i] as string, (positions[i] as number) - 1, 10);
    expect([from, ...seqs(publications)]).toEqual([(positions[i] as number) - 1, positions[i] as number]);
  }
  expect(log.loaded).toBeLessThan(600);
  for (const name of names.slice(0, 5)) await say(log, name);
  expect(followed).toHaveLength(10);
});

test("rooms added during a listing are listed, each once", async () => {
  const log = open();
  for (let i = 0; i < 1200; i += 100)
    await Promise.all(Array.from({ length: 100 }, (_, j) => say(log, `r${i + j}`)));
  const late = say(log, "late");
  await log.forget("r7");
  const found: string[] = [];
  for (const name of log.rooms()) {
    found.push(name);
    if (found.length === 600) await say(log, "none:later");
    if (found.length === 700) await say(log, "r3");
  }
  await late;
  expect(found.filter((name) => name.startsWith("r"))).toHaveLength(1199);
  expect(new Set(found).size).toBe(found.length);
  expect(found).toContain("late");
});
