// Nodes that use Sentinels, while a replica takes over: clients continue even if Sentinels hang, and losses are
// reported.
import { expect } from "bun:test";
import { publishAt, stateOf } from "../support/answers.ts";
import { longTests } from "../support/long.ts";
import { readyNode, type TestNode, until } from "../support/nodes.ts";
import { folder } from "../support/process.ts";
import { noRedis, RedisServer } from "../support/redis.ts";
import { cutOff, hasAll } from "../support/redis-cluster.ts";
import { describeIf } from "../support/skip.ts";
import { openEvents } from "../support/streams.ts";
import { hasAllOf, SteadyPublisher } from "./steady-publisher.ts";

const longTest = longTests(2);

const QUORUM = 2;

interface Watched {
  master: RedisServer;
  replica: RedisServer;
  sentinels: RedisServer[];
  a: TestNode;
  b: TestNode;
}

/** Starts a primary, its replica, three Sentinels, and two nodes configured with the Sentinels' addresses. */
async function watched(): Promise<Watched> {
  const master = await RedisServer.start("--repl-diskless-sync-delay", "0");
  const replica = await RedisServer.start("--replicaof", "127.0.0.1", String(master.port));
  await until(() => hasAll(replica, master));
  const config = [
    `sentinel monitor main 127.0.0.1 ${master.port} ${QUORUM}`,
    "sentinel down-after-milliseconds main 500",
    "sentinel failover-timeout main 3000",
  ];
  const start = () =>
    RedisServer.startSentinel(`${folder({ "sentinel.conf": `${config.join("\n")}\n` })}/sentinel.conf`);
  const sentinels = await Promise.all([start(), start(), start()]);
  for (const sentinel of sentinels)
    await until(async () => /slaves=1,sentinels=3/.test(String(await sentinel.ask("INFO", "sentinel"))));
  const url = `redis+sentinel://${sentinels.map(({ port }) => `127.0.0.1:${port}`).join(",")}/main`;
  // The duration of a failover depends on the Sentinels and on the machine's load.
  const [a, b] = await Promise.all([0, 1].map(() => readyNode(url, {}, { patience: 45 })));
  return { master, replica, sentinels, a: a as TestNode, b: b as TestNode };
}

describeIf(noRedis)("failovers behind Sentinels", () => {
  longTest(
    "the primary dies and a Sentinel hangs: publications wait for the replica, and nothing is missing",
    async () => {
      const { master, replica, sentinels, a, b } = await watched();
      const listener = await openEvents(b.room("a"));
      const { epoch } = a.log;
      const publishing = new SteadyPublisher(a, "a");
      await publishing.more(20);
      const count = await publishing.stop();
      await until(() => hasAll(replica, master));
      // Pauses the first Sentinel in the address. The others are a majority.
      sentinels[0]?.pause();
      await master.kill();
      await until(() => a.log.fault !== undefined && b.log.fault !== undefined);
      const waiting = await Promise.all([0, 1, 2].map((i) => publishAt(a, "a", String(count + i))));
      expect(waiting.map((at) => at.split("-")[0])).toEqual([epoch, epoch, epoch]);
      await hasAllOf(listener, count + 3);
      expect(await replica.replication("role")).toBe("master");
    },
  );

  longTest(
    "messages missing from the replica are reported as a gap to all clients, which then continue",
    async () => {
      const { master, replica, a, b } = await watched();
      const listener = await openEvents(b.room("a"));
      const before = await publishAt(a, "a", "0");
      await until(() => hasAll(replica, master));
      await cutOff(replica);
      await publishAt(a, "a", "1");
      await listener.events.until((all) => all.length === 2);
      const { epoch } = b.log;
      await master.kill();
      await until(() => [a, b].every(({ log }) => log.epoch !== epoch));
      await publishAt(a, "a", "2");
      await listener.events.until((all) => all.length === 4);
      expect(listener.events.all.map(({ event, data }) => event ?? data)).toEqual([
        "0",
        "1",
        "thump:gap",
        "2",
      ]);
      for (const node of [a, b]) expect((await stateOf(node, "a", `?after=${before}`)).gap).toBeDefined();
    },
  );
});
