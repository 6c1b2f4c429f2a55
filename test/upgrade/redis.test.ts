// Upgrades with Redis: the current server opens a copy of an earlier version's keys.
import { expect, test } from "bun:test";
import { folder, startProcess } from "../support/process.ts";
import { noRedis, RedisServer } from "../support/redis.ts";
import {
  checkContinuation,
  checkHistory,
  checkKey,
  checkPresence,
  checkResume,
  checkRevoked,
  FIXTURES,
  fixture,
  isCarriedOver,
  readWritten,
  repeat,
} from "./checks.ts";
import { CONFIG } from "./config.ts";
import { restore } from "./redis-text.ts";
import { describeIf } from "../support/skip.ts";

/** With `always`, no acknowledged write can be lost, so cursors stay valid across a Redis restart. */
const KEEPS = ["--appendonly", "yes", "--appendfsync", "always"];

async function open(name: string): Promise<string> {
  const redis = await RedisServer.start(...KEEPS);
  await restore(redis.port, await Bun.file(fixture(name, "redis.txt")).text());
  const config = { ...CONFIG, store: { kind: "redis", url: redis.url } };
  const { url } = await startProcess([], {}, folder({ "thump.config.json": JSON.stringify(config) }));
  while (!(await fetch(`${url}/readyz`)).ok) await Bun.sleep(10);
  return url;
}

describeIf(noRedis)("a Redis written by an earlier version", () => {
  test.each(FIXTURES)(
    "%s: the history is complete, every cursor resumes exactly, revocations stay in effect",
    async (name) => {
      const written = await readWritten(name, "redis.json");
      const url = await open(name);
      await checkHistory(url, written);
      await checkResume(url, written);
      await checkContinuation(url, written);
      await checkRevoked(url, written);
      await checkPresence(url);
    },
  );

  test("0.1: idempotency keys are remembered", async () => {
    const { keys } = await readWritten("0.1-2026-11-28", "redis.json");
    const url = await open("0.1-2026-11-28");
    for (const key of keys) {
      await checkKey(url, key);
      expect(await repeat(url, key, '"other"')).toMatchObject({ status: 422, code: "key-reused" });
    }
  });

  test("keys from a version without hashes match any data; keys of API keys and of tokens without a user are forgotten", async () => {
    const { keys } = await readWritten("0.1-2026-11-23", "redis.json");
    const url = await open("0.1-2026-11-23");
    for (const key of keys.filter(isCarriedOver)) {
      await checkKey(url, key);
      expect(await repeat(url, key, '"other"')).toMatchObject({ status: 201, at: key.at });
    }
    for (const key of keys.filter((one) => !isCarriedOver(one)))
      expect((await repeat(url, key, key.body)).at).not.toBe(key.at);
  });
});
