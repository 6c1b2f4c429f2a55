// The log in Redis keeps the contract of all logs.
import { afterAll, beforeAll, describe } from "bun:test";
import { RedisLog } from "../../src/log/redis/redis-log.ts";
import { logContract } from "../contract/log.ts";
import { hasRedis, RedisServer, withRedis } from "../support/redis.ts";

describe.skipIf(!hasRedis)(`in Redis${withRedis}`, () => {
  let server: RedisServer;
  let prefixes = 0;
  beforeAll(async () => (server = await RedisServer.startShared()));
  afterAll(() => server.kill());

  logContract("redis", async (boundsOf) => {
    const log = new RedisLog(boundsOf, { url: server.url, prefix: `test-${++prefixes}` });
    await log.opened;
    return log;
  });
});
