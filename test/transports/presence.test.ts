// Presence over real sockets and streams: who comes and goes, by user, told after a snapshot; and who may hear it.
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

/** On /ws, in the room "r" with presence unless said otherwise. */
function join(server: TestServer, user: string, query = "&room=r&presence=1", more: object = {}) {
  return multiplexed(server.socket(`/ws?${as(user, more)}${query}`));
}

type Client = Awaited<ReturnType<typeof join>>;
const told = ({ all }: Client) => all.filter(({ type }) => type === "presence") as (Frame & Told)[];
const next = (client: Client) => client.find(({ type }) => type === "presence") as Promise<Frame & Told>;
const joined = (client: Client) => client.find(({ type }) => type === "joined");

test("the reply to a join says who is there; then who comes and, a grace after the last session, who goes", async () => {
  const server = start();
  const pass = presenceClock(server);
  const watcher = await join(server, "u1", "", { info: { name: "Ann" } });
  const reply = await watcher.ask({ type: "join", room: "r", presence: true });
  const ann = { user: "u1", info: { name: "Ann" } };
  expect(reply["presence"]).toEqual({ users: 1, guests: 0, members: [ann] });
  const first = await join(server, "u2");
  // Who is there already is told before the newcomer is told anything: the snapshot has all.
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

test("a reload makes no noise", async () => {
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
  // The next change is the next that is told.
  await join(server, "u3");
  pass(1000);
  expect(await next(watcher)).toMatchObject({ users: 3, joined: [{ user: "u3" }], left: [] });
  expect(told(watcher)).toHaveLength(2);
});

test("every transport makes its user present, and those who ask are told by theirs", async () => {
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
  // It has no position of its own: what a client resumes with stays what it was.
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

test("who did not ask hears nothing, nor does anybody where the rule keeps none", async () => {
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
  // Without a rule it is worked out from the sessions that are there, by user too.
  expect(await membersOf(server, "plain")).toMatchObject({ users: 3, sessions: 3, guests: 0 });
});

test("a leave is told, and who left a room hears nothing more of it", async () => {
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

test("guests are a number", async () => {
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

test("a new token that says something else about its user is a change", async () => {
  const server = start();
  const pass = presenceClock(server);
  const one = await join(server, "u1", "&room=r&presence=1", { info: "away" });
  await joined(one);
  await one.ask({ type: "auth", token: userToken("u1", { info: "here" }) });
  pass(1000);
  expect(await next(one)).toMatchObject({ users: 1, joined: [{ user: "u1", info: "here" }], left: [] });
});

test("a new token that does not let see who is there ends that, and nothing else", async () => {
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

test("sessions that are ended by others leave like all others", async () => {
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
])("%s %j takes the right to see who is there", async (path, headers) => {
  const problem = await problemOf(fetch(start().url + path, { headers: { ...headers, ...mayNot } }));
  expect(problem).toMatchObject({ status: 403, code: "forbidden" });
  expect(problem.detail).toContain('Listing the members of "r"');
});

test("a join that asks for presence takes the right to it, one that does not does not", async () => {
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

test("where it cannot be told it cannot be asked for", async () => {
  const server = start();
  for (const query of ["?presence=1", "?presence=1&wait=5"]) {
    const problem = await problemOf(fetch(server.room("r", query), { headers: bearer(userToken("u1")) }));
    expect(problem).toMatchObject({ status: 400, code: "invalid-query" });
  }
  expect(await problemOf(fetch(server.room("r", "?presence=yes")))).toMatchObject({ code: "invalid-query" });
});

test("who samples is told too", async () => {
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

test("a room that everybody left and others came to says nothing of those before", async () => {
  const server = start();
  const pass = presenceClock(server);
  const path = "/ws?room=open:r&presence=1";
  const [one, two] = [await multiplexed(server.socket(path)), await multiplexed(server.socket(path))];
  expect(await next(one)).toMatchObject({ guests: 2 });
  for (const { socket, closed } of [one, two]) {
    socket.ws.close();
    await closed;
  }
  // Within the tick of what was told last.
  pass(10);
  const other = await multiplexed(server.socket(path));
  expect((await joined(other))["presence"]).toMatchObject({ guests: 1 });
  pass(1000);
  await connect(server.socket("/rooms/open:r"));
  pass(1000);
  expect(await next(other)).toMatchObject({ guests: 2 });
});

test("a room is remembered for the grace, and not for longer", async () => {
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

test("resuming is as it was: presence has no place in the cursor, and is told anew", async () => {
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
