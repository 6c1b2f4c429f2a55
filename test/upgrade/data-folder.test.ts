// Upgrades with a data folder: the current server opens a copy of an earlier version's folder.
import { Database } from "bun:sqlite";
import { expect, test } from "bun:test";
import { copyFileSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import { folder, startProcess } from "../support/process.ts";
import {
  checkContinuation,
  checkHistory,
  checkKey,
  checkResume,
  FIXTURES,
  fixture,
  isCarriedOver,
  readWritten,
  repeat,
} from "./checks.ts";
import { CONFIG } from "./config.ts";
import type { Written } from "./fixtures/write.ts";

/** Starts a server on a copy. @param keysAge age of the idempotency keys in the copy, in ms */
async function open(name: string, written: Written, keysAge = 0): Promise<string> {
  const store = { kind: "sqlite", dir: "data" };
  const dir = folder({ "thump.config.json": JSON.stringify({ ...CONFIG, store }) });
  mkdirSync(join(dir, "data"));
  const file = join(dir, "data/thump.db");
  copyFileSync(fixture(name, "thump.db"), file);
  const db = new Database(file);
  db.run("UPDATE keys SET time = time + ?", [Date.now() - written.time - keysAge]);
  db.close();
  return (await startProcess([], {}, dir)).url;
}

test.each(FIXTURES)(
  "a data folder of %s: the history is complete, and every cursor resumes exactly",
  async (name) => {
    const written = await readWritten(name, "data.json");
    const url = await open(name, written);
    await checkHistory(url, written);
    await checkResume(url, written);
    await checkContinuation(url, written);
  },
);

test("a data folder of 0.1: idempotency keys are remembered", async () => {
  const written = await readWritten("0.1-2026-11-28", "data.json");
  const url = await open("0.1-2026-11-28", written);
  for (const key of written.keys) {
    await checkKey(url, key);
    expect(await repeat(url, key, '"other"')).toMatchObject({ status: 422, code: "key-reused" });
  }
});

test("keys from a version without hashes match any data; keys of API keys and of tokens without a user are forgotten", async () => {
  const written = await readWritten("0.1-2026-11-23", "data.json");
  const url = await open("0.1-2026-11-23", written);
  for (const key of written.keys.filter(isCarriedOver)) {
    await checkKey(url, key);
    expect(await repeat(url, key, '"other"')).toMatchObject({ status: 201, at: key.at });
  }
  for (const key of written.keys.filter((one) => !isCarriedOver(one)))
    expect((await repeat(url, key, key.body)).at).not.toBe(key.at);
});

test.each(FIXTURES)("a data folder of %s: keys are forgotten after 10 minutes", async (name) => {
  const written = await readWritten(name, "data.json");
  const url = await open(name, written, 11 * 60_000);
  for (const key of written.keys) {
    const { status, at } = await repeat(url, key, key.body);
    expect(status).toBe(201);
    expect(at).not.toBe(key.at);
  }
});
