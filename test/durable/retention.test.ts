// Expired and excess messages are deleted from the file, and under steady load the file stops growing.
import { Database } from "bun:sqlite";
import { expect, test } from "bun:test";
import { statSync } from "node:fs";
import { SqliteLog } from "../../src/log/sqlite/sqlite-log.ts";
import type { Retention } from "../../src/rooms/rule.ts";
import { cleanup } from "../support/cleanup.ts";
import { folder } from "../support/process.ts";

const WIDE: Retention = { count: 1e6, age: 3_600_000, bytes: 1e9 };

interface Opened {
  log: SqliteLog;
  /** Runs a query that returns a number. */
  ask: (sql: string) => number;
}

function open(retentionOf: (room: string) => Retention, dir = folder()): Opened {
  const log = new SqliteLog({ dir, durability: "normal", retentionOf, fingerprint: () => "same" });
  const db = new Database(log.path);
  cleanup(() => db.close(true));
  cleanup(() => log.close());
  return { log, ask: (sql) => Object.values(db.query<Record<string, number>, []>(sql).get() ?? {})[0] ?? 0 };
}

const say = async ({ log }: Opened, room: string, size = 1000, key?: string) =>
  log.append({ room, event: "message", data: { kind: "text", text: "x".repeat(size) }, key });

const burst = (opened: Opened, room: string, count: number, size?: number) =>
  Promise.all(Array.from({ length: count }, () => say(opened, room, size)));

/** Waits for a condition. The log cleans up by itself, in small steps. */
async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await Bun.sleep(10);
}

const ROWS = "SELECT count(*) FROM publications";

test("messages over the count or byte limit are deleted with the next transaction or soon after", async () => {
  const opened = open((room) => (room === "few" ? { ...WIDE, count: 10 } : { ...WIDE, bytes: 20_000 }));
  await burst(opened, "few", 3000);
  await burst(opened, "small", 500);
  await until(() => opened.ask(`${ROWS} WHERE room = (SELECT id FROM rooms WHERE name = 'few')`) === 10);
  await until(() => opened.ask(`${ROWS} WHERE room = (SELECT id FROM rooms WHERE name = 'small')`) < 20);
  expect(opened.ask("SELECT count FROM rooms WHERE name = 'few'")).toBe(10);
});

test("expired messages in an idle room are deleted without a request", async () => {
  const opened = open(() => ({ ...WIDE, age: 300 }));
  await burst(opened, "a", 3000, 10);
  await until(() => opened.ask(ROWS) === 0);
  expect(opened.ask("SELECT floor = last FROM rooms")).toBe(1);
});

test("changed rules apply to idle rooms, even after a restart", async () => {
  const dir = folder();
  const first = open(() => WIDE, dir);
  for (const room of ["a", "b", "c"]) await burst(first, room, 50);
  first.log.replaceRetention(() => ({ ...WIDE, count: 20 }));
  await until(() => first.ask(ROWS) === 60);
  await first.log.close();
  const second = open(() => ({ ...WIDE, count: 5 }), dir);
  await until(() => second.ask(ROWS) === 15);
});

test("deletions interrupted by a crash are completed after the next start", async () => {
  const dir = folder();
  const first = open(() => WIDE, dir);
  await burst(first, "a", 2000, 10);
  await burst(first, "b", 10);
  await first.log.close();
  // Creates the state that a process leaves if it dies between the transaction and the cleanup.
  const db = new Database(first.log.path);
  db.run("UPDATE rooms SET floor = last, count = 0, bytes = 0 WHERE name = 'a'");
  db.run("DELETE FROM rooms WHERE name = 'b'");
  db.close(true);
  const second = open(() => WIDE, dir);
  await say(second, "c");
  await until(() => second.ask(ROWS) === 1);
});

test("keys in the file expire as they do in memory", async () => {
  const opened = open(() => WIDE);
  await say(opened, "a", 10, "k");
  expect(opened.ask("SELECT count(*) FROM keys")).toBe(1);
  opened.log.groupCommit.keysUpTo = opened.log.last;
  opened.log.groupCommit.flushChanges();
  await until(() => opened.ask("SELECT count(*) FROM keys") === 0);
});

test("under steady load the file stops growing, and shrinks again after a burst", async () => {
  const opened = open((room) => (room === "burst" ? WIDE : { ...WIDE, count: 200 }));
  const size = () => opened.ask("PRAGMA page_count");
  const rounds = async (count: number) => {
    for (let i = 0; i < count; i++) {
      await burst(opened, `room-${i % 10}`, 100);
    }
  };
  await rounds(60);
  const settled = size();
  await rounds(200);
  expect(size()).toBeLessThan(settled * 1.5);
  // A burst, whose history is then deleted.
  await burst(opened, "burst", 8000);
  expect(size()).toBeGreaterThan(settled * 3);
  await opened.log.forget("burst");
  // Eight thousand rows are deleted in steps, then their pages are freed.
  await until(() => size() < settled * 1.5);
  expect(statSync(`${opened.log.path}-wal`).size).toBeLessThan(64 << 20);
});
