// Presence over real sockets and streams: snapshots, per-user joins and leaves, and the permission to receive them.
import { expect, test } from "bun:test";
import type { Options } from "../../src/index.ts";
import { problemOf, publishAt } from "../support/answers.ts";
import { connect, type Frame, multiplexed } from "../support/clients.ts";
import { membersOf, presenceClock, type Told, truth, userToken } from "../support/presence.ts";
import { startServer, type TestServer } from "../support/server.ts";
import { openEvents, openNdjson } from "../support/streams.ts";
import { bearer, claims, SECRET, token } from "../support/tokens.ts";

const rooms: NonNullable<Options["rooms"]> = {
  "open:*": { join: "anyone", presence: { grace: 5 } },
  quiet: { members: "server", presence: true },
  plain: {},
  "*": { presence: { grace: 5 } },
};

const start = (more: Options = {}) => startServer({ access: { secrets: SECRET }, rooms, ...more });
const as = (user: string, more: object = {}) => `token=${encodeURIComponent(userToken(user, more))}`;

/** Opens a multiplexed socket, by default in room "r" with presence. */
function join(server: TestServer, user: string, query = "&room=r&presence=1", more: object = {}) {
  return multiplexed(server.socket(`/ws?${as(user, more)}${query}`));
}

type Client = Awaited<ReturnType<typeof join>>;
const told = ({ all }: Client) => all.filter(({ type }) => type === "presence") as (Frame & Told)[];
const next = (client: Client) => client.find(({ type }) => type === "presence") as Promise<Frame & Told>;
const joined = (client: Client) => client.find(({ type }) => type === "joined");

test("the reply to a join has a snapshot; later joins are sent at once, leaves after a grace period", async () => {
  const server = start();
  const pass = presenceClock(server);
  const watcher = await join(server, "u1", "", { info: { name: "Ann" } });
  const reply = await watcher.ask({ type: "join", room: "r", presence: true });
  const ann = { user: "u1", info: { name: "Ann" } };
  expect(reply["presence"]).toEqual({ users: 1, guests: 0, members: [ann] });
  const first = await join(server, "u2");
  // All members present are reported to the others before the new subscriber gets its snapshot, so the snapshot
  // contains all of them.
  expect((await joined(first))["presence"]).toMatchObject({ users: 2, members: [ann, { user: "u2" }] });
  expect(await next(watcher)).toEqual({
    type: "presence",
    room: "r",
    users: 2,
    guests: 0,
    joined: [{ user: "u2" }],
    left: [],
  });
  const second = await connect(server.socket(`/rooms/r?${as("u2")}`));
  first.socket.ws.close();
  await first.closed;
  second.ws.close();
  await second.closed;
  await publishAt(server, "r", "1", bearer(userToken("u9")));
  await watcher.find(({ type }) => type === "message");
  pass(4999);
  expect((await membersOf(server, "r")).members.map(({ user }) => user)).toEqual(["u1", "u2"]);
  pass(1);
  expect(await next(watcher)).toMatchObject({ users: 1, joined: [], left: ["u2"] });
  expect((await membersOf(server, "r")).members).toMatchObject([{ ...ann, sessions: 1 }]);
});

test("a page reload causes no presence message", async () => {
  const server = start();
  const pass = presenceClock(server);
  const watcher = await join(server, "u1");
  const first = await join(server, "u2");
  expect(await next(watcher)).toMatchObject({ users: 2 });
  first.socket.ws.close();
  await first.closed;
  pass(4000);
  const second = await join(server, "u2");
  await joined(second);
  pass(60_000);
  // The next presence message reports a different change.
  await join(server, "u3");
  pass(1000);
  expect(await next(watcher)).toMatchObject({ users: 3, joined: [{ user: "u3" }], left: [] });
  expect(told(watcher)).toHaveLength(2);
});

test("on every transport, users become present and subscribers receive presence", async () => {
  const server = start();
  const pass = presenceClock(server);
  const events = await openEvents(server.room("r", `?presence=1`), bearer(userToken("u1")));
  const lines = await openNdjson(server.room("r", "?presence=1"), bearer(userToken("u2")));
  const both = await openEvents(`${server.url}/events?room=r&room=s&presence=1`, bearer(userToken("u3")));
  await connect(server.socket(`/rooms/r?${as("u4")}`));
  await join(server, "u5", "&room=r");
  pass(1000);
  const users = ["u1", "u2", "u3", "u4", "u5"];
  expect((await membersOf(server, "r")).members.map(({ user }) => user).sort()).toEqual(users);
  const fromEvents = () => both.events.all.filter(({ event }) => event === "thump:presence");
  const parsed = () => fromEvents().map(({ data }) => JSON.parse(data) as Told);
  await both.events.until(() => parsed().some(({ room, users: count }) => room === "r" && count === 5));
  expect(parsed().filter(({ room }) => room === "s")).toMatchObject([
    { users: 1, members: [{ user: "u3" }] },
  ]);
  // Presence messages have no position, so they do not change the client's cursor.
  await events.events.until((all) => all.length > 1);
  for (const { event, id } of events.events.all) {
    expect(event).toBe("thump:presence");
    expect(id).toBeUndefined();
  }
  const [first, change] = events.events.all.map(({ data }) => JSON.parse(data) as Told);
  expect(first).toEqual({ type: "presence", room: "r", users: 1, guests: 0, members: [{ user: "u1" }] });
  expect(change).toMatchObject({ joined: [{ user: "u2" }], left: [] });
  await lines.lines.until(() => lines.objects.some(({ users: count }) => count === 5));
  expect(lines.objects.slice(0, 2)).toMatchObject([
    { type: "position" },
    { type: "presence", users: 2, members: [{ user: "u1" }, { user: "u2" }] },
  ]);
});

test("clients receive no presence without a subscription, or if the rule does not enable it", async () => {
  const server = start();
  const pass = presenceClock(server);
  const deaf = await join(server, "u1", "&room=r&room=plain");
  const plain = await join(server, "u2", "&room=plain&presence=1");
  expect(await joined(plain)).not.toHaveProperty("presence");
  await join(server, "u3", "&room=r&room=plain");
  pass(1000);
  for (const room of ["r", "plain"]) await publishAt(server, room, "1", bearer(userToken("u9")));
  await plain.find(({ type }) => type === "message");
  await deaf.until((all) => all.filter(({ type }) => type === "message").length === 2);
  expect([...told(deaf), ...told(plain)]).toEqual([]);
  // Without presence in the rule, the member list is computed from the sessions, grouped by user.
  expect(await membersOf(server, "plain")).toMatchObject({ users: 3, sessions: 3, guests: 0 });
});

test("a leave is reported, and a session that left a room gets no further presence messages for that room", async () => {
  const server = start();
  const pass = presenceClock(server);
  const one = await join(server, "u1");
  const two = await join(server, "u2");
  await next(one);
  await one.ask({ type: "leave", room: "r" });
  pass(5000);
  expect(await next(two)).toMatchObject({ users: 1, left: ["u1"] });
  expect(await one.ask({ type: "ping" })).toMatchObject({ type: "pong" });
  expect(told(one)).toHaveLength(1);
});

test("guests are counted, not listed", async () => {
  const server = start();
  const pass = presenceClock(server);
  const guest = await multiplexed(server.socket("/ws?room=open:r&presence=1"));
  expect((await joined(guest))["presence"]).toEqual({ users: 0, guests: 1, members: [] });
  const other = await connect(server.socket("/rooms/open:r"));
  pass(1000);
  expect(await next(guest)).toMatchObject({ users: 0, guests: 2, joined: [], left: [] });
  other.ws.close();
  await other.closed;
  pass(1000);
  expect(await next(guest)).toMatchObject({ guests: 1 });
});

test("a new token with a different info is reported as a change", async () => {
  const server = start();
  const pass = presenceClock(server);
  const one = await join(server, "u1", "&room=r&presence=1", { info: "away" });
  await joined(one);
  await one.ask({ type: "auth", token: userToken("u1", { info: "here" }) });
  pass(1000);
  expect(await next(one)).toMatchObject({ users: 1, joined: [{ user: "u1", info: "here" }], left: [] });
});

test("a new token without the permission ends only the presence subscription", async () => {
  const server = start();
  const pass = presenceClock(server);
  const one = await join(server, "u1");
  await joined(one);
  const less = token(claims({ sub: "u1", rooms: { "*": ["join"] } }));
  await one.ask({ type: "auth", token: less });
  expect(await next(one)).toEqual({ type: "presence", room: "r", off: true });
  await join(server, "u2");
  pass(1000);
  await publishAt(server, "r", "1", bearer(userToken("u9")));
  await one.find(({ type }) => type === "message");
  expect(told(one)).toHaveLength(1);
});

test("sessions that an operator ends leave like any others", async () => {
  const server = start();
  const pass = presenceClock(server);
  const watcher = await join(server, "u1");
  const [two, three] = [await join(server, "u2"), await join(server, "u3")];
  pass(1000);
  await watcher.until(() => told(watcher).at(-1)?.users === 3);
  const { authenticator, hub } = server.thump;
  authenticator.revocations.revokeUser("u2", Date.now() + 60_000);
  for (const session of hub.sessions.values())
    if (session.identity.user !== "u1") session.end(4403, "removed");
  await Promise.all([two.closed, three.closed]);
  pass(5000);
  await watcher.until(() => told(watcher).at(-1)?.users === 1);
  expect(told(watcher).at(-1)?.left?.toSorted()).toEqual(["u2", "u3"]);
});

const mayNot = bearer(token(claims({ sub: "u1", rooms: { "*": ["join"] } })));

test.each([
  ["/rooms/r?presence=1", { accept: "text/event-stream" }],
  ["/rooms/r?presence=1", { accept: "application/x-ndjson" }],
  ["/events?room=r&presence=1", {}],
  ["/ws?room=r&presence=1", {}],
  ["/rooms/r/members", {}],
])("%s %j requires the `members` permission", async (path, headers) => {
  const problem = await problemOf(fetch(start().url + path, { headers: { ...headers, ...mayNot } }));
  expect(problem).toMatchObject({ status: 403, code: "forbidden" });
  expect(problem.detail).toContain('Listing the members of "r"');
});

test("only joins with presence require the permission", async () => {
  const server = start();
  const one = await join(server, "u1", "", { rooms: { "*": ["join"] } });
  expect(await one.ask({ type: "join", room: "r", presence: true })).toMatchObject({
    type: "error",
    code: "forbidden",
    room: "r",
  });
  expect(await one.ask({ type: "join", room: "r" })).toMatchObject({ type: "joined" });
  expect(await one.ask({ type: "join", room: "quiet", presence: true })).toMatchObject({ code: "forbidden" });
});

test("presence is rejected on transports that cannot deliver it", async () => {
  const server = start();
  for (const query of ["?presence=1", "?presence=1&wait=5"]) {
    const problem = await problemOf(fetch(server.room("r", query), { headers: bearer(userToken("u1")) }));
    expect(problem).toMatchObject({ status: 400, code: "invalid-query" });
  }
  expect(await problemOf(fetch(server.room("r", "?presence=yes")))).toMatchObject({ code: "invalid-query" });
});

test("sampled subscribers receive presence too", async () => {
  const server = start();
  const pass = presenceClock(server);
  const stream = await openNdjson(server.room("r", "?presence=1&max=5"), bearer(userToken("u1")));
  const socket = await join(server, "u2", "&room=r&presence=1&max=5");
  expect((await joined(socket))["presence"]).toMatchObject({ users: 2 });
  await join(server, "u3");
  pass(1000);
  expect(await next(socket)).toMatchObject({ users: 3 });
  await stream.lines.until(() => stream.objects.some(({ users }) => users === 3));
});

test("a room that was empty does not report its earlier members", async () => {
  const server = start();
  const pass = presenceClock(server);
  const path = "/ws?room=open:r&presence=1";
  const [one, two] = [await multiplexed(server.socket(path)), await multiplexed(server.socket(path))];
  expect(await next(one)).toMatchObject({ guests: 2 });
  for (const { socket, closed } of [one, two]) {
    socket.ws.close();
    await closed;
  }
  // Less than a presence interval has passed since the last message.
  pass(10);
  const other = await multiplexed(server.socket(path));
  expect((await joined(other))["presence"]).toMatchObject({ guests: 1 });
  pass(1000);
  await connect(server.socket("/rooms/open:r"));
  pass(1000);
  expect(await next(other)).toMatchObject({ guests: 2 });
});

test("a room's presence is kept only for the grace period", async () => {
  const server = start();
  const pass = presenceClock(server);
  const one = await join(server, "u1");
  await joined(one);
  one.socket.ws.close();
  await one.closed;
  pass(4999);
  expect(server.thump.sessionsIn("r")).toBe(0);
  expect(await membersOf(server, "r")).toMatchObject({ users: 1, sessions: 0 });
  pass(1);
  expect(await membersOf(server, "r")).toMatchObject({ users: 0, sessions: 0, members: [] });
  expect(server.thump.hub.presence.users).toBe(0);
});

test("presence does not affect a resume: it is not part of the cursor, and a new snapshot is sent", async () => {
  const server = start();
  const pass = presenceClock(server);
  const at = await publishAt(server, "r", "1", bearer(userToken("u9")));
  await join(server, "u2");
  pass(1000);
  await publishAt(server, "r", "2", bearer(userToken("u9")));
  const one = await join(server, "u1", `&room=r&presence=1&after=${at}`);
  expect(await joined(one)).toMatchObject({ resumed: true, replay: 1, presence: { users: 2 } });
  expect(await one.find(({ type }) => type === "message")).toMatchObject({ data: 2 });
  const events = await openEvents(server.room("r", `?presence=1&after=${at}`), bearer(userToken("u1")));
  await events.events.until((all) => all.length === 2);
  expect(events.events.all.map(({ event, data }) => event ?? data).toSorted()).toEqual([
    "2",
    "thump:presence",
  ]);
  expect(await truth(server, "r")).toMatchObject({ users: 2 });
});
