// A Redis Cluster server dies, hangs or is cut off: a replica takes over, clients continue, and losses are reported.
import { afterAll, beforeAll, beforeEach, expect } from "bun:test";
import { publishAt, stateOf } from "../support/answers.ts";
import { connect } from "../support/clients.ts";
import { longTests } from "../support/long.ts";
import { readiness, readyNode, startNode, type TestNode, until } from "../support/nodes.ts";
import { noRedis, RedisServer } from "../support/redis.ts";
import { cutOff, hasAll, joinAgain, RedisCluster, type Shard } from "../support/redis-cluster.ts";
import { describeIf } from "../support/skip.ts";
import { openEvents } from "../support/streams.ts";
import { hasAllOf, SteadyPublisher } from "./steady-publisher.ts";

const longTest = longTests(6);

describeIf(noRedis)("failovers of a Redis Cluster", () => {
  let cluster: RedisCluster;
  let logs = 0;
  beforeAll(async () => (cluster = await RedisCluster.start()));
  afterAll(() => cluster.stop());
  beforeEach(() => cluster.whole());

  /**
   * Starts nodes with their own log.
   * @param named returns the servers to list in the nodes' Redis address
   */
  async function nodes(
    named: (shard: Shard) => RedisServer[] = () => cluster.servers,
    patience = 10,
  ): Promise<{ a: TestNode; b: TestNode; shard: Shard; store: object }> {
    const store = { prefix: `failover-${++logs}`, patience };
    const shard = await cluster.shardOf(`{${store.prefix}}`);
    const url = cluster.url(...named(shard));
    const [a, b] = await Promise.all([readyNode(url, {}, store), readyNode(url, {}, store)]);
    return { a, b, shard, store };
  }

  longTest(
    "the log's primary dies, and its replica has everything: publications wait, and nothing is missing",
    async () => {
      // The nodes' address lists only this server. The nodes have learned about the others from the Cluster.
      const { a, b, shard, store } = await nodes(({ owner }) => [owner]);
      const listener = await openEvents(b.room("a"));
      const raw = await connect(b.socket("/rooms/a"));
      const { epoch } = a.log;
      const publishing = new SteadyPublisher(a, "a");
      await publishing.more(20);
      const count = await publishing.stop();
      await until(() => hasAll(shard.replica, shard.owner));
      await shard.owner.kill();
      await until(() => a.log.fault !== undefined && b.log.fault !== undefined);
      const waiting = await Promise.all([0, 1, 2].map((i) => publishAt(a, "a", String(count + i))));
      expect(waiting.map((at) => at.split("-")[0])).toEqual([epoch, epoch, epoch]);
      await hasAllOf(listener, count + 3);
      await raw.until((all) => all.length === count + 3);
      expect(raw.all.map(Number)).toEqual([...Array(count + 3).keys()]);
      await until(async () => (await readiness(a)) === 200 && (await readiness(b)) === 200);
      const late = await readyNode(cluster.url(...shard.others), {}, store);
      const state = await stateOf(late, "a", `?after=${epoch}-0`);
      expect([state.messages.length, state.gap]).toEqual([count + 3, undefined]);
    },
  );

  longTest(
    "messages missing from the replica are reported as a gap to all clients, which then continue",
    async () => {
      const { a, b, shard } = await nodes();
      const listener = await openEvents(b.room("a"));
      const raw = await connect(a.socket("/rooms/a"));
      const other = await openEvents(a.room("other"));
      const before = await publishAt(a, "a", "0");
      await until(() => hasAll(shard.replica, shard.owner));
      await cutOff(shard.replica);
      const lost = await publishAt(a, "a", "1");
      await listener.events.until((all) => all.length === 2);
      await shard.owner.kill();
      await joinAgain(shard.replica);
      const { epoch } = b.log;
      await until(() => [a, b].every(({ log }) => log.epoch !== epoch));
      await publishAt(b, "a", "2");
      await listener.events.until((all) => all.length === 4);
      expect(listener.events.all.map(({ event, data }) => event ?? data)).toEqual([
        "0",
        "1",
        "thump:gap",
        "2",
      ]);
      await raw.until((all) => all.length === 4);
      expect(JSON.parse(String(raw.all[2]))).toMatchObject({ type: "gap", after: lost });
      // Other messages may be lost as well.
      await other.events.until((all) => all.some(({ event }) => event === "thump:gap"));
      for (const node of [a, b]) expect((await stateOf(node, "a", `?after=${before}`)).gap).toBeDefined();
      await publishAt(a, "a", "3");
      await listener.events.until((all) => all.at(-1)?.data === "3" && all.length === 5);
    },
  );

  longTest(
    "the primary is killed during publications: each client receives the whole log or a gap notice",
    async () => {
      const { a, b, shard } = await nodes();
      const listener = await openEvents(b.room("a"));
      const publishing = new SteadyPublisher(a, "a");
      await publishing.more(50);
      const { epoch } = a.log;
      await shard.owner.kill();
      await publishing.more(50);
      const count = await publishing.stop();
      // In a new epoch, a retry may be published again despite its key. A gap notice precedes the repeated message.
      await listener.events.until((all) => all.some(({ data }) => data === String(count - 1)));
      const gaps = listener.events.all.filter(({ event }) => event === "thump:gap").length;
      expect(gaps > 0).toBe(a.log.epoch !== epoch);
      if (gaps === 0) await hasAllOf(listener, count);
    },
  );

  longTest(
    "nodes give up on a server that hangs, even if it is the first in their address, and nothing is missing when it wakes",
    async () => {
      const { a, b, shard } = await nodes(({ owner, others }) => [owner, ...others], 2);
      const listener = await openEvents(b.room("a"));
      const { epoch } = a.log;
      const publishing = new SteadyPublisher(a, "a");
      await publishing.more(20);
      const count = await publishing.stop();
      await until(() => hasAll(shard.replica, shard.owner));
      shard.owner.pause();
      await until(async () => (await shard.replica.replication("role")) === "master");
      const more = new SteadyPublisher(a, "more");
      await more.more(5);
      shard.owner.resume();
      await more.more(20);
      await more.stop();
      await publishAt(b, "a", String(count));
      await hasAllOf(listener, count + 1);
      expect(a.log.epoch).toBe(epoch);
    },
  );

  longTest(
    "another server dies: the log waits until the Cluster is complete again, and nothing is missing",
    async () => {
      const { a, b, shard } = await nodes();
      const listener = await openEvents(b.room("a"));
      const publishing = new SteadyPublisher(a, "a");
      await publishing.more(20);
      await shard.others[0]?.kill();
      // A node detects the failure only if it sent a command during the outage.
      await until(async () => (await cluster.masters()) === 3);
      await publishing.more(20);
      await hasAllOf(listener, await publishing.stop());
    },
  );

  longTest(
    "a server that lost contact with the majority is not used, although it considers itself the owner",
    async () => {
      const alone = await RedisServer.start("--cluster-enabled", "yes");
      const prefix = `failover-${++logs}`;
      const slot = Number(await alone.ask("CLUSTER", "KEYSLOT", `{${prefix}}`));
      await alone.ask("CLUSTER", "ADDSLOTS", slot);
      const node = startNode(cluster.url(alone), {}, { prefix, patience: 0.5 });
      await until(() => node.log.fault?.includes("the Cluster is down") === true);
      expect(await readiness(node)).toBe(503);
      const other = await readyNode(cluster.url(alone, ...cluster.servers), {}, { prefix });
      await publishAt(other, "a", "1");
    },
  );
});
