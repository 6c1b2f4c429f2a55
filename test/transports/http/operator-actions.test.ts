// Operator actions: listing rooms and members, deleting history, ending sessions, health.
import { expect, test } from "bun:test";
import { dataOf, eventually, problemOf, publishAt, stateOf } from "../../support/answers.ts";
import { connect, eventSource, multiplexed } from "../../support/clients.ts";
import { startServer, type TestServer } from "../../support/server.ts";
import { openEvents } from "../../support/streams.ts";

interface List {
  rooms: { room: string; sessions: number; newest?: number; kept?: { count: number; bytes: number } }[];
  total: number;
  cursor?: string;
}

async function list(server: TestServer, query = ""): Promise<List> {
  const response = await fetch(`${server.url}/rooms${query}`);
  expect(response.status).toBe(200);
  return (await response.json()) as List;
}

const remove = (server: TestServer, path: string) => fetch(`${server.url}${path}`, { method: "DELETE" });

test("the list has rooms with sessions and rooms with history, sorted by name", async () => {
  const server = startServer();
  await publishAt(server, "kept", "x");
  await connect(server.socket("/rooms/busy"));
  await multiplexed(server.socket("/ws?room=busy"));
  await eventually(() => server.thump.sessionsIn("busy") === 2);
  expect(await list(server)).toEqual({
    rooms: [
      { room: "busy", sessions: 2, kept: { count: 0, bytes: 0 } },
      { room: "kept", sessions: 0, kept: { count: 1, bytes: 257 }, newest: expect.any(Number) as number },
    ],
    total: 2,
  });
});

test("the list can be filtered by a pattern", async () => {
  const server = startServer();
  for (const room of ["chat:1", "chat:1:x", "news:1"]) await publishAt(server, room, "x");
  const names = async (match: string) =>
    (await list(server, `?match=${encodeURIComponent(match)}`)).rooms.map(({ room }) => room);
  expect(await names("chat:*")).toEqual(["chat:1", "chat:1:x"]);
  expect(await names("chat:{id}")).toEqual(["chat:1"]);
  expect(await names("*:1")).toEqual(["chat:1", "news:1"]);
  expect(await names("nothing")).toEqual([]);
});

test("page by page, every room is listed once", async () => {
  const server = startServer();
  const names = Array.from({ length: 23 }, (_, i) => `room ${i} é🐇`);
  for (const name of names) await publishAt(server, name, "x");
  const seen: string[] = [];
  let cursor: string | undefined;
  let pages = 0;
  do {
    const page = await list(server, `?limit=5${cursor ? `&cursor=${encodeURIComponent(cursor)}` : ""}`);
    expect(page.rooms.length).toBeLessThanOrEqual(5);
    seen.push(...page.rooms.map(({ room }) => room));
    cursor = page.cursor;
    pages++;
  } while (cursor !== undefined);
  expect(seen).toEqual(names.toSorted());
  expect(pages).toBe(5);
});

test("members: sessions without a user are guests, and polls are not listed", async () => {
  const server = startServer();
  await connect(server.socket("/rooms/r"));
  await eventSource(server.room("r"));
  await multiplexed(server.socket("/ws?room=r"));
  const poll = fetch(server.room("r", "?wait=20"));
  await eventually(() => server.thump.sessionsIn("r") === 4);
  const response = await fetch(`${server.room("r")}/members`);
  expect(await response.json()).toEqual({ room: "r", users: 0, guests: 3, sessions: 3, members: [] });
  await publishAt(server, "r", "1");
  await poll;
});

test("after a deletion, earlier messages are a gap and new messages are stored", async () => {
  const server = startServer();
  const start = await publishAt(server, "r", "1");
  const last = await publishAt(server, "r", "2");
  const live = await connect(server.socket("/rooms/r"));
  expect((await remove(server, "/rooms/r/history")).status).toBe(204);
  expect(dataOf(await stateOf(server, "r"))).toEqual([]);
  expect((await stateOf(server, "r", `?after=${start}`)).gap).toEqual({ after: start, at: last });
  expect(await stateOf(server, "r", `?after=${last}`)).not.toHaveProperty("gap");
  await publishAt(server, "r", "3");
  expect(await live.next()).toBe("3");
  expect(dataOf(await stateOf(server, "r", `?after=${last}`))).toEqual([3]);
});

test("deleting an unknown room's history succeeds; clients that may not publish may not delete history", async () => {
  const server = startServer({ rooms: { closed: { publish: "server" } } });
  expect((await remove(server, "/rooms/never/history")).status).toBe(204);
  await server.thump.publish("closed", "kept");
  expect(await problemOf(remove(server, "/rooms/closed/history"))).toMatchObject({ code: "forbidden" });
  expect(dataOf(await stateOf(server, "closed"))).toEqual(["kept"]);
});

test("a session can be ended: sockets close with 4403, streams end, other sessions stay", async () => {
  const server = startServer();
  const mux = await multiplexed(server.socket("/ws?room=r"));
  const { session } = await mux.next();
  const raw = await connect(server.socket("/rooms/r"));
  expect((await remove(server, `/sessions/${String(session)}`)).status).toBe(204);
  expect((await mux.closed).code).toBe(4403);
  expect(server.thump.sessionsIn("r")).toBe(1);
  const [rawSession] = server.thump.hub.sessions.keys();
  const stream = await openEvents(server.room("r"));
  await remove(server, `/sessions/${rawSession}`);
  expect((await raw.closed).code).toBe(4403);
  const [streamSession] = server.thump.hub.sessions.keys();
  expect((await remove(server, `/sessions/${streamSession}`)).status).toBe(204);
  await stream.ended;
  expect(server.thump.hub.sessions.size).toBe(0);
});

test("a session that joins right after another session was ended receives the room's messages", async () => {
  const server = startServer();
  for (let round = 0; round < 20; round++) {
    const first = await connect(server.socket("/rooms/r"));
    const [session] = server.thump.hub.sessions.keys();
    const removed = remove(server, `/sessions/${session}`);
    const second = await connect(server.socket("/rooms/r"));
    await removed;
    await first.closed;
    await publishAt(server, "r", `round ${round}`);
    expect(await second.next()).toBe(`round ${round}`);
    second.ws.terminate();
    await eventually(() => server.thump.hub.sessions.size === 0);
  }
});

test("ending an unknown session returns not found; ending the sessions of a user who has none ends none", async () => {
  const server = startServer();
  expect(await problemOf(remove(server, "/sessions/nobody"))).toMatchObject({
    status: 404,
    code: "not-found",
  });
  const response = await remove(server, "/users/u7/sessions");
  expect((await response.json()) as object).toEqual({ ended: 0 });
});

test("health, readiness, and the error for unknown paths", async () => {
  const server = startServer();
  const health = await fetch(`${server.url}/healthz`);
  expect([health.status, await health.json()]).toEqual([200, { status: "ok" }]);
  const ready = await fetch(`${server.url}/readyz`);
  expect([ready.status, await ready.json()]).toEqual([200, { status: "ready" }]);
  expect(await problemOf(fetch(`${server.url}/nowhere`))).toMatchObject({ status: 404, code: "not-found" });
  expect(await problemOf(fetch(server.room("r"), { method: "PUT" }))).toMatchObject({ code: "not-found" });
});

test("clients without grants can neither list nor delete rooms that are not open", async () => {
  const rooms = { hidden: { join: "server" }, club: { publish: "members" } } as const;
  const server = startServer({ rooms });
  for (const room of ["hidden", "club", "open"]) await server.thump.publish(room, 1);
  expect((await list(server)).rooms.map(({ room }) => room)).toEqual(["club", "open"]);
  for (const room of ["hidden", "club"]) {
    expect(await problemOf(remove(server, `/rooms/${room}/history`))).toMatchObject({ code: "forbidden" });
  }
});

test("a list's pattern is limited in length and number of wildcards", async () => {
  const server = startServer();
  for (const match of ["*a".repeat(5), "x".repeat(256), "{a}".repeat(5)]) {
    const asked = fetch(`${server.url}/rooms?match=${encodeURIComponent(match)}`);
    expect(await problemOf(asked)).toMatchObject({ status: 400, code: "invalid-query" });
  }
});
