// Room rules as clients see them: permissions, schemas, lagging clients and sampling.
import { expect, test } from "bun:test";
import { Type } from "typebox";
import { dataOf, eventually, problemOf, publishAt, stateOf } from "../support/answers.ts";
import { connect, multiplexed } from "../support/clients.ts";
import { startServer } from "../support/server.ts";
import { openEvents, openNdjson } from "../support/streams.ts";

const upgradeRefused = (url: string) => expect(connect(url)).rejects.toThrow(/403/);

test("publish: server allows only code in the server", async () => {
  const server = startServer({ rooms: { "*": { publish: "server" } } });
  const raw = await connect(server.socket("/rooms/r"));
  const mux = await multiplexed(server.socket("/ws?room=r"));
  expect(await problemOf(server.publish("r", "x"))).toMatchObject({ status: 403, code: "forbidden" });
  expect(await mux.ask({ type: "publish", room: "r", data: 1 })).toMatchObject({
    code: "forbidden",
    room: "r",
  });
  raw.send("x");
  expect(JSON.parse(String(await raw.next()))).toMatchObject({ type: "error", code: "forbidden", room: "r" });
  await server.thump.publish("r", "from code");
  expect(await raw.next()).toBe("from code");
});

test("publish: members allows only sessions in the room", async () => {
  const server = startServer({ rooms: { "*": { publish: "members" } } });
  const raw = await connect(server.socket("/rooms/r"));
  const mux = await multiplexed(server.socket("/ws"));
  expect(await problemOf(server.publish("r", "x"))).toMatchObject({ status: 403, code: "forbidden" });
  const publish = { type: "publish", room: "r", data: "mux" };
  expect(await mux.ask(publish)).toMatchObject({ type: "error", code: "forbidden" });
  await mux.ask({ type: "join", room: "r" });
  expect(await mux.ask(publish)).toMatchObject({ type: "published" });
  raw.send("raw");
  await mux.until(() => mux.messages().length === 1);
  await mux.ask({ type: "leave", room: "r" });
  expect(await mux.ask(publish)).toMatchObject({ type: "error", code: "forbidden" });
  expect(dataOf(await stateOf(server, "r"))).toEqual(["mux", "raw"]);
});

test("join: server rejects joins on every route, but clients may publish", async () => {
  const server = startServer({ rooms: { inbox: { join: "server" } } });
  await upgradeRefused(server.socket("/rooms/inbox"));
  await upgradeRefused(server.socket("/ws?room=open&room=inbox"));
  for (const url of [
    server.room("inbox"),
    `${server.room("inbox")}/members`,
    `${server.url}/events?room=inbox`,
  ]) {
    expect(await problemOf(fetch(url))).toMatchObject({ status: 403, code: "forbidden" });
  }
  const mux = await multiplexed(server.socket("/ws"));
  for (const type of ["join", "history", "members"]) {
    expect(await mux.ask({ type, room: "inbox" })).toMatchObject({ type: "error", code: "forbidden" });
  }
  await publishAt(server, "inbox", "x");
});

test("a schema is validated on every route, and the errors name the fields", async () => {
  const schema = Type.Object({ text: Type.String({ maxLength: 5 }) });
  const server = startServer({ rooms: { typed: { schema } } });
  const raw = await connect(server.socket("/rooms/typed"));
  const mux = await multiplexed(server.socket("/ws?room=typed"));
  const { errors, ...problem } = await problemOf(server.publish("typed", '{"text":7}'));
  expect(problem).toMatchObject({ status: 422, code: "invalid" });
  expect(errors?.map(({ path }) => path)).toEqual(["/text"]);
  for (const body of ["{}", '"text"', "no JSON", '{"text":"too long"}']) {
    expect((await server.publish("typed", body)).status).toBe(422);
  }
  const refused = await mux.ask({ type: "publish", room: "typed", data: { text: null } });
  expect(refused).toMatchObject({ type: "error", code: "invalid", errors: [{ path: "/text" }] });
  raw.send("[]");
  expect(JSON.parse(String(await raw.next()))).toMatchObject({ code: "invalid" });
  await expect(server.thump.publish("typed", {})).rejects.toMatchObject({ code: "invalid" });
  await publishAt(server, "typed", '{"text":"fits"}');
  expect(await raw.next()).toBe('{"text":"fits"}');
  expect(dataOf(await stateOf(server, "typed"))).toEqual([{ text: "fits" }]);
});

test("history: false stores nothing, so a resume that missed messages gets a gap", async () => {
  const server = startServer({ rooms: { r: { history: false } } });
  const live = await connect(server.socket("/rooms/r"));
  const first = await publishAt(server, "r", "1");
  const second = await publishAt(server, "r", "2");
  expect([await live.next(), await live.next()]).toEqual(["1", "2"]);
  expect(await stateOf(server, "r", `?after=${first}`)).toMatchObject({ gap: { at: second }, messages: [] });
  expect(await stateOf(server, "r", `?after=${second}`)).not.toHaveProperty("gap");
  live.ws.terminate();
  await eventually(() => server.thump.sessionsIn("r") === 0);
  expect(await stateOf(server, "r", `?after=${first}`)).toHaveProperty("gap");
});

test("with lag: latest, a resume gets the newest message per event, without a gap", async () => {
  const server = startServer({ rooms: { r: { lag: "latest" } } });
  const start = await publishAt(server, "r", "0");
  for (const [event, body] of ["a1", "b1", "a2", "b2", "a3"].map((text) => [text[0]!, text])) {
    await publishAt(server, "r", body!, { event: event! });
  }
  const mux = await multiplexed(server.socket("/ws"));
  expect(await mux.ask({ type: "join", room: "r", after: start })).toMatchObject({
    resumed: true,
    replay: 2,
  });
  await publishAt(server, "r", "live");
  await mux.until(() => mux.messages().length === 3);
  expect(mux.messages().map((frame) => frame["data"])).toEqual(["b2", "a3", "live"]);
  expect(mux.all.some(({ type }) => type === "gap")).toBe(false);
});

test("?max samples the newest message at a maximum rate, on every transport", async () => {
  const server = startServer();
  const raw = await connect(server.socket("/rooms/r?max=20"));
  const mux = await multiplexed(server.socket("/ws"));
  await mux.ask({ type: "join", room: "r", max: 20 });
  const sse = await openEvents(server.room("r", "?max=20"));
  const ndjson = await openNdjson(server.room("r", "?max=20"));
  for (let i = 0; i <= 500; i++) await server.thump.publish("r", i);
  const last = (data: unknown) => Number(data) === 500;
  await raw.until((frames) => frames.some(last));
  await mux.until(() => mux.messages().some((frame) => last(frame["data"])));
  await sse.events.until((events) => events.some(({ data }) => last(data)));
  await ndjson.lines.until(() => ndjson.objects.some((object) => last(object["data"])));
  // Publishes in consecutive ticks. A client without max would receive all 501 messages.
  for (const inbox of [raw.all, mux.messages(), sse.events.all, ndjson.objects]) {
    expect(inbox.length).toBeLessThan(100);
  }
});

test("with max, the reply to a join precedes the room's messages", async () => {
  const server = startServer();
  await publishAt(server, "r", "1");
  const mux = await multiplexed(server.socket("/ws"));
  await mux.ask({ type: "join", room: "r", last: 1, max: 50 });
  await mux.until(() => mux.messages().length === 1);
  expect(mux.all.map(({ type }) => type)).toEqual(["welcome", "joined", "message"]);
});

test("with max, a gap precedes the messages that are still stored", async () => {
  const server = startServer();
  await publishAt(server, "r", "1");
  const raw = await connect(server.socket("/rooms/r?after=zzzzzz-9&max=50"));
  expect(JSON.parse(String(await raw.next()))).toMatchObject({ type: "gap" });
  expect(await raw.next()).toBe("1");
});

test("a max close to zero does not overflow into the fastest rate", async () => {
  const server = startServer();
  const mux = await multiplexed(server.socket("/ws"));
  const joined = await mux.ask({ type: "join", room: "r", max: 1e-10 });
  if (joined.type === "error") return expect(joined["code"]).toBe("invalid");
  const often = await connect(server.socket("/rooms/r?max=50"));
  for (const body of ["1", "2", "3"]) {
    await publishAt(server, "r", body);
    expect(await often.next()).toBe(body);
  }
  await mux.ask({ type: "ping" });
  // The first message may be sent immediately or later.
  expect(mux.messages().length).toBeLessThanOrEqual(1);
});

test("a sampled subscriber gets the newest message when it joins, and missed messages when it resumes", async () => {
  const server = startServer();
  const start = await publishAt(server, "r", "0");
  for (const body of ["1", "2", "3"]) await publishAt(server, "r", body);
  const raw = await connect(server.socket(`/rooms/r?after=${start}&max=50`));
  expect(await raw.next()).toBe("3");
  await publishAt(server, "r", "4");
  expect(await raw.next()).toBe("4");
});
