// The multiplexed stream: rooms with individual start positions, delivered in the multiplexed socket's frames.
import { expect, test } from "bun:test";
import { eventually, problemOf, publishAt } from "../../support/answers.ts";
import { startServer } from "../../support/server.ts";
import { openMultiplexed, type OpenStream } from "../../support/streams.ts";
import { claims, SECRET, token } from "../../support/tokens.ts";

const ofType = (stream: OpenStream, type: string) => stream.frames.filter((frame) => frame["type"] === type);
const data = (stream: OpenStream, room: string) =>
  ofType(stream, "message")
    .filter((frame) => frame["room"] === room)
    .map((frame) => frame["data"]);

async function has(stream: OpenStream, type: string, count: number): Promise<void> {
  await stream.events.until(() => ofType(stream, type).length >= count);
}

test("each room starts at its requested position, and its reply has the request's id", async () => {
  const server = startServer();
  const [first] = [await publishAt(server, "a", "1"), await publishAt(server, "a", "2")];
  for (const n of [3, 4, 5]) await publishAt(server, "b", String(n));
  const stream = await openMultiplexed(server.url, [
    { id: 1, room: "a", after: first },
    { id: "two", room: "b", last: 2 },
    { room: "c" },
  ]);
  expect(stream.response.headers.get("content-type")).toStartWith("text/event-stream");
  expect(stream.frames[0]).toMatchObject({ type: "welcome", ping: 25, limits: { message: 65_536 } });
  expect(ofType(stream, "joined")).toMatchObject([
    { id: 1, room: "a", resumed: true, replay: 1 },
    { id: "two", room: "b", resumed: false, replay: 2 },
    { room: "c", resumed: false, replay: 0 },
  ]);
  await publishAt(server, "c", "6");
  await has(stream, "message", 4);
  expect(["a", "b", "c"].map((room) => data(stream, room))).toEqual([[2], [4, 5], [6]]);
  // Server events have a name; publications have none.
  expect(stream.events.all.map(({ event }) => event)).toEqual([
    ...["welcome", "joined", "joined", "joined"].map((type) => `thump:${type}`),
    ...Array(4).fill(undefined),
  ]);
  expect(stream.events.all.filter(({ id }) => id !== undefined)).toEqual([]);
});

test("a rejected room does not affect the others, and its error has the request's id", async () => {
  const server = startServer({ access: { secrets: SECRET } });
  const mine = await token(claims({ rooms: { "mine:*": ["join", "history"] } }));
  const stream = await openMultiplexed(
    server.url,
    [
      { id: 1, room: "other" },
      { id: 2, room: "mine:1" },
      { id: 3, room: "mine:2", after: "nonsense" },
      { id: 4, room: "mine:1" },
      { id: 5, room: "" },
    ],
    { authorization: `Bearer ${mine}` },
  );
  expect(ofType(stream, "joined")).toMatchObject([{ id: 2, room: "mine:1" }]);
  const errors = ofType(stream, "error").map(({ id, code, room }) => [id, code, room]);
  expect(errors.toSorted()).toEqual([
    [1, "forbidden", "other"],
    [3, "invalid-cursor", "mine:2"],
    [4, "already-joined", "mine:1"],
    [5, "invalid-room", ""],
  ]);
  await server.thump.publish("mine:1", "here");
  await has(stream, "message", 1);
});

test("a gap is reported after the reply and before the messages", async () => {
  const server = startServer({ rooms: { a: { history: { count: 1 } } } });
  const first = await publishAt(server, "a", "1");
  const second = await publishAt(server, "a", "2");
  await publishAt(server, "a", "3");
  const stream = await openMultiplexed(server.url, [{ room: "a", after: first }, { room: "b" }]);
  await has(stream, "message", 1);
  const told = stream.frames.filter(({ room }) => room === "a");
  expect(told).toMatchObject([
    { type: "joined", resumed: false, replay: 1 },
    { type: "gap", after: first, at: second },
    { type: "message", data: 3 },
  ]);
});

test("in an idle room the stream reports its position periodically", async () => {
  const server = startServer({ heartbeat: 0.05 });
  const stream = await openMultiplexed(server.url, [{ room: "quiet" }]);
  const at = await publishAt(server, "elsewhere", "1");
  await stream.events.until(() => ofType(stream, "position").some((frame) => frame["at"] === at));
  const back = await openMultiplexed(server.url, [{ room: "quiet", after: at }]);
  expect(ofType(back, "joined")).toMatchObject([{ resumed: true, replay: 0 }]);
});

test("the last frame has the reason, and the close code that a socket would get", async () => {
  const server = startServer();
  const stream = await openMultiplexed(server.url, [{ room: "a" }]);
  const session = ofType(stream, "welcome")[0]?.["session"];
  await fetch(`${server.url}/sessions/${String(session)}`, { method: "DELETE" });
  await stream.ended;
  expect(stream.frames.at(-1)).toMatchObject({ type: "end", close: 4403 });
});

test("a stream without rooms stays connected, and its session ends when it disconnects", async () => {
  const server = startServer();
  const stream = await openMultiplexed(server.url, []);
  expect(ofType(stream, "welcome")).toHaveLength(1);
  expect(server.thump.hub.sessions.size).toBe(1);
  stream.abort();
  await eventually(() => server.thump.hub.sessions.size === 0);
});

test("an invalid body and too many rooms are rejected with a specific error", async () => {
  const server = startServer({ limits: { rooms: 2 } });
  const ask = (body: string) => problemOf(fetch(`${server.url}/events`, { method: "POST", body }));
  expect(await ask("{")).toMatchObject({ status: 400, code: "malformed" });
  expect(await ask('{"room":"a"}')).toMatchObject({ status: 422, code: "invalid" });
  expect(await ask('[{"room":"a"},{"room":7}]')).toMatchObject({
    code: "invalid",
    errors: [{ path: "/1/room", message: "must be string" }],
  });
  expect(await ask('[{"room":"a"},{"room":"b"},{"room":"c"}]')).toMatchObject({ code: "limit" });
  const secured = startServer({ access: { secrets: SECRET } });
  const refused = problemOf(fetch(`${secured.url}/events`, { method: "POST", body: "[]" }));
  expect(await refused).toMatchObject({ status: 401, code: "unauthorized" });
});
