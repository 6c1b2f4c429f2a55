// A stream whose source is a room on a Thump server in the same app.
import { expect, test } from "bun:test";
import { Elysia } from "elysia";
import { EventSource } from "eventsource";
import { thump } from "../../src/index.ts";
import { room, streaming } from "../../src/stream-plugin/index.ts";
import { cleanup } from "../support/cleanup.ts";
import { Inbox } from "../support/clients.ts";
import { listen, open } from "./app.ts";

function jobs(history = 100) {
  return new Elysia()
    .use(thump({ prefix: "/thump", rooms: { "job:*": { history: { count: history } } } }))
    .use(streaming({ retry: 1 }))
    .get("/jobs/:id", ({ stream, thump, params }) =>
      stream(room<{ percent: number }>(thump, `job:${params.id}`, { last: 1 })),
    );
}

test("messages are events with their event names, with cursors as ids and unchanged JSON", async () => {
  const app = jobs();
  const url = listen(app);
  const first = await app.decorator.thump.publish("job:1", { percent: 10 });
  const stream = await open(`${url}/jobs/1`);
  await stream.events.until((events) => events.length === 1);
  const second = await app.decorator.thump.publish("job:1", "two\nlines", { event: "note" });
  await stream.events.until((events) => events.length === 2);
  expect(stream.events.all).toEqual([
    { id: first.at, event: undefined, data: '{"percent":10}' },
    { id: second.at, event: "note", data: "two\nlines" },
  ]);
});

test("an EventSource that loses its connection receives every message exactly once", async () => {
  const app = jobs();
  const url = listen(app);
  const { thump: server } = app.decorator;
  let connections = 0;
  const source = new EventSource(`${url}/jobs/2`, {
    fetch: (input, init) => {
      connections++;
      const abort = AbortSignal.timeout(60);
      return fetch(input, { ...init, signal: abort } as RequestInit);
    },
  });
  cleanup(() => source.close());
  const received = new Inbox<number>();
  source.addEventListener("message", ({ data }) => received.push((JSON.parse(data) as { n: number }).n));
  await Bun.sleep(30);
  for (let n = 0; n < 300; n++) {
    await server.publish("job:2", { n });
    if (n % 3 === 0) await Bun.sleep(1);
  }
  await received.until((all) => all.at(-1) === 299);
  const firstSeen = received.all[0]!;
  expect(received.all).toEqual(Array.from({ length: 300 - firstSeen }, (_, i) => firstSeen + i));
  expect(firstSeen).toBeLessThan(5);
  expect(connections).toBeGreaterThan(2);
}, 30_000);

test("a client that missed more than is stored receives a gap notice", async () => {
  const app = jobs(2);
  const url = listen(app);
  const { thump: server } = app.decorator;
  const { at } = await server.publish("job:3", 0);
  const last = [];
  for (let n = 1; n <= 5; n++) last.push((await server.publish("job:3", n)).at);
  const stream = await open(`${url}/jobs/3`, { "last-event-id": at });
  await stream.events.until((events) => events.length === 3);
  const [gap, ...messages] = stream.events.all;
  expect(gap?.event).toBe("thump:gap");
  expect(JSON.parse(gap!.data)).toEqual({ type: "gap", room: "job:3", after: at, at: last[2]! });
  expect(messages.map(({ data }) => data)).toEqual(["4", "5"]);
});

test("a client that leaves before the first message resumes where it left off", async () => {
  const app = jobs();
  const url = listen(app);
  const stream = await open(`${url}/jobs/4`);
  await stream.lines.until((lines) => lines.some((line) => line.startsWith("id: ")));
  const at = stream.lines.all.find((line) => line.startsWith("id: "))!.slice(4);
  stream.abort();
  await app.decorator.thump.publish("job:4", "missed");
  const again = await open(`${url}/jobs/4`, { "last-event-id": at });
  expect((await again.events.next()).data).toBe("missed");
});

test("a client whose id is not a cursor starts like a new client", async () => {
  const app = jobs();
  const url = listen(app);
  await app.decorator.thump.publish("job:5", "stored");
  const stream = await open(`${url}/jobs/5`, { "last-event-id": "17" });
  expect((await stream.events.next()).data).toBe("stored");
});

test("an invalid room name ends the stream with an error, and the error is reported", async () => {
  const errors = new Inbox<unknown>();
  const app = new Elysia()
    .use(thump())
    .use(streaming({ onError: (error) => errors.push(error) }))
    .get("/", ({ stream, thump }) => stream(room(thump, "bad\nname")));
  const stream = await open(listen(app));
  await stream.ended;
  expect((await errors.next()) as object).toMatchObject({ code: "invalid-room" });
});

test("the stream is a session while it lasts; a drain ends it", async () => {
  const app = jobs();
  const url = listen(app);
  const { thump: server } = app.decorator;
  const stream = await open(`${url}/jobs/6`);
  await stream.lines.until((lines) => lines.some((line) => line.startsWith("id: ")));
  expect(server.sessionsIn("job:6")).toBe(1);
  stream.abort();
  while (server.sessionsIn("job:6") > 0) await Bun.sleep(5);
  const drained = await open(`${url}/jobs/6`);
  await drained.lines.until((lines) => lines.some((line) => line.startsWith("id: ")));
  await server.drain();
  await drained.ended;
  expect(server.sessionsIn("job:6")).toBe(0);
  const late = await open(`${url}/jobs/6`);
  await late.ended;
  expect(late.text).toBe("retry: 1\n");
});
