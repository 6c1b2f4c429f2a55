// Envelope streams: NDJSON from one room, and /events for several rooms with one cursor.
import { expect, test } from "bun:test";
import { problemOf, publishAt } from "../../support/answers.ts";
import { startServer, type TestServer } from "../../support/server.ts";
import { type OpenStream, openEvents, openNdjson } from "../../support/streams.ts";
import { randomTest } from "../../support/random.ts";

const messages = (stream: OpenStream) => stream.objects.filter(({ type }) => type === "message");
const envelopes = (stream: OpenStream) =>
  stream.events.all.map(({ data }) => JSON.parse(data) as { room: string; data: unknown; at: string });

function events(server: TestServer, rooms: string[], rest = "", headers = {}): Promise<OpenStream> {
  const query = rooms.map((room) => `room=${encodeURIComponent(room)}`).join("&");
  return openEvents(`${server.url}/events?${query}${rest}`, headers);
}

test("NDJSON: the position comes first, then one envelope per line", async () => {
  const server = startServer();
  const stream = await openNdjson(server.room("r"));
  expect(stream.response.headers.get("content-type")).toStartWith("application/x-ndjson");
  expect(stream.objects).toMatchObject([{ type: "position", at: expect.any(String) }]);
  const at = await publishAt(server, "r", '{\n"a":1}', { event: "tick" });
  await stream.lines.until(() => messages(stream).length === 1);
  expect(messages(stream)).toMatchObject([{ room: "r", event: "tick", data: { a: 1 }, at, prev: 0 }]);
});

test("NDJSON: a stream resumes after a cursor, reports gaps, and sends empty lines as keep-alives", async () => {
  const server = startServer({ heartbeat: 0.05, rooms: { r: { history: { count: 1 } } } });
  const first = await publishAt(server, "r", "1");
  const second = await publishAt(server, "r", "2");
  const resumed = await openNdjson(server.room("r", `?after=${first}`));
  await resumed.lines.until(() => messages(resumed).length === 1);
  expect(messages(resumed)).toMatchObject([{ data: 2, at: second }]);
  await publishAt(server, "r", "3");
  const late = await openNdjson(server.room("r"), { "last-event-id": first });
  await late.lines.until(() => messages(late).length === 1);
  expect(late.objects.map(({ type }) => type)).toEqual(["gap", "position", "message"]);
  expect(late.objects[0]).toMatchObject({ room: "r", after: first, at: second });
  await late.lines.until((lines) => lines.includes(""));
});

test("/events: several rooms arrive in envelopes, in the order of publication", async () => {
  const server = startServer();
  const stream = await events(server, ["a", "b"]);
  for (const [i, room] of ["b", "a", "c", "a", "b"].entries()) await publishAt(server, room, String(i));
  await stream.events.until((all) => all.length === 4);
  expect(envelopes(stream).map(({ room, data }) => [room, data])).toEqual([
    ["b", 0],
    ["a", 1],
    ["a", 3],
    ["b", 4],
  ]);
  expect(stream.events.all.map(({ id }) => id)).toEqual(envelopes(stream).map(({ at }) => at));
});

test("/events: publications in one tick keep their order", async () => {
  const server = startServer();
  const stream = await events(server, ["a", "b", "c"]);
  const rooms = Array.from({ length: 300 }, (_, i) => ["a", "b", "c"][(i * 7) % 3]!);
  for (const [i, room] of rooms.entries()) void server.thump.publish(room, i);
  await stream.events.until((all) => all.length === rooms.length);
  expect(envelopes(stream).map(({ data }) => data)).toEqual(rooms.map((_, i) => i));
});

test("/events: one cursor can resume a different set of rooms", async () => {
  const server = startServer();
  const first = await events(server, ["a", "b"]);
  await publishAt(server, "c", "before");
  await publishAt(server, "a", "1");
  const last = await first.events.next();
  first.abort();
  for (const room of ["a", "c", "b", "d", "c"]) await publishAt(server, room, `missed in ${room}`);
  const second = await events(server, ["b", "c"], "", { "last-event-id": last.id ?? "" });
  await second.events.until((all) => all.length === 3);
  expect(envelopes(second).map(({ data }) => data)).toEqual(["missed in c", "missed in b", "missed in c"]);
});

test("/events: the position before any message covers all rooms", async () => {
  const server = startServer();
  const first = await events(server, ["a", "b"]);
  const id = first.lines.all.find((line) => line.startsWith("id: "))?.slice(4) ?? "";
  first.abort();
  await publishAt(server, "b", "missed");
  const second = await events(server, ["a", "b"], `&after=${id}`);
  expect(JSON.parse((await second.events.next()).data)).toMatchObject({ data: "missed" });
});

test("/events: a gap is reported only for the rooms that have one", async () => {
  const server = startServer({ rooms: { short: { history: { count: 1 } } } });
  const start = await publishAt(server, "long", "0");
  for (const body of ["1", "2"]) await publishAt(server, "short", body);
  await publishAt(server, "long", "3");
  const stream = await events(server, ["short", "long"], `&after=${start}`);
  await stream.events.until((all) => all.length === 3);
  const [gap, ...rest] = stream.events.all;
  expect(gap?.event).toBe("thump:gap");
  expect(JSON.parse(gap?.data ?? "")).toMatchObject({ room: "short", after: start });
  expect(rest.map(({ data }) => (JSON.parse(data) as { data: unknown }).data)).toEqual([2, 3]);
});

test("/events: a foreign cursor is a gap in every room, even if there are many", async () => {
  const server = startServer();
  const rooms = Array.from({ length: 800 }, (_, i) => `r${i}`);
  const stream = await events(server, rooms, "", { "last-event-id": "zzzzzz-1" });
  await stream.events.until((all) => all.length === 800);
  expect(new Set(envelopes(stream).map(({ room }) => room)).size).toBe(800);
});

test("/events: a request names at least one room and at most as many as a session may join", async () => {
  const server = startServer({ limits: { rooms: 3 } });
  expect(await problemOf(fetch(`${server.url}/events`))).toMatchObject({
    status: 400,
    code: "invalid-query",
  });
  const many = `${server.url}/events?room=a&room=b&room=c&room=d`;
  expect(await problemOf(fetch(many))).toMatchObject({ status: 429, code: "limit" });
  // A repeated room counts once.
  const stream = await events(server, ["a", "b", "c", "a"]);
  await publishAt(server, "a", "once");
  await publishAt(server, "b", "barrier");
  await stream.events.until((all) => all.length === 2);
  expect(envelopes(stream).map(({ data }) => data)).toEqual(["once", "barrier"]);
});

randomTest(
  "/events: with random disconnects and resumes, each room's messages arrive once and in order",
  async (random) => {
    const server = startServer();
    const rooms = ["a", "b", "c"];
    const published: string[] = [];
    const received: string[] = [];
    let cursor = await publishAt(server, "a", "start");
    for (let round = 0; round < 15; round++) {
      const stream = await events(server, rooms, "", { "last-event-id": cursor });
      for (let i = random.below(40); i > 0; i--) {
        const data = `${round}.${i}`;
        published.push(data);
        const done = server.thump.publish(random.pick(rooms), data);
        if (random.chance(3)) await done;
      }
      const wanted = random.below(published.length - received.length + 1);
      await stream.events.until((all) => all.length >= wanted);
      const seen = stream.events.all.slice(0, wanted);
      received.push(...seen.map(({ data }) => (JSON.parse(data) as { data: string }).data));
      cursor = seen.at(-1)?.id ?? cursor;
      stream.abort();
    }
    const stream = await events(server, rooms, "", { "last-event-id": cursor });
    await stream.events.until((all) => all.length === published.length - received.length);
    received.push(...envelopes(stream).map(({ data }) => String(data)));
    expect(received).toEqual(published);
  },
);
