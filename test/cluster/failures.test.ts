// Redis failures: each has its own error message, sessions stay connected, and the server recovers by itself.
import { expect, test } from "bun:test";
import { dataOf, problemOf, publishAt, stateOf } from "../support/answers.ts";
import { connect } from "../support/clients.ts";
import { LinkProxy } from "../support/link-proxy.ts";
import { freePort } from "../../scripts/free-port.ts";
import { readiness, readyNode, startNode, type TestNode, until } from "../support/nodes.ts";
import { noRedis, RedisServer } from "../support/redis.ts";
import { describeIf } from "../support/skip.ts";
import { openEvents } from "../support/streams.ts";
import { tcp } from "../support/tcp.ts";

async function refused(node: TestNode): Promise<string> {
  const response = await node.publish("a", "refused");
  expect(response.headers.get("retry-after")).toBe("1");
  const { status, code, detail } = await problemOf(response);
  expect([status, code]).toEqual([503, "unavailable"]);
  return detail;
}

async function recovers(node: TestNode): Promise<void> {
  await until(async () => (await readiness(node)) === 200);
  await publishAt(node, "a", "again");
}

/**
 * With `always`, acknowledged writes survive when Redis is killed. With `everysec`, a write may wait up to two seconds
 * for an fsync.
 */
const KEEPS = ["--appendonly", "yes", "--appendfsync", "always"];
const FAST = { patience: 0.4 };

describeIf(noRedis)("when Redis fails", () => {
  test("a server that starts without Redis reports this, is not ready, and recovers when Redis is available", async () => {
    const port = await freePort();
    const node = startNode(`redis://127.0.0.1:${port}`, {}, FAST);
    expect(await readiness(node)).toBe(503);
    expect(await refused(node)).toContain("is unavailable");
    expect((await problemOf(fetch(node.room("a")))).code).toBe("unavailable");
    const early = await connect(node.socket("/rooms/a"));
    expect(await early.closed).toEqual({ code: 1013, reason: "unavailable" });
    expect(node.log.fault).toContain("Redis");
    await RedisServer.startOn(port);
    await recovers(node);
  });

  test("Redis is unreachable for a while: sessions stay connected, publications wait or are refused, nothing is lost", async () => {
    const redis = await RedisServer.start();
    const link = await LinkProxy.start(redis.port);
    const near = await readyNode(redis.url);
    const far = await readyNode(`redis://127.0.0.1:${link.port}`, {}, FAST);
    const listener = await openEvents(far.room("a"));
    await publishAt(near, "a", "1");
    await listener.events.next();
    for (const unreachable of [() => link.hold(), () => link.refuse()]) {
      unreachable();
      await refused(far);
      await until(async () => (await readiness(far)) === 503);
      await publishAt(near, "a", "meanwhile");
      link.release();
      link.accept();
      await recovers(far);
    }
    await listener.events.until((all) => all.at(-1)?.data === "again" && all.length >= 5);
    // A publication that failed because Redis did not reply may still have been stored, as the error message says.
    const all = listener.events.all.map(({ data }) => data).filter((data) => data !== "refused");
    expect(all).toEqual(["1", "meanwhile", "again", "meanwhile", "again"]);
    expect(far.log.stats.repairs.reconnect).toBeGreaterThan(0);
    expect(listener.lines.all.some((line) => line.includes("thump:gap"))).toBe(false);
  });

  test("a publication waits until it can be sent", async () => {
    const redis = await RedisServer.start(...KEEPS);
    const node = await readyNode(redis.url, {}, { patience: 10 });
    const listener = await openEvents(node.room("a"));
    await redis.kill();
    await until(() => node.log.fault !== undefined);
    const waiting = Promise.all(["1", "2", "3"].map((text) => publishAt(node, "a", text)));
    await redis.begin();
    await waiting;
    await listener.events.until((all) => all.length === 3);
    expect(listener.events.all.map(({ data }) => data)).toEqual(["1", "2", "3"]);
  });

  test("Redis lost its data: the epoch changes, live clients receive a gap notice, and delivery continues", async () => {
    const redis = await RedisServer.start();
    const node = await readyNode(redis.url);
    const listener = await openEvents(node.room("a"));
    const raw = await connect(node.socket("/rooms/a"));
    const before = await publishAt(node, "a", "1");
    await listener.events.next();
    await redis.ask("FLUSHALL");
    const after = await publishAt(node, "a", "2");
    expect(after.split("-")[0]).not.toBe(before.split("-")[0]);
    await listener.events.until((all) => all.length === 3);
    expect(listener.events.all.map(({ event }) => event)).toEqual([undefined, "thump:gap", undefined]);
    await raw.until((all) => all.length === 3);
    expect(JSON.parse(String(raw.all[1]))).toMatchObject({ type: "gap", after: before });
    expect((await stateOf(node, "a", `?after=${before}`)).gap).toBeDefined();
    expect(dataOf(await stateOf(node, "a"))).toEqual([2]);
  });

  test("Redis lost the newest messages, which a client has received: the epoch changes", async () => {
    const redis = await RedisServer.start();
    const node = await readyNode(redis.url);
    const listener = await openEvents(node.room("a"));
    const { epoch } = node.log;
    await publishAt(node, "a", "1");
    await redis.ask("SAVE");
    await publishAt(node, "a", "lost");
    await listener.events.until((all) => all.length === 2);
    await redis.kill();
    await redis.begin();
    await until(() => node.log.epoch !== epoch);
    await listener.events.until((all) => all.some(({ event }) => event === "thump:gap"));
  });

  test("a loss that occurred two restarts ago is reported when a node that saw the lost messages reconnects", async () => {
    const redis = await RedisServer.start();
    const link = await LinkProxy.start(redis.port);
    const away = await readyNode(`redis://127.0.0.1:${link.port}`);
    const other = await readyNode(redis.url);
    await publishAt(other, "a", "1");
    await redis.ask("SAVE");
    const listener = await openEvents(away.room("a"));
    await publishAt(other, "a", "lost");
    await listener.events.next();
    link.refuse();
    await other.stop();
    for (const text of ["2", "3"]) {
      await redis.kill();
      await redis.begin();
      const next = await readyNode(redis.url);
      await publishAt(next, "a", text);
      await redis.ask("SAVE");
      await next.stop();
    }
    const { epoch } = away.log;
    link.accept();
    await until(() => away.log.epoch !== epoch);
    await listener.events.until((all) => all.some(({ event }) => event === "thump:gap"));
  });

  test("Redis returns empty after a publication: the epoch changes", async () => {
    const redis = await RedisServer.start();
    const node = await readyNode(redis.url);
    const { epoch } = node.log;
    await redis.ask("SAVE");
    await publishAt(node, "a", "lost");
    await redis.kill();
    await redis.begin();
    await until(() => node.log.epoch !== epoch);
    expect((await stateOf(node, "a", `?after=${epoch}-0`)).gap).toBeDefined();
  });

  test("a restart before the first publication causes no loss and no gap notice", async () => {
    const redis = await RedisServer.start(...KEEPS);
    const node = await readyNode(redis.url);
    const start = `${node.log.epoch}-0`;
    await redis.kill();
    await redis.begin();
    await until(() => node.log.last > 0);
    expect(await stateOf(node, "a", `?after=${start}`)).toMatchObject({ messages: [] });
    expect((await stateOf(node, "a", `?after=${start}`)).gap).toBeUndefined();
  });

  test("rooms that were never used have no gap, even after a long time without unknown rooms", async () => {
    const redis = await RedisServer.start();
    const node = await readyNode(redis.url);
    const key = node.log.names.log;
    const before = await publishAt(node, "used", "1");
    await redis.ask("HSET", key, "marked", "1");
    await until(async () => (await redis.ask("HGET", key, "marked")) !== "1");
    await publishAt(node, "used", "2");
    expect((await stateOf(node, "unused", `?after=${before}`)).gap).toBeUndefined();
  });

  test("Redis is full: reads continue, publications fail with the reason, and succeed again when memory is available", async () => {
    const redis = await RedisServer.start("--maxmemory-policy", "noeviction");
    const node = await readyNode(redis.url);
    await publishAt(node, "a", "1");
    await redis.ask("CONFIG", "SET", "maxmemory", "1");
    expect(await refused(node)).toContain("OOM");
    expect(await readiness(node)).toBe(503);
    expect(dataOf(await stateOf(node, "a"))).toEqual([1]);
    await redis.ask("CONFIG", "SET", "maxmemory", "0");
    await recovers(node);
  });

  test("Redis is read-only, like a replaced primary: publications are refused until it is writable again", async () => {
    const redis = await RedisServer.start();
    const node = await readyNode(redis.url, {}, FAST);
    await redis.ask("REPLICAOF", "127.0.0.1", await freePort());
    await refused(node);
    await redis.ask("REPLICAOF", "NO", "ONE");
    await recovers(node);
  });

  test("when Redis reaches `maxclients`, the node waits for a free connection", async () => {
    const redis = await RedisServer.start();
    const other = await tcp(redis.port);
    await redis.ask("CONFIG", "SET", "maxclients", 1);
    const node = startNode(redis.url, {}, FAST);
    await until(() => node.log.fault?.includes("maxclients") === true);
    other.socket.destroy();
    await recovers(node);
  });

  test("when too many publications are pending, further ones are refused, not queued", async () => {
    const redis = await RedisServer.start();
    const link = await LinkProxy.start(redis.port);
    const node = await readyNode(`redis://127.0.0.1:${link.port}`);
    link.hold();
    const all = await Promise.allSettled(
      Array.from({ length: 10_050 }, (_, i) => Promise.try(() => node.thump.publish("a", i))),
    );
    expect(all.every(({ status }) => status === "rejected")).toBe(true);
    const slower = all.filter(
      (one) => one.status === "rejected" && String(one.reason).includes("cannot keep up"),
    );
    expect(slower.length).toBe(50);
    // Waits until the node is not ready. Otherwise, the node would close the connection just when Redis replies again.
    await until(async () => (await readiness(node)) === 503);
    link.release();
    await recovers(node);
  });

  test("a missed notification is detected by the next notification or by the regular check", async () => {
    const redis = await RedisServer.start();
    const node = await readyNode(redis.url);
    const other = await readyNode(redis.url);
    const listener = await openEvents(node.room("a"));
    await publishAt(other, "a", "1");
    await listener.events.next();
    // Simulates the loss of the node's subscription.
    const { redis: connection } = await linkOf(node);
    const channel = node.log.names.channel(node.log.epoch, "a");
    for (const [found, data] of [
      ["check", "2"],
      ["prev", "3"],
    ] as const) {
      await connection.unsubscribe(channel);
      await publishAt(other, "a", data);
      if (found === "prev") {
        await connection.subscribe(channel);
        await publishAt(other, "a", "4");
      }
      await until(() => node.log.stats.repairs.check + node.log.stats.repairs.prev > 0);
      await listener.events.until((all) => all.some((event) => event.data === data));
    }
    await listener.events.until((all) => all.length === 4);
    expect(listener.events.all.map(({ data }) => data)).toEqual(["1", "2", "3", "4"]);
  });
});

async function linkOf(node: TestNode) {
  await until(() => node.log.connection !== undefined);
  return node.log.connection as NonNullable<typeof node.log.connection>;
}
