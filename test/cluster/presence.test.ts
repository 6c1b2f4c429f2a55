// Presence on several nodes without failures: counts, notifications, cost, and moves between nodes.
import { expect, test } from "bun:test";
import type { Options } from "../../src/index.ts";
import { connect, type Multiplexed, multiplexed } from "../support/clients.ts";
import { readyNode, type TestNode, until } from "../support/nodes.ts";
import { membersOf, Roster, type Told, userToken } from "../support/presence.ts";
import { noRedis, RedisServer } from "../support/redis.ts";
import { describeIf } from "../support/skip.ts";
import { SECRET } from "../support/tokens.ts";

const rule = { join: "anyone", members: "anyone", presence: { grace: 0.2, list: 8 } } as const;

async function nodes(
  count: number,
  rooms: Options["rooms"] = { "*": rule },
): Promise<[RedisServer, ...TestNode[]]> {
  const redis = await RedisServer.start();
  const options = { access: { secrets: SECRET }, rooms };
  const all = Array.from({ length: count }, () => readyNode(redis.url, options, { lease: 0.9 }));
  return [redis, ...(await Promise.all(all))];
}

/** Opens a session in a room, for a user or a guest. */
function join(node: TestNode, user?: string, info?: unknown, room = "r"): Promise<Multiplexed> {
  const token = user === undefined ? "" : `&token=${userToken(user, info === undefined ? {} : { info })}`;
  return multiplexed(node.socket(`/ws?room=${room}&presence=1${token}`));
}

async function leave(client: Multiplexed): Promise<void> {
  client.socket.ws.close();
  await client.closed;
}

/** Combines a client's presence notifications into a roster. */
function rosterOf(client: Multiplexed): Roster {
  const roster = new Roster();
  client.tap((frame) => {
    const message = (frame.type === "joined" ? frame["presence"] : frame) as Told | undefined;
    if (message?.users !== undefined) roster.apply(message);
  });
  return roster;
}

const namesOf = ({ names }: Roster) => names && [...names.keys()].toSorted().join(" ");

describeIf(noRedis)("presence on several nodes", () => {
  test("each user is present once across nodes, guests are added up, and the first snapshot is complete", async () => {
    const [, a, b, c] = (await nodes(3)) as [RedisServer, TestNode, TestNode, TestNode];
    const first = rosterOf(await join(a, "u1", "old"));
    await join(a);
    await until(async () => (await membersOf(b, "r", {})).sessions === 2);
    const client = await join(b, "u2");
    const joined = await client.find(({ type }) => type === "joined");
    expect(joined["presence"]).toMatchObject({ users: 2, guests: 1 });
    await join(b, "u1", "new");
    await join(c);
    await until(() => namesOf(first) === "u1 u2" && first.guests === 2);
    for (const node of [a, b, c]) {
      await until(async () => (await membersOf(node, "r", {})).sessions === 5);
      const { users, guests, members } = await membersOf(node, "r", {});
      expect({ users, guests }).toEqual({ users: 2, guests: 2 });
      expect(members.map(({ user, info, sessions }) => `${user} ${info} ${sessions}`).toSorted()).toEqual([
        "u1 new 2",
        "u2 undefined 1",
      ]);
    }
  });

  test("a node without sessions in the room can list its members, and receives no notifications", async () => {
    const [redis, a, b] = (await nodes(2)) as [RedisServer, TestNode, TestNode];
    const listener = await join(a, "u1");
    await until(async () => (await membersOf(b, "r", {})).users === 1);
    expect(await redis.ask("PUBSUB", "NUMSUB", "{thump}:who:r")).toEqual(["{thump}:who:r", 1]);
    const other = await join(b, "u1", undefined, "other");
    expect(await other.ask({ type: "members", room: "r" })).toMatchObject({ users: 1, sessions: 1 });
    await leave(listener);
    await until(async () => (await membersOf(b, "r", {})).users === 0);
    const followers = async () => (await redis.ask("PUBSUB", "NUMSUB", "{thump}:who:r")) as unknown[];
    await until(async () => (await followers())[1] === 0);
  });

  test("a user who moves to another node within the grace period causes no notification, even if the first node stops", async () => {
    const calm = { "*": { ...rule, presence: { grace: 60 } } };
    const [, a, b, c] = (await nodes(3, calm)) as [RedisServer, TestNode, TestNode, TestNode];
    const roster = rosterOf(await join(c, "watcher"));
    const early = await join(a, "u1");
    await join(a, "u2");
    await until(() => roster.users === 3);
    const before = roster.told.all.length;
    await leave(early);
    await join(b, "u1");
    await a.stop();
    await join(b, "u2");
    // A client that has received this join has also received everything before it.
    await join(b, "u3");
    await until(() => roster.users === 4);
    expect(
      roster.told.all.slice(before).map(({ joined, left }) => [joined?.map(({ user }) => user), left]),
    ).toEqual([[["u3"], []]]);
    expect(await membersOf(b, "r", {})).toMatchObject({ users: 4, sessions: 4 });
  });

  test("users of a stopped node leave after their grace period if they do not return", async () => {
    const [, a, b] = (await nodes(2)) as [RedisServer, TestNode, TestNode];
    const roster = rosterOf(await join(b, "watcher"));
    await join(a, "u1");
    await join(a);
    await until(() => roster.users === 2 && roster.guests === 1);
    await a.stop();
    await until(() => roster.users === 1 && roster.guests === 0);
  });

  test("above the limit, all nodes send only counts; listing resumes by itself", async () => {
    const [redis, a, b] = (await nodes(2)) as [RedisServer, TestNode, TestNode];
    const roster = rosterOf(await join(b, "u0"));
    const many = await Promise.all(Array.from({ length: 9 }, (_, i) => join(a, `u${i + 1}`)));
    await until(() => roster.users === 10 && roster.names === undefined);
    const { users, sessions, members, more } = await membersOf(b, "r", {});
    expect({ users, sessions, more }).toEqual({ users: 10, sessions: 10, more: true });
    // Each node lists its own users.
    expect(members.map(({ user }) => user)).toEqual(["u0"]);
    expect(await redis.ask("HLEN", "{thump}:users:r")).toBe(10);
    for (const client of many.slice(3)) await leave(client);
    await until(() => namesOf(roster) === "u0 u1 u2 u3");
  });

  test("rule changes start and end presence on all nodes, and leave no keys behind", async () => {
    const [redis, a, b] = (await nodes(2)) as [RedisServer, TestNode, TestNode];
    const roster = rosterOf(await join(b, "u0"));
    await connect(a.socket(`/rooms/r?token=${userToken("u1")}`));
    await until(() => roster.users === 2);
    const { hub } = a.thump;
    const before = hub.rules;
    const plain = await readyNode(redis.url, { access: { secrets: SECRET } });
    hub.replaceRules(plain.thump.hub.rules);
    await until(() => roster.users === 1);
    expect(await redis.ask("HKEYS", "{thump}:users:r")).toEqual(["u0"]);
    hub.replaceRules(before);
    await until(() => roster.users === 2);
  });
});
