// The client in rooms, on both transports: messages with every kind of data arrive once and in order.
import { describe, expect, test } from "bun:test";
import { startServer } from "../support/server.ts";
import { client, joinRoom, RoomRecorder, inState, upTo, ThumpError } from "./support.ts";

describe.each(["websocket", "event-stream"] as const)("over %s", (transport) => {
  const start = () => {
    const server = startServer({ rooms: { "numbers:*": { schema: { type: "number" } } } });
    return { server, connect: (options = {}) => client(server.url, { transport, ...options }) };
  };

  test("messages arrive once and in the same order at all clients, including the publisher", async () => {
    const { server, connect } = start();
    const [a, b] = [connect(), connect()];
    const [inA, inB] = [await joinRoom(a, "r"), await joinRoom(b, "r")];
    expect(a.transport).toBe(transport);
    const cursors = await Promise.all(upTo(50).map((n) => (n % 2 ? inA : inB).room.publish({ n })));
    await server.publish("r", '{"n":50}');
    await Promise.all([inA, inB].map((received) => received.until((all) => all.length === 51)));
    expect(inA.all).toEqual(inB.all);
    expect(new Set(cursors).size).toBe(50);
    const of = (parity: number) =>
      inA.all.map((data) => (data as { n: number }).n).filter((n) => n % 2 === parity && n < 50);
    expect(of(0)).toEqual(upTo(25).map((n) => n * 2));
    expect(of(1)).toEqual(upTo(25).map((n) => n * 2 + 1));
    expect(inA.gaps.all).toEqual([]);
  });

  test("a listener receives the published data (JSON, text, bytes), the publisher, the time and the event name", async () => {
    const { connect } = start();
    const thump = connect();
    const room = thump.room("r/ü:1");
    const metas: { event: string; at: string; time: number }[] = [];
    room.on("message", (_, meta) => metas.push(meta));
    const received = await joinRoom(thump, "r/ü:1");
    const all = [
      null,
      0,
      "",
      "text",
      '{"a":1}',
      { a: [1, { b: "\n\u2028" }] },
      Uint8Array.of(0, 255, 10, 13),
    ];
    const at = [];
    for (const data of all) at.push(await room.publish(data, { event: "x" }));
    await received.until(({ length }) => length === all.length);
    expect(received.all).toEqual(all);
    expect(metas.map((meta) => [meta.event, meta.at])).toEqual(at.map((cursor) => ["x", cursor]));
    expect(metas.every(({ time }) => Math.abs(time - Date.now()) < 60_000)).toBe(true);
    expect(room.at as string).toBe(at.at(-1) as string);
  });

  test("`last` starts with the newest messages, `after` starts after a cursor; neither reports a gap", async () => {
    const { server, connect } = start();
    const cursors: string[] = [];
    for (const n of upTo(10))
      cursors.push(((await (await server.publish("r", String(n))).json()) as { at: string }).at);
    const thump = connect();
    const last = await joinRoom(thump, "r", { last: 3 });
    await last.until(({ length }) => length === 3);
    const after = await joinRoom(connect(), "r", { after: cursors[4] as string });
    await after.until(({ length }) => length === 5);
    const none = await joinRoom(thump, "empty", { last: 3 });
    await server.publish("r", "10");
    await server.publish("empty", "0");
    await Promise.all([last.until(({ length }) => length === 4), after.until(({ length }) => length === 6)]);
    await none.until(({ length }) => length === 1);
    expect([last.all, after.all, none.all]).toEqual([[7, 8, 9, 10], [5, 6, 7, 8, 9, 10], [0]]);
    for (const received of [last, after, none]) expect(received.gaps.all).toEqual([]);
  });

  test("messages that are no longer stored are reported as a gap, and later ones follow", async () => {
    const server = startServer({ rooms: { r: { history: { count: 2 } } } });
    const first = (await (await server.publish("r", "0")).json()) as { at: string };
    for (const n of [1, 2, 3, 4]) await server.publish("r", String(n));
    const received = await joinRoom(client(server.url, { transport }), "r", { after: first.at });
    await received.until(({ length }) => length === 2);
    expect(received.all).toEqual([3, 4]);
    expect(received.gaps.all).toHaveLength(1);
    expect(received.gaps.all[0]?.after).toBe(first.at);
    await server.publish("r", "5");
    await received.until(({ length }) => length === 3);
    expect(received.gaps.all).toHaveLength(1);
  });

  test("rooms that are joined and left on one connection do not affect each other", async () => {
    const { server, connect } = start();
    const thump = connect();
    const a = await joinRoom(thump, "a");
    await server.publish("a", "0");
    const b = await joinRoom(thump, "b", { last: 5 });
    await server.publish("a", "1");
    await server.publish("b", "0");
    await b.next();
    await a.until(({ length }) => length === 2);
    b.room.leave();
    expect([b.room.state, a.room.state === "closed"]).toEqual(["closed", false]);
    await server.publish("b", "1");
    await server.publish("a", "2");
    await a.until(({ length }) => length === 3);
    const again = await joinRoom(thump, "b");
    expect(again.room).not.toBe(b.room);
    await server.publish("b", "2");
    await again.next();
    expect([a.all, b.all, again.all]).toEqual([[0, 1, 2], [0], [2]]);
    expect([...a.gaps.all, ...b.gaps.all, ...again.gaps.all]).toEqual([]);
  });

  test("a loop over a room yields every message, and ends when the room is left", async () => {
    const { server, connect } = start();
    const thump = connect();
    const room = thump.room("r");
    const seen: unknown[] = [];
    const loop = (async () => {
      for await (const { data, at } of room) {
        seen.push(data);
        expect(at).toMatch(/^[a-z0-9]+-\d+$/);
        if (seen.length === 3) room.leave();
      }
    })();
    await inState(room, "live");
    for (const n of upTo(3)) await server.publish("r", String(n));
    await loop;
    expect(seen).toEqual([0, 1, 2]);
    for await (const _ of room) throw new Error("a room that was left must yield no message");
  });

  test("an invalid name closes only its room, with the server's code", async () => {
    const { server, connect } = start();
    const thump = connect();
    const good = await joinRoom(thump, "good");
    const bad = new RoomRecorder(thump.room("x".repeat(300)));
    const loop = (async () => {
      for await (const _ of bad.room) continue;
    })();
    await expect(loop).rejects.toMatchObject({ name: "ThumpError", code: "invalid-room" });
    expect(bad.errors.all.map(({ code }) => code)).toEqual(["invalid-room"]);
    expect(bad.room.state).toBe("closed");
    await server.publish("good", "1");
    await good.next();
    expect(thump.errors.all).toEqual([]);
  });

  test("a rejected publication reports the reason, and other publications succeed", async () => {
    const { connect } = start();
    const thump = connect();
    await expect(thump.publish("numbers:1", "one")).rejects.toMatchObject({
      code: "invalid",
      errors: [{ path: "" }],
    });
    await expect(thump.publish("numbers:1", "x".repeat(70_000))).rejects.toBeInstanceOf(ThumpError);
    await expect(thump.publish("", 1)).rejects.toMatchObject({ code: "invalid-room" });
    expect(await thump.publish("numbers:1", 1)).toMatch(/-\d+$/);
    // Two publications with the same key resolve with the same cursor.
    const [one, two] = await Promise.all([
      thump.publish("r", 1, { key: "k" }),
      thump.publish("r", 1, { key: "k" }),
    ]);
    expect(one).toBe(two);
    await expect(thump.publish("r", 2, { key: "k" })).rejects.toMatchObject({ code: "key-reused" });
  });
});
