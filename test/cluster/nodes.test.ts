// Several nodes on one Redis without failures: a single order, shared cursors, and operator actions across nodes.
import { expect, test } from "bun:test";
import { stateOf, dataOf, publishAt } from "../support/answers.ts";
import { connect, multiplexed } from "../support/clients.ts";
import { LinkProxy } from "../support/link-proxy.ts";
import { readyNode, type TestNode, until } from "../support/nodes.ts";
import { noRedis, RedisServer } from "../support/redis.ts";
import { describeIf } from "../support/skip.ts";
import { openEvents } from "../support/streams.ts";
import { bearer, claims, seconds, SECRET, token } from "../support/tokens.ts";

async function nodes(count: number, options: object = {}): Promise<[RedisServer, ...TestNode[]]> {
  const redis = await RedisServer.start();
  const all = Array.from({ length: count }, () => readyNode(redis.url, options));
  return [redis, ...(await Promise.all(all))];
}

describeIf(noRedis)("nodes", () => {
  test("a publication is delivered on all nodes and transports, but not to its sender", async () => {
    const [, a, b] = (await nodes(2)) as [RedisServer, TestNode, TestNode];
    const events = await openEvents(b.room("chat"));
    const raw = await connect(b.socket("/rooms/chat"));
    const speaker = await connect(a.socket("/rooms/chat"));
    const many = await multiplexed(a.socket("/ws?room=chat"));
    await many.find(({ type }) => type === "joined");
    await until(() => b.thump.sessionsIn("chat") === 2 && a.thump.sessionsIn("chat") === 2);
    await stateOf(b, "chat");
    speaker.send("one");
    expect(await raw.next()).toBe("one");
    await publishAt(b, "chat", "two");
    raw.send("three");
    expect(await many.ask({ type: "publish", room: "chat", data: "four" })).toMatchObject({
      type: "published",
    });
    expect(await speaker.next()).toBe("two");
    expect(await speaker.next()).toBe("three");
    expect(await speaker.next()).toBe("four");
    await many.until(() => many.messages().length === 3);
    expect(many.messages().map((message) => message["data"])).toEqual(["one", "two", "three"]);
    await events.events.until((all) => all.length === 4);
    expect(events.events.all.map(({ data }) => data)).toEqual(["one", "two", "three", "four"]);
    expect(raw.all).toEqual(["one", "two", "four"]);
  });

  test("one node's cursor is immediately valid on all others, whether they subscribe to the room or not", async () => {
    const [, a, b] = (await nodes(2)) as [RedisServer, TestNode, TestNode];
    const listener = await openEvents(b.room("joined"));
    for (const room of ["joined", "quiet"]) {
      for (let i = 0; i < 20; i++) {
        const at = await publishAt(a, room, `n${i}`);
        const state = await stateOf(b, room, `?after=${at}`);
        expect(state.gap).toBeUndefined();
        expect(state.messages).toEqual([]);
        const before = await stateOf(b, room, "?last=1");
        expect(dataOf(before)).toEqual([`n${i}`]);
      }
    }
    await listener.events.until((all) => all.length === 20);
    const last = Number((await publishAt(a, "joined", "x")).split("-")[1]);
    const future = await stateOf(b, "joined", `?after=${a.log.epoch}-${last + 1000}`);
    expect(future.gap).toBeDefined();
  });

  test("a client that joins during publications misses nothing between the subscription and the first message", async () => {
    const [, a, b] = (await nodes(2)) as [RedisServer, TestNode, TestNode];
    const start = await publishAt(a, "busy", "-1");
    let sent = 0;
    let done = false;
    const publishing = (async () => {
      while (!done) await publishAt(a, "busy", String(sent++));
    })();
    const streams = [];
    for (let i = 0; i < 20; i++) {
      const stream = await openEvents(b.room("busy", `?after=${start}`));
      streams.push(stream);
      // Every second client leaves immediately, so that the node subscribes and unsubscribes repeatedly.
      if (i % 2 === 0) stream.abort();
    }
    done = true;
    await publishing;
    for (const [i, stream] of streams.entries()) {
      if (i % 2 === 0) continue;
      await stream.events.until((all) => all.length >= sent);
      expect(stream.events.all.map(({ data }) => Number(data))).toEqual([...Array(sent).keys()]);
    }
  });

  test("a room's sessions are counted across all nodes, except stopped ones", async () => {
    const [, a, b, c] = (await nodes(3)) as [RedisServer, TestNode, TestNode, TestNode];
    await openEvents(a.room("x"));
    await openEvents(b.room("x"));
    await openEvents(c.room("y"));
    const list = async ({ url }: TestNode) =>
      ((await (await fetch(`${url}/rooms`)).json()) as { rooms: object[] }).rooms;
    const all = [
      { room: "x", sessions: 2 },
      { room: "y", sessions: 1 },
    ];
    for (const node of [a, b, c]) await until(async () => Bun.deepEquals(await list(node), all));
    await c.stop();
    for (const node of [a, b]) await until(async () => Bun.deepEquals(await list(node), all.slice(0, 1)));
  });

  test("ending a session, removing a user and deleting a room's history work from any node", async () => {
    const [, a, b] = (await nodes(2)) as [RedisServer, TestNode, TestNode];
    const there = await multiplexed(b.socket("/ws?room=chat"));
    const { session } = (await there.next()) as unknown as { session: string };
    const remove = (id: string) => fetch(`${a.url}/sessions/${id}`, { method: "DELETE" });
    expect((await remove("nobody")).status).toBe(404);
    expect((await remove(session)).status).toBe(204);
    expect((await there.closed).code).toBe(4403);
    const listener = await openEvents(b.room("chat"));
    const first = await publishAt(a, "chat", "old");
    await listener.events.next();
    expect((await fetch(`${a.room("chat")}/history`, { method: "DELETE" })).status).toBe(204);
    await until(async () => (await stateOf(b, "chat", "?last=9")).messages.length === 0);
    const before = `${first.split("-")[0]}-${Number(first.split("-")[1]) - 1}`;
    expect((await stateOf(b, "chat", `?after=${before}`)).gap).toBeDefined();
  });

  test("a revocation on one node applies to all nodes, including those that start later", async () => {
    const access = { secrets: [SECRET], apiKeys: [] };
    const [redis, a, b] = (await nodes(2, { access })) as [RedisServer, TestNode, TestNode];
    const theirs = token(claims({ jti: "t1" }));
    const stream = await openEvents(b.room("chat"), bearer(theirs));
    const done = await a.thump.hub.log.peers?.remove({
      token: "t1",
      revoked: { at: 0, until: Date.now() + 60_000 },
    });
    expect(done).toBe(1);
    await stream.ended;
    await a.thump.hub.log.peers?.remember({ token: "t1", at: 0, until: Date.now() + 60_000 });
    const status = async ({ room }: TestNode) =>
      (await fetch(room("chat"), { headers: bearer(theirs) })).status;
    await until(async () => (await status(b)) === 401);
    const late = await readyNode(redis.url, { access });
    expect(await status(late)).toBe(401);
    const good = await fetch(late.room("chat"), { headers: bearer(token()) });
    expect(good.status).toBe(200);
  });

  test("revoking a user on one node includes the tokens of the user's sessions on other nodes, whenever they were issued", async () => {
    const access = { secrets: [SECRET], apiKeys: [] };
    const [redis, a, b] = (await nodes(2, { access })) as [RedisServer, TestNode, TestNode];
    const theirs = token(claims({ iat: seconds(8) }));
    const stream = await openEvents(b.room("chat"), bearer(theirs));
    const removal = { user: "u7", revoked: { at: Date.now(), until: Date.now() + 60_000 } };
    expect(await a.thump.hub.log.peers?.remove(removal)).toBe(1);
    await stream.ended;
    const status = async ({ room }: TestNode) =>
      (await fetch(room("chat"), { headers: bearer(theirs) })).status;
    expect(await status(b)).toBe(401);
    await until(async () => (await status(a)) === 401);
    expect(await status(await readyNode(redis.url, { access }))).toBe(401);
  });

  test("publications in one tick are sent in one write", async () => {
    const redis = await RedisServer.start();
    const link = await LinkProxy.start(redis.port);
    const a = await readyNode(`redis://127.0.0.1:${link.port}`, {}, { check: 600, patience: 600 });
    const before = link.chunks;
    await Promise.all(Array.from({ length: 200 }, (_, i) => a.thump.publish("a", i)));
    // The publications total 40 kB, and the kernel may split a write.
    expect(link.chunks - before).toBeLessThanOrEqual(8);
  });

  test("5,000 resumes on a node without history need only a few reads", async () => {
    const [redis, a] = (await nodes(1)) as [RedisServer, TestNode];
    const cursors = [await publishAt(a, "storm", "-1")];
    for (let i = 0; i < 200; i++) cursors.push(await publishAt(a, "storm", String(i)));
    // The slow connection ensures that all resumes arrive during a read, even on a busy machine.
    const far = await LinkProxy.start(redis.port);
    const fresh = await readyNode(`redis://127.0.0.1:${far.port}`, {}, { patience: 20 });
    await openEvents(fresh.room("other"));
    far.delay = 300;
    const [commands, reads] = [fresh.log.commands, fresh.log.stats.reads.sent];
    const asked = Array.from({ length: 5000 }, async (_, i) => {
      const from = i % 200;
      const slice = await fresh.thump.hub.histories.read("storm", Number(cursors[from]?.split("-")[1]), 9999);
      expect(slice.publications.length).toBe(200 - from);
    });
    await Promise.all(asked);
    expect(fresh.log.stats.reads.sent - reads).toBeLessThanOrEqual(2);
    const streams = await Promise.all(
      Array.from({ length: 200 }, (_, i) => openEvents(fresh.room("storm", `?after=${cursors[i % 200]}`))),
    );
    for (const [i, { events }] of streams.entries()) {
      await events.until((all) => all.length === 200 - (i % 200));
      expect(Number(events.all[0]?.data)).toBe(i % 200);
    }
    expect(fresh.log.stats.reads.sent - reads).toBeLessThan(20);
    // The remaining commands are for the lease, the checks and the subscription.
    expect(fresh.log.commands - commands).toBeLessThan(150);
  });
});
