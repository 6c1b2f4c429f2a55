// The actions that rules and token grants permit.
import { expect, test } from "bun:test";
import type { RuleOptions } from "../../src/index.ts";
import { dataOf, problemOf, type State } from "../support/answers.ts";
import { connect, multiplexed, Multiplexed } from "../support/clients.ts";
import { startServer, type TestServer } from "../support/server.ts";
import { openEvents } from "../support/streams.ts";
import { bearer, claims, SECRET, token } from "../support/tokens.ts";
import { attempt, shakeHands } from "../support/ways-in.ts";

const secured = (rooms: Record<string, RuleOptions> = {}, access: object = {}): TestServer =>
  startServer({ rooms, access: { secrets: SECRET, ...access } });
/** Returns headers with the token of a user who has only these grants. */
const user = (sub: string | undefined, rooms: object = {}) => bearer(token(claims({ sub, rooms })));

/** Returns the actions that a client may perform in a room. They must be the same over HTTP and on sockets. */
async function may(server: TestServer, room: string, headers: Record<string, string>): Promise<string[]> {
  const url = server.room(room);
  const ok = {
    join: async () =>
      (await attempt(url, { headers: { accept: "text/event-stream", ...headers } })).status === 200,
    publish: async () => (await attempt(url, { method: "POST", body: "x", headers })).status === 201,
    history: async () => (await attempt(url, { headers })).status === 200,
    members: async () => (await attempt(`${url}/members`, { headers })).status === 200,
  };
  const allowed: string[] = [];
  for (const [action, works] of Object.entries(ok)) if (await works()) allowed.push(action);
  expect(
    (await shakeHands(server.socket(`/rooms/${encodeURIComponent(room)}`), headers)).status === 101,
  ).toBe(allowed.includes("join"));
  return allowed;
}

const ALL = ["join", "publish", "history", "members"];

test("each action requires its own grant, and grants of several patterns are combined", async () => {
  const server = secured();
  for (const action of ALL)
    expect(await may(server, "chat:1", user("u7", { "chat:*": [action] }))).toEqual([action]);
  const sum = user("u7", {
    "chat:*": ["join"],
    "*:1": ["history"],
    "chat:{id}": ["members"],
    other: ["publish"],
  });
  expect(await may(server, "chat:1", sum)).toEqual(["join", "history", "members"]);
  expect(await may(server, "chat:1:x", sum)).toEqual(["join"]);
  expect(await may(server, "chat", sum)).toEqual([]);
});

test("unknown actions, and actions that tokens cannot grant, are ignored", async () => {
  const server = secured();
  const headers = user("u7", { "*": ["join", "forget", "list", "fly", "__proto__", ""] });
  expect(await may(server, "r", headers)).toEqual(["join"]);
  expect((await attempt(`${server.room("r")}/history`, { method: "DELETE", headers })).status).toBe(403);
  expect((await attempt(`${server.url}/rooms`, { headers })).status).toBe(403);
});

test("rules open rooms to anyone, to users, to owners, or only to the server", async () => {
  const server = secured({
    "news:*": { join: "anyone", publish: "server" },
    "lobby:*": { join: "users", publish: "users" },
    "user:{id}": { join: "owner", publish: "owner", members: "anyone" },
    "ops:*": { join: "server", publish: "server" },
    "club:*": { join: "users", publish: "members", history: { read: "granted" } },
  });
  const u7 = user("u7");
  const nameless = user(undefined);
  const expected: [room: string, nobody: string[], nameless: string[], user: string[]][] = [
    [
      "news:1",
      ["join", "history", "members"],
      ["join", "history", "members"],
      ["join", "history", "members"],
    ],
    ["lobby:1", [], [], ALL],
    ["user:u7", ["members"], ["members"], ALL],
    ["user:u8", ["members"], ["members"], ["members"]],
    ["ops:1", [], [], []],
    ["club:1", [], [], ["join", "members"]],
    ["elsewhere", [], [], []],
  ];
  for (const [room, ...rights] of expected)
    expect([
      room,
      await may(server, room, {}),
      await may(server, room, nameless),
      await may(server, room, u7),
    ]).toEqual([room, ...rights]);
});

test("a grant for all rooms does not cover rooms for owners or for the server", async () => {
  const server = secured({ "user:{id}": { join: "owner" }, "ops:*": { join: "server", publish: "server" } });
  const everything = user("u7", { "*": ALL });
  expect(await may(server, "user:u8", everything)).toEqual(["publish"]);
  expect(await may(server, "ops:1", everything)).toEqual([]);
});

test.each(["u7:inbox", "*", "{id}", "u7\u2028"])("a user named %j owns no other user's room", async (sub) => {
  const server = secured({ "user:{id}:*": { join: "owner" } });
  const { status } = await attempt(server.room("user:u7:inbox:1"), { headers: user(sub) });
  expect([401, 403]).toContain(status);
});

test("without a secret, rules still apply, and no client has a user", async () => {
  const server = startServer({ rooms: { "lobby:*": { join: "users" }, "ops:*": { publish: "server" } } });
  expect(await may(server, "lobby:1", user("u7"))).toEqual(["publish"]);
  expect(await may(server, "ops:1", {})).toEqual(["join", "history", "members"]);
  expect(await may(server, "open", {})).toEqual(ALL);
});

test("a rule for owners must state which part of the name is the owner", () => {
  for (const pattern of ["user:*", "*:{id}", "user-{id}", "user:{name}"]) {
    expect(() => startServer({ rooms: { [pattern]: { publish: "owner" } } })).toThrow(/publish is "owner"/);
    expect(() => startServer({ rooms: { [pattern]: { history: { read: "owner" } } } })).toThrow(/\{id\}/);
  }
});

test("on a multiplexed socket, the token authorizes each command", async () => {
  const server = secured({ "news:*": { join: "anyone" } });
  const headers = user("u7", { "chat:*": ["join", "publish"] });
  const client = new Multiplexed(await connect(server.socket("/ws"), { headers }));
  expect(await client.next()).toMatchObject({ type: "welcome", user: "u7" });
  const types = async (command: { type: string; room: string; data?: number }) => {
    const { type, code } = await client.ask(command);
    return code ?? type;
  };
  expect(await types({ type: "join", room: "chat:1" })).toBe("joined");
  expect(await types({ type: "publish", room: "chat:1", data: 1 })).toBe("published");
  expect(await types({ type: "history", room: "chat:1" })).toBe("forbidden");
  expect(await types({ type: "members", room: "chat:1" })).toBe("forbidden");
  expect(await types({ type: "join", room: "other" })).toBe("forbidden");
  expect(await types({ type: "publish", room: "other", data: 1 })).toBe("forbidden");
  expect(await types({ type: "join", room: "news:1" })).toBe("joined");
  expect(server.thump.sessionsIn("other")).toBe(0);
});

test("an anonymous client may join open rooms; errors state what other rooms require", async () => {
  const server = secured({ "news:*": { join: "anyone" } });
  const client = await multiplexed(server.socket("/ws?room=news:1"));
  await client.find(({ type }) => type === "joined");
  expect(await client.ask({ type: "join", room: "chat:1" })).toMatchObject({
    type: "error",
    code: "unauthorized",
  });
  expect((await shakeHands(server.socket("/ws?room=news:1&room=chat:1"))).code).toBe("unauthorized");
});

test("a raw socket that may join but not publish gets an error and stays connected", async () => {
  const server = secured();
  const socket = await connect(server.socket("/rooms/r"), { headers: user("u7", { r: ["join"] }) });
  socket.send("x");
  expect(JSON.parse(String(await socket.next()))).toMatchObject({
    type: "error",
    code: "forbidden",
    room: "r",
  });
  await server.thump.publish("r", "still here");
  expect(await socket.next()).toBe("still here");
});

test("publications carry the authenticated user, not the user that the publisher claims", async () => {
  const server = secured();
  const all = user("u7", { "*": ALL });
  const raw = await connect(server.socket("/rooms/r"), { headers: all });
  raw.send("by raw socket");
  await server.publish("r", "by post", { ...all, from: "u8" });
  const batch = JSON.stringify([{ room: "r", data: "by batch", from: "u8" }]);
  await fetch(`${server.url}/publish`, { method: "POST", body: batch, headers: all });
  const client = new Multiplexed(await connect(server.socket("/ws"), { headers: all }));
  await client.ask({ type: "publish", room: "r", data: "by command", from: "u8" });
  const { messages } = (await client.ask({ type: "history", room: "r" })) as unknown as State;
  expect(messages.map(({ data, from }) => [data, from])).toEqual(
    ["by raw socket", "by post", "by batch", "by command"].map((data) => [data, "u7"]),
  );
});

test("members are listed with the user and info from their tokens", async () => {
  const server = secured();
  const info = { name: "Ann" };
  const headers = bearer(token(claims({ info })));
  await connect(server.socket("/rooms/r"), { headers });
  const response = await fetch(`${server.room("r")}/members`, { headers });
  expect(await response.json()).toMatchObject({ members: [{ user: "u7", info }] });
});

test("a client that may join but not read history resumes from its cursor and gets no older messages", async () => {
  const server = secured();
  const { at: first } = await server.thump.publish("r", "long ago");
  const { at } = await server.thump.publish("r", "missed");
  const join = user("u7", { r: ["join"] });
  expect(
    await problemOf(
      fetch(server.room("r", "?last=5"), { headers: { accept: "text/event-stream", ...join } }),
    ),
  ).toMatchObject({ code: "forbidden" });
  expect((await attempt(server.room("r", "?last=1&wait=1"), { headers: join })).code).toBe("forbidden");
  const stream = await openEvents(server.room("r", `?after=${first}`), join);
  await stream.lines.until((lines) => lines.includes(`id: ${at}`));
  expect(stream.events.all.map(({ data }) => data)).toEqual(["missed"]);
});

test("for a client without read access, messages older than `resume` are a gap on every transport; for readers they are not", async () => {
  const server = secured({}, { resume: 0 });
  const start = `${server.thump.hub.log.epoch}-0`;
  await server.thump.publish("r", "secret");
  const { at } = await server.thump.publish("r", "secret too");
  const published = Date.now();
  while (Date.now() === published) await Promise.resolve();
  const join = user("u7", { r: ["join"] });
  const gap = { after: start, at };
  const events = await openEvents(server.room("r", `?after=${start}`), join);
  const client = new Multiplexed(await connect(server.socket("/ws"), { headers: join }));
  expect(await client.ask({ type: "join", room: "r", after: start })).toMatchObject({
    resumed: false,
    replay: 0,
  });
  expect(await client.find(({ type }) => type === "gap")).toMatchObject(gap);
  const poll = await fetch(server.room("r", `?after=${start}&wait=0.01`), { headers: join });
  expect(await poll.json()).toMatchObject({ gap, messages: [] });
  expect(events.text).not.toContain("secret");
  expect(events.text).toContain("thump:gap");
  const reader = user("u7", { r: ["join", "history"] });
  const all = await fetch(server.room("r", `?after=${start}`), { headers: reader });
  expect(dataOf((await all.json()) as State)).toEqual(["secret", "secret too"]);
});

test("on every route, a room's number of sessions is visible only with the `members` permission", async () => {
  const server = secured({ "r:*": { join: "users", members: "granted" } });
  const ask = async (headers: Record<string, string>) => {
    const answer = async (query: string) =>
      (await (await fetch(server.room("r:1", query), { headers })).json()) as object;
    const client = new Multiplexed(await connect(server.socket("/ws"), { headers }));
    return [await answer(""), await answer("?wait=0.01"), await client.ask({ type: "history", room: "r:1" })];
  };
  for (const answer of await ask(user("u7"))) expect(answer).not.toHaveProperty("sessions");
  for (const answer of await ask(user("u7", { "r:*": ["members"] })))
    expect(answer).toMatchObject({ sessions: expect.any(Number) as number });
});

test("the hook decides about the `members` action", async () => {
  const server = startServer({
    authorize: async ({ action, session }) => action !== "members" || session.user === "u7",
  });
  const state = (await (await fetch(server.room("r"))).json()) as object;
  expect(state).toHaveProperty("messages");
  expect(state).not.toHaveProperty("sessions");
});
