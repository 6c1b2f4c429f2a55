// Server-Sent Events from one room, as EventSource receives them and as they are sent.
import { expect, test } from "bun:test";
import { eventually, publishAt } from "../../support/answers.ts";
import { eventSource } from "../../support/clients.ts";
import { cleanup } from "../../support/cleanup.ts";
import { startServer } from "../../support/server.ts";
import { openEvents } from "../../support/streams.ts";

test("EventSource gets data, event names and cursors", async () => {
  const server = startServer();
  const source = await eventSource(server.room("r"), ["message", "tick"]);
  const first = await publishAt(server, "r", "plain");
  const second = await publishAt(server, "r", '{"a":1}', { event: "tick" });
  expect(await source.next()).toEqual({ event: "message", id: first, data: "plain" });
  expect(await source.next()).toEqual({ event: "tick", id: second, data: '{"a":1}' });
});

test("the response has the right content type, and headers that prevent caching and buffering", async () => {
  const server = startServer();
  const { response } = await openEvents(server.room("r"));
  expect(response.status).toBe(200);
  expect(response.headers.get("content-type")).toStartWith("text/event-stream");
  expect(response.headers.get("cache-control")).toContain("no-store");
  expect(response.headers.get("x-accel-buffering")).toBe("no");
});

test("a stream starts with a retry time and its position, before any publication", async () => {
  const server = startServer();
  const at = await publishAt(server, "other", "x");
  const stream = await openEvents(server.room("r"));
  expect(stream.lines.all[0]).toMatch(/^retry: [0-9]+$/);
  expect(stream.lines.all).toContain(`id: ${at}`);
  expect(stream.events.all).toEqual([]);
});

test.each([
  ["a\nb", "a\nb"],
  ["a\r\nb\rc", "a\nb\nc"],
  ["", ""],
  ["\n", "\n"],
  ["id: 9\n\nevent: x", "id: 9\n\nevent: x"],
  [":comment", ":comment"],
])("data with several or unusual lines arrives completely: %j", async (body, data) => {
  const server = startServer();
  const source = await eventSource(server.room("r"));
  await publishAt(server, "r", body);
  await publishAt(server, "r", "next");
  expect((await source.next()).data).toBe(data);
  expect((await source.next()).data).toBe("next");
});

test("bytes arrive as JSON with their encoding", async () => {
  const server = startServer();
  const source = await eventSource(server.room("r"));
  await publishAt(server, "r", Uint8Array.of(0, 255), { "content-type": "application/octet-stream" });
  expect(JSON.parse((await source.next()).data)).toEqual({ encoding: "base64", data: "AP8=" });
});

test("?last starts with the newest messages, ?after with the first one after the cursor", async () => {
  const server = startServer();
  const cursors: string[] = [];
  for (const body of ["1", "2", "3"]) cursors.push(await publishAt(server, "r", body));
  const last = await eventSource(server.room("r", "?last=2"));
  expect([(await last.next()).data, (await last.next()).data]).toEqual(["2", "3"]);
  const after = await eventSource(server.room("r", `?after=${cursors[1]}`));
  expect((await after.next()).id).toBe(cursors[2]!);
});

test("Last-Event-ID takes precedence over ?after", async () => {
  const server = startServer();
  const [first, second] = [await publishAt(server, "r", "1"), await publishAt(server, "r", "2")];
  await publishAt(server, "r", "3");
  const stream = await openEvents(server.room("r", `?after=${first}`), { "last-event-id": second });
  expect((await stream.events.next()).data).toBe("3");
  const empty = await openEvents(server.room("r", `?after=${first}`), { "last-event-id": "" });
  expect((await empty.events.next()).data).toBe("2");
});

test("a gap is a server event that precedes the messages still stored", async () => {
  const server = startServer({ rooms: { r: { history: { count: 1 } } } });
  const first = await publishAt(server, "r", "1");
  const second = await publishAt(server, "r", "2");
  const third = await publishAt(server, "r", "3");
  const source = await eventSource(server.room("r", `?after=${first}`));
  const gap = await source.next();
  expect(gap.event).toBe("thump:gap");
  expect(JSON.parse(gap.data)).toEqual({ type: "gap", room: "r", after: first, at: second });
  expect(await source.next()).toEqual({ event: "message", id: third, data: "3" });
});

test("an idle stream receives comments and new positions", async () => {
  const server = startServer({ heartbeat: 0.05 });
  const stream = await openEvents(server.room("r"));
  const at = await publishAt(server, "other", "x");
  await stream.lines.until((lines) => lines.includes(":") && lines.includes(`id: ${at}`));
  await stream.lines.until((lines) => lines.filter((line) => line === ":").length >= 3);
  expect(stream.events.all).toEqual([]);
  await publishAt(server, "r", "said");
  expect((await stream.events.next()).data).toBe("said");
});

test("a keep-alive's position is never ahead of the messages sent", async () => {
  const server = startServer({ heartbeat: 0.02 });
  const stream = await openEvents(server.room("r"));
  // Publishes from timers, as the heartbeat does, so that some publications precede a heartbeat in the same tick.
  let count = 0;
  const timers = Array.from({ length: 5 }, () =>
    setInterval(() => {
      if (count < 1000) void server.thump.publish("r", count++);
    }, 1),
  );
  cleanup(() => timers.forEach((timer) => clearInterval(timer)));
  await stream.events.until((events) => events.length === 1000);
  const seqs = stream.lines.all
    .filter((line) => line.startsWith("id: "))
    .map((line) => Number(line.split("-")[1]));
  expect(seqs).toEqual(seqs.toSorted((a, b) => a - b));
  expect(new Set(stream.events.all.map(({ id }) => id)).size).toBe(1000);
});

test("a client that disconnects leaves the room", async () => {
  const server = startServer();
  const stream = await openEvents(server.room("r"));
  expect(server.thump.sessionsIn("r")).toBe(1);
  stream.abort();
  await eventually(() => server.thump.hub.sessions.size === 0);
  expect(server.thump.sessionsIn("r")).toBe(0);
  expect((await server.publish("r", "to nobody")).status).toBe(201);
});

test("EventSource reconnects by itself and misses nothing", async () => {
  const server = startServer();
  const source = await eventSource(server.room("r"));
  await publishAt(server, "r", "1");
  await source.until((events) => events.length === 1);
  const [session] = server.thump.hub.sessions.keys();
  await fetch(`${server.url}/sessions/${session}`, { method: "DELETE" });
  await publishAt(server, "r", "2");
  await publishAt(server, "r", "3");
  await source.until((events) => events.length === 3);
  await publishAt(server, "r", "4");
  await source.until((events) => events.length === 4);
  expect(source.all.map(({ data }) => data)).toEqual(["1", "2", "3", "4"]);
});

test("EventSource also misses nothing if it disconnects before the first message", async () => {
  const server = startServer();
  await publishAt(server, "r", "before");
  const source = await eventSource(server.room("r"));
  await eventually(() => server.thump.sessionsIn("r") === 1);
  const [session] = server.thump.hub.sessions.keys();
  await fetch(`${server.url}/sessions/${session}`, { method: "DELETE" });
  await publishAt(server, "r", "missed");
  expect((await source.next()).data).toBe("missed");
});
