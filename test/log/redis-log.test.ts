// The log in Redis: the contract of all logs.
import { afterAll, beforeAll, expect, test } from "bun:test";
import { RedisLog } from "../../src/log/redis/redis-log.ts";
import { retentionOf, logContract } from "../contract/log.ts";
import { noRedis, RedisServer } from "../support/redis.ts";
import { describeIf } from "../support/skip.ts";

describeIf(noRedis)("in Redis", () => {
  let server: RedisServer;
  let prefixes = 0;
  beforeAll(async () => (server = await RedisServer.startShared()));
  afterAll(() => server.kill());

  logContract("redis", async (bounds) => {
    const log = new RedisLog(bounds, { url: server.url, prefix: `test-${++prefixes}` });
    await log.opened;
    return log;
  });

  test("keys written by an older version have no hash, and match any data", async () => {
    const prefix = `test-${++prefixes}`;
    const log = new RedisLog(retentionOf, { url: server.url, prefix });
    await log.opened;
    const data = (text: string) => ({
      room: "a",
      event: "message",
      data: { kind: "text", text } as const,
      key: "k",
    });
    const { seq, prev, time } = await log.append(data("first"));
    const [name = ""] = (await server.ask("KEYS", `*${prefix}*:key:*`)) as string[];
    await server.ask("SET", name, `${seq} ${prev} ${time}`);
    expect((await log.append(data("second"))).seq).toBe(seq);
    await log.close();
  });
});
