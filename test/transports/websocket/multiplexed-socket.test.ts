// The multiplexed socket: every command of the protocol, its reply and its effects.
import { expect, test } from "bun:test";
import { publishAt } from "../../support/answers.ts";
import { connect, multiplexed } from "../../support/clients.ts";
import { startServer } from "../../support/server.ts";

test("the first frame is a welcome with the session and its limits", async () => {
  const server = startServer({ heartbeat: 30, limits: { message: "8KiB", rooms: 7 } });
  const mux = await multiplexed(server.socket("/ws"));
  const welcome = await mux.next();
  expect(welcome).toMatchObject({ type: "welcome", ping: 30, limits: { message: 8192, rooms: 7 } });
  expect([...server.thump.hub.sessions.keys()]).toEqual([String(welcome["session"])]);
});

test("join: the reply has the position, and the room's publications follow", async () => {
  const server = startServer();
  const before = await publishAt(server, "r", "before");
  const mux = await multiplexed(server.socket("/ws"));
  const joined = await mux.ask({ type: "join", room: "r" });
  expect(joined).toEqual({ type: "joined", id: 1, room: "r", at: before, resumed: false, replay: 0 });
  const at = await publishAt(server, "r", '{"a":1}', { event: "tick" });
  const message = await mux.find((frame) => frame.type === "message");
  expect(message).toEqual({
    type: "message",
    room: "r",
    event: "tick",
    data: { a: 1 },
    at,
    prev: Number(before.split("-")[1]),
    time: expect.any(Number),
  });
});

test("join with last: the announced number of newest messages follows", async () => {
  const server = startServer();
  for (const body of ["1", "2", "3"]) await publishAt(server, "r", body);
  const mux = await multiplexed(server.socket("/ws"));
  expect(await mux.ask({ type: "join", room: "r", last: 2 })).toMatchObject({ resumed: false, replay: 2 });
  await mux.until(() => mux.messages().length === 2);
  expect(mux.messages().map((frame) => frame["data"])).toEqual([2, 3]);
});

test("join with after: the room is resumed, and all later messages follow in order", async () => {
  const server = startServer();
  const [first] = [await publishAt(server, "r", "1"), await publishAt(server, "r", "2")];
  await publishAt(server, "r", "3");
  const mux = await multiplexed(server.socket("/ws"));
  const joined = await mux.ask({ type: "join", room: "r", after: first });
  expect(joined).toMatchObject({ resumed: true, replay: 2 });
  await publishAt(server, "r", "4");
  await mux.until(() => mux.messages().length === 3);
  expect(mux.messages().map((frame) => frame["data"])).toEqual([2, 3, 4]);
  expect(mux.all.findIndex(({ type }) => type === "joined")).toBeLessThan(
    mux.all.findIndex(({ type }) => type === "message"),
  );
});

test("rooms in the URL are joined at once, each with a reply without an id", async () => {
  const server = startServer();
  const after = await publishAt(server, "a", "1");
  await publishAt(server, "b", "2");
  const mux = await multiplexed(server.socket(`/ws?room=a&room=b&room=a&after=${after}`));
  await mux.until((frames) => frames.length === 4);
  expect(mux.all.map(({ type, room }) => [type, room])).toEqual([
    ["welcome", undefined],
    ["joined", "a"],
    ["joined", "b"],
    ["message", "b"],
  ]);
  expect(mux.all[1]).not.toHaveProperty("id");
});

test("publish: an ack with the cursor; other sessions receive the message, the sender only with echo", async () => {
  const server = startServer();
  const raw = await connect(server.socket("/rooms/r"));
  const mux = await multiplexed(server.socket("/ws?room=r"));
  const quiet = await mux.ask({ type: "publish", room: "r", data: "quiet" });
  expect(quiet).toEqual({ type: "published", id: 1, at: expect.any(String) });
  const loud = await mux.ask({ type: "publish", room: "r", data: "loud", echo: true, event: "e" });
  await mux.until(() => mux.messages().length === 1);
  expect(mux.messages()).toMatchObject([{ data: "loud", event: "e", at: loud["at"] }]);
  expect([await raw.next(), await raw.next()]).toEqual(["quiet", "loud"]);
});

test("publish works without joining, with bytes as base64, and with a repeated key", async () => {
  const server = startServer();
  const raw = await connect(server.socket("/rooms/r"));
  const mux = await multiplexed(server.socket("/ws"));
  const first = await mux.ask({ type: "publish", room: "r", data: "AP8=", encoding: "base64", key: "k" });
  expect(await raw.next()).toEqual(Uint8Array.of(0, 255));
  const again = await mux.ask({ type: "publish", room: "r", data: "AP8=", encoding: "base64", key: "k" });
  expect(again["at"]).toBe(first["at"]);
  await mux.ask({ type: "publish", room: "r" });
  expect(await raw.next()).toBe("null");
});

test("publish without an id is not acknowledged", async () => {
  const server = startServer();
  const mux = await multiplexed(server.socket("/ws"));
  mux.socket.send('{"type":"publish","room":"r","data":1}');
  await mux.ask({ type: "ping" });
  expect(mux.all.map(({ type }) => type)).toEqual(["welcome", "pong"]);
});

test("leave: the room sends no further messages, and a later join can resume from that position", async () => {
  const server = startServer();
  const mux = await multiplexed(server.socket("/ws?room=a&room=b"));
  const after = await publishAt(server, "a", "1");
  expect(await mux.ask({ type: "leave", room: "a" })).toEqual({ type: "left", id: 1, room: "a" });
  await publishAt(server, "a", "2");
  await publishAt(server, "b", "barrier");
  await mux.until(() => mux.messages("b").length === 1);
  expect(mux.messages("a").map((frame) => frame["data"])).toEqual([1]);
  await mux.ask({ type: "join", room: "a", after });
  await mux.until(() => mux.messages("a").length === 2);
  expect(mux.messages("a").map((frame) => frame["data"])).toEqual([1, 2]);
});

test("history: the newest messages or those after a cursor, without joining", async () => {
  const server = startServer();
  const cursors: string[] = [];
  for (const body of ["1", "2", "3"]) cursors.push(await publishAt(server, "r", body));
  const mux = await multiplexed(server.socket("/ws"));
  const newest = await mux.ask({ type: "history", room: "r", last: 2 });
  expect(newest).toMatchObject({
    type: "history",
    room: "r",
    messages: [{ data: 2 }, { data: 3 }],
    at: cursors[2],
  });
  const since = await mux.ask({ type: "history", room: "r", after: cursors[1] });
  expect(since).toMatchObject({ messages: [{ data: 3, at: cursors[2] }] });
  expect((await mux.ask({ type: "history", room: "r" }))["messages"]).toHaveLength(3);
  expect(server.thump.sessionsIn("r")).toBe(0);
});

test("members: the reply lists the room's members on all transports", async () => {
  const server = startServer();
  await connect(server.socket("/rooms/r"));
  const mux = await multiplexed(server.socket("/ws?room=r"));
  const answer = await mux.ask({ type: "members", room: "r" });
  const nobody = { users: 0, members: [] };
  expect(answer).toEqual({ type: "members", id: 1, room: "r", guests: 2, sessions: 2, ...nobody });
});

test("ping is answered, and auth without a secret gets an error", async () => {
  const server = startServer();
  const mux = await multiplexed(server.socket("/ws"));
  expect(await mux.ask({ type: "ping" })).toMatchObject({ type: "pong", id: 1 });
  expect(await mux.ask({ type: "auth", token: "t" })).toMatchObject({ type: "error", code: "no-secret" });
});

test("ids may be numbers or strings, and replies repeat them unchanged", async () => {
  const server = startServer();
  const mux = await multiplexed(server.socket("/ws"));
  for (const id of [0, -1.5, "", 'a"b']) mux.socket.send(JSON.stringify({ type: "ping", id }));
  await mux.until((frames) => frames.length === 5);
  expect(mux.all.slice(1).map((frame) => frame["id"])).toEqual([0, -1.5, "", 'a"b']);
});

test("joining twice and leaving an unjoined room get specific errors with the id", async () => {
  const server = startServer();
  const mux = await multiplexed(server.socket("/ws?room=r"));
  expect(await mux.ask({ type: "join", room: "r" })).toMatchObject({
    code: "already-joined",
    id: 1,
    room: "r",
  });
  expect(await mux.ask({ type: "leave", room: "x" })).toMatchObject({ code: "not-joined", id: 2, room: "x" });
});

test("a gap is reported after the join and before the messages still stored", async () => {
  const server = startServer();
  await publishAt(server, "r", "1");
  const mux = await multiplexed(server.socket("/ws"));
  const joined = await mux.ask({ type: "join", room: "r", after: "zzzzzz-7" });
  expect(joined).toMatchObject({ resumed: false, replay: 1 });
  await mux.until(() => mux.messages().length === 1);
  expect(mux.all.slice(1).map(({ type }) => type)).toEqual(["joined", "gap", "message"]);
  expect(mux.all[2]).toEqual({ type: "gap", room: "r", after: "zzzzzz-7", at: expect.stringMatching(/-0$/) });
});
