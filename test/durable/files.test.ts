// Unusable files and folders: each causes a specific error code at startup and remains unchanged.
import { Database } from "bun:sqlite";
import { expect, test } from "bun:test";
import { closeSync, cpSync, mkdirSync, openSync, readFileSync, writeFileSync, writeSync } from "node:fs";
import { join } from "node:path";
import { SqliteLog } from "../../src/log/sqlite/sqlite-log.ts";
import { type StoreCode, StoreError } from "../../src/log/sqlite/store-error.ts";
import { cleanup } from "../support/cleanup.ts";
import { folder, runProcess } from "../support/process.ts";
import { makeReadOnly, noDisk, smallDisk } from "./disk.ts";
import { testIf } from "../support/skip.ts";

const bounds = { count: 100_000, age: 3_600_000, bytes: 1e9 };

function open(dir: string): SqliteLog {
  const log = new SqliteLog({ dir, durability: "normal", retentionOf: () => bounds });
  cleanup(() => log.close());
  return log;
}

function refusal(dir: string): StoreError {
  try {
    open(dir);
  } catch (error) {
    if (error instanceof StoreError) return error;
    throw error;
  }
  throw new Error("it opened");
}

/** A closed data folder with publications in rooms a and b. */
async function filled(size = 300): Promise<string> {
  const dir = folder();
  const log = open(dir);
  for (const room of ["a", "b"]) {
    const data = { kind: "text", text: room.repeat(2000) } as const;
    await Promise.all(Array.from({ length: size }, async () => log.append({ room, event: "message", data })));
  }
  await log.close();
  return dir;
}

test.each<[StoreCode, (file: string) => void]>([
  ["store-newer", (file) => change(file, "PRAGMA user_version = 99")],
  ["store-foreign", (file) => change(file, "PRAGMA application_id = 0")],
  [
    "store-foreign",
    (file) => writeFileSync(file, "not a database, but long enough to be looked at".repeat(99)),
  ],
  ["store-damaged", (file) => writeFileSync(file, readFileSync(file).subarray(0, 5000))],
])("%s: the server does not start, reports the reason, and changes nothing", async (code, harm) => {
  const dir = await filled(3);
  const file = join(dir, "thump.db");
  harm(file);
  const before = readFileSync(file);
  expect(refusal(dir).code).toBe(code);
  const { code: exit, err } = await runProcess(["--port", "0", "--no-demo", "--data", dir]);
  expect(exit).toBe(1);
  expect(err).toContain(`(${code})`);
  expect(err).toContain("thump.db");
  expect(err).not.toContain(" at ");
  expect(readFileSync(file).equals(before)).toBe(true);
});

function change(file: string, sql: string): void {
  const db = new Database(file);
  db.run(sql);
  db.close();
}

test("store-locked: a folder has one server, and the first server is not affected", async () => {
  const dir = folder();
  const first = open(dir);
  expect(refusal(dir).code).toBe("store-locked");
  const { code, err } = await runProcess(["--port", "0", "--no-demo", "--data", dir]);
  expect(code).toBe(1);
  expect(err).toContain("store-locked");
  await first.append({ room: "a", event: "message", data: { kind: "text", text: "x" } });
  await first.close();
  open(dir);
});

testIf(noDisk)("store-read-only: a read-only file system", async () => {
  const disk = smallDisk("4m");
  const dir = join(disk, "data");
  mkdirSync(dir);
  cpSync(await filled(3), dir, { recursive: true });
  makeReadOnly(disk);
  expect(refusal(dir).code).toBe("store-read-only");
});

test("a damaged page: reads of that page fail with a message, all other reads and writes succeed", async () => {
  const dir = await filled();
  const file = join(dir, "thump.db");
  const db = new Database(file);
  const pages = db
    .query<{ pageno: number }, []>(
      "SELECT pageno FROM dbstat WHERE name = 'publications' AND pagetype = 'leaf' ORDER BY path",
    )
    .all();
  db.close();
  // The first half of the pages belongs to room a, the second half to room b.
  const { pageno } = pages[Math.floor(pages.length * 0.25)]!;
  const handle = openSync(file, "r+");
  writeSync(handle, new Uint8Array(4096).fill(0x5a), 0, 4096, (pageno - 1) * 4096);
  closeSync(handle);
  const faults: string[] = [];
  const log = new SqliteLog({
    dir,
    durability: "normal",
    retentionOf: () => bounds,
    onFault: (what) => faults.push(what),
  });
  cleanup(() => log.close());
  const reading = Promise.resolve(log.read("a", 0, 1000));
  expect(await reading.catch((error: { code: string }) => error.code)).toBe("unavailable");
  expect(faults).toEqual(["the file cannot be read"]);
  expect((await log.read("b", 0, 1000)).publications).toHaveLength(300);
  expect((await log.newest("a", 20)).publications).toHaveLength(20);
  const kept = await log.append({ room: "b", event: "message", data: { kind: "text", text: "x" } });
  expect((await log.newest("b", 1)).publications[0]?.seq).toBe(kept.seq);
});
