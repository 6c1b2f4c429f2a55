// Nodes on a Redis Cluster have the same features as on a single server, and logs can move between servers.
import { afterAll, beforeAll, beforeEach, expect, test } from "bun:test";
import type { Options } from "../../src/index.ts";
import { dataOf, publishAt, stateOf } from "../support/answers.ts";
import { connect, type Multiplexed, multiplexed } from "../support/clients.ts";
import { readyNode, type TestNode, until } from "../support/nodes.ts";
import { membersOf, userToken } from "../support/presence.ts";
import { noRedis, type RedisServer } from "../support/redis.ts";
import { RedisCluster, type Shard } from "../support/redis-cluster.ts";
import { describeIf } from "../support/skip.ts";
import { openEvents } from "../support/streams.ts";
import { SECRET } from "../support/tokens.ts";
import { hasAllOf, SteadyPublisher } from "./steady-publisher.ts";

const presence = (grace: number): Options => ({
  access: { secrets: SECRET },
  rooms: { "*": { join: "anyone", members: "anyone", presence: { grace } } },
});

describeIf(noRedis)("on a Redis Cluster", () => {
  let cluster: RedisCluster;
  let logs = 0;
  beforeAll(async () => (cluster = await RedisCluster.start()));
  afterAll(() => cluster.stop());
  beforeEach(() => cluster.whole());

  /** Starts two nodes with their own log. Each node's config lists a different server's address. */
  async function nodes(
    options: Options = {},
  ): Promise<{ a: TestNode; b: TestNode; shard: Shard; tag: string }> {
    const prefix = `log-${++logs}`;
    const tag = `{${prefix}}`;
    const shard = await cluster.shardOf(tag);
    const { owner, replica, others } = shard;
    const store = { prefix, patience: 10 };
    const [a, b] = await Promise.all([
      readyNode(cluster.url(owner, replica), options, store),
      readyNode(cluster.url(...others), options, store),
    ]);
    return { a, b, shard, tag };
  }

  test("nodes share rooms, one order and cursors; deleting history and ending sessions work across nodes", async () => {
    const { a, b } = await nodes();
    const events = await openEvents(b.room("chat"));
    const raw = await connect(b.socket("/rooms/chat"));
    const many = await multiplexed(a.socket("/ws?room=chat"));
    const joined = await many.find(({ type }) => type === "joined");
    const cursors: string[] = [];
    for (let i = 0; i < 10; i++) cursors.push(await publishAt(i % 2 ? a : b, "chat", String(i)));
    await hasAllOf(events, 10);
    await raw.until((all) => all.length === 10);
    await many.until(() => many.messages().length === 10);
    expect(raw.all.map(Number)).toEqual([...Array(10).keys()]);
    expect(many.messages().map(({ at }) => at)).toEqual(cursors);
    for (const node of [a, b]) {
      const state = await stateOf(node, "chat", `?after=${cursors[6]}`);
      expect([dataOf(state), state.gap]).toEqual([[7, 8, 9], undefined]);
      expect(await stateOf(node, "chat", `?after=${cursors[9]}`)).toMatchObject({ messages: [] });
    }
    expect((await fetch(`${a.room("chat")}/history`, { method: "DELETE" })).status).toBe(204);
    await until(async () => (await stateOf(b, "chat", "?last=9")).messages.length === 0);
    expect((await stateOf(b, "chat", `?after=${cursors[6]}`)).gap).toBeDefined();
    const { session } = many.all[0] as unknown as { session: string };
    expect(joined.type).toBe("joined");
    expect((await fetch(`${b.url}/sessions/${session}`, { method: "DELETE" })).status).toBe(204);
    expect((await many.closed).code).toBe(4403);
  });

  test("users on all nodes are present until they leave", async () => {
    const { a, b } = await nodes(presence(0.2));
    const watcher = await join(a, "u1");
    const other = await join(b, "u2");
    await watcher.find(({ joined }) => JSON.stringify(joined ?? null).includes("u2"));
    for (const node of [a, b]) await until(async () => Bun.deepEquals(await usersOf(node), ["u1", "u2"]));
    await leave(other);
    await watcher.find(({ left }) => Bun.deepEquals(left, ["u2"]));
    await until(async () => Bun.deepEquals(await usersOf(b), ["u1"]));
  });

  test("a log's keys are all in one slot, and logs with different prefixes are on different servers", async () => {
    const owners = new Set<number>();
    while (owners.size < 3) {
      const { a, b, shard, tag } = await nodes();
      await openEvents(a.room("one"));
      await publishAt(b, "one", "1");
      await publishAt(a, "another", "2", { "idempotency-key": "k" });
      for (const server of cluster.servers) {
        const keys = (await server.ask("KEYS", `${tag}:*`)) as string[];
        const has = server === shard.owner || server === shard.replica;
        expect(keys.length > 5).toBe(has);
      }
      owners.add(shard.owner.port);
      await Promise.all([a.stop(), b.stop()]);
    }
  });

  test("a replica takes over from a live master: sessions stay connected, and nothing is missing", async () => {
    const { a, b, shard } = await nodes();
    const listener = await openEvents(b.room("a"));
    // No client publishes on this node, so it must detect the change by itself.
    const quiet = await openEvents(b.room("quiet"));
    const publishing = new SteadyPublisher(a, "a");
    const { epoch } = b.log;
    for (const replica of [shard.replica, shard.owner]) {
      await publishing.more(20);
      const connects = [a, b].map(({ log }) => log.stats.connects);
      await replica.ask("CLUSTER", "FAILOVER");
      await until(() => [a, b].every(({ log }, i) => log.stats.connects > (connects[i] as number)));
      await cluster.whole();
      await publishing.more(20);
    }
    await hasAllOf(listener, await publishing.stop());
    await publishAt(a, "quiet", "0");
    await hasAllOf(quiet, 1);
    expect(b.log.epoch).toBe(epoch);
    expect(publishing.refusals).toEqual([]);
  });

  test("while a slot moves to another master, publications wait or fail with a message, and nothing is missing", async () => {
    const { a, b, shard, tag } = await nodes();
    const listener = await openEvents(b.room("a"));
    const publishing = new SteadyPublisher(a, "a");
    await publishing.more(20);
    const { epoch } = b.log;
    const [to] = shard.others as [RedisServer];
    await cluster.move(tag, to, async (moveKeys) => {
      // Halfway through the move, the keys are on two servers, and no script can access all of them.
      await moveKeys(`${tag}:log`);
      const { length } = publishing.refusals;
      await until(() => publishing.refusals.length > length || a.log.fault !== undefined);
      expect([200, 503]).toContain((await fetch(`${b.url}/rooms`)).status);
      await moveKeys();
    });
    await publishing.more(20);
    await hasAllOf(listener, await publishing.stop());
    expect(b.log.epoch).toBe(epoch);
    expect((await cluster.shardOf(tag)).owner).toBe(to);
    for (const refusal of publishing.refusals)
      expect(refusal).toMatch(/Redis (refuses writes|is unavailable|cannot|did not)/);
  });

  test("presence is correct after a slot moves, even with joins and leaves during the move", async () => {
    const { a, b, shard, tag } = await nodes(presence(60));
    await join(a, "leaving");
    await join(b, "staying");
    await until(async () => (await usersOf(b)).length === 2);
    // When a node stops, it stores the times at which its users' grace periods end.
    await a.stop();
    const [to] = shard.others as [RedisServer];
    await cluster.move(tag, to, async (moveKeys) => {
      // The first key that a script would write is still on this server, but the next key has moved.
      await moveKeys(`${tag}:users:r`);
      await join(b, "late");
      const before = await failedScripts(shard.owner);
      await until(async () => (await failedScripts(shard.owner)) > before + 1);
      await moveKeys();
    });
    const users = ["late", "leaving", "staying"];
    await until(async () => Bun.deepEquals(await usersOf(b), users));
    // According to the counts in the hash, exactly one node reports each user.
    await until(async () => {
      const counts = (await to.ask("HGETALL", `${tag}:users:r`)) as string[];
      return Bun.deepEquals(counts.toSorted(), [...users.map(() => "1"), ...users]);
    });
  });
});

function join(node: TestNode, user: string): Promise<Multiplexed> {
  return multiplexed(node.socket(`/ws?room=r&presence=1&token=${userToken(user)}`));
}

async function leave(client: Multiplexed): Promise<void> {
  client.socket.ws.close();
  await client.closed;
}

async function usersOf(node: TestNode): Promise<string[]> {
  return (await membersOf(node, "r", {})).members.map(({ user }) => user).toSorted();
}

async function failedScripts(server: RedisServer): Promise<number> {
  const stats = String(await server.ask("INFO", "commandstats"));
  return Number(/cmdstat_evalsha:.*failed_calls=([0-9]+)/.exec(stats)?.[1] ?? 0);
}
