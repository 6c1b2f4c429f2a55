// Clients that stop reading: other clients do not wait for them, and their catch-up follows the room's rule.
import { expect, test } from "bun:test";
import { eventually, publishAt } from "../support/answers.ts";
import { connect, multiplexed, type Socket } from "../support/clients.ts";
import { startServer, type TestServer } from "../support/server.ts";
import { type OpenStream, openEvents } from "../support/streams.ts";
import { tcp } from "../support/tcp.ts";

const WIDE = { count: 100_000, bytes: "200MiB" };
const CHUNK = "x".repeat(30_000);

/** Publishes until the server detaches a slow client from fan-out. Returns the number of publications. */
async function publishUntilLagging(server: TestServer): Promise<number> {
  let count = 0;
  while (server.thump.hub.stats.lagged === 0) {
    await server.thump.publish("r", `${count++} ${CHUNK}`);
    if (count % 20 === 0) await new Promise(setImmediate);
  }
  return count;
}

const numbers = (socket: Socket) => socket.all.map((frame) => String(frame).split(" ", 1)[0] ?? "");
const upTo = (count: number) => Array.from({ length: count }, (_, i) => String(i));

test("a client that stops reading misses no messages, and other clients do not wait for it", async () => {
  const server = startServer({ rooms: { r: { history: WIDE } } });
  const [slow, healthy] = [
    await connect(server.socket("/rooms/r")),
    await connect(server.socket("/rooms/r")),
  ];
  slow.ws.pause();
  const count = await publishUntilLagging(server);
  await server.thump.publish("r", "last");
  await healthy.until((frames) => frames.at(-1) === "last");
  expect(slow.all.length).toBeLessThan(count);
  slow.ws.resume();
  await slow.until((frames) => frames.at(-1) === "last");
  for (const socket of [slow, healthy]) expect(numbers(socket)).toEqual([...upTo(count), "last"]);
});

test("a lagging client does not receive its own publications", async () => {
  const server = startServer({ rooms: { r: { history: WIDE } } });
  const slow = await connect(server.socket("/rooms/r"));
  const other = await connect(server.socket("/rooms/r"));
  slow.ws.pause();
  const count = await publishUntilLagging(server);
  slow.send("mine");
  await other.until((frames) => frames.at(-1) === "mine");
  await server.thump.publish("r", "last");
  slow.ws.resume();
  await slow.until((frames) => frames.at(-1) === "last");
  expect(numbers(slow)).toEqual([...upTo(count), "last"]);
});

test("a lagging multiplexed socket catches up in each of its rooms, and its commands are answered", async () => {
  const server = startServer({ rooms: { "*": { history: WIDE } } });
  const slow = await multiplexed(server.socket("/ws?room=r&room=quiet"));
  await slow.until((frames) => frames.length === 3);
  slow.socket.ws.pause();
  const count = await publishUntilLagging(server);
  await server.thump.publish("quiet", "said meanwhile");
  const pong = slow.ask({ type: "ping" });
  slow.socket.ws.resume();
  await slow.until(() => slow.messages().length === count + 1);
  expect(slow.messages("r").map((frame) => String(frame["data"]).split(" ", 1)[0]!)).toEqual(upTo(count));
  expect(slow.messages("quiet").map((frame) => frame["data"])).toEqual(["said meanwhile"]);
  expect((await pong).type).toBe("pong");
  expect(slow.all.some(({ type }) => type === "gap")).toBe(false);
});

test("messages that are no longer stored are reported as a gap before the rest", async () => {
  const server = startServer({ rooms: { r: { history: { count: 3 } } } });
  const slow = await multiplexed(server.socket("/ws?room=r"));
  await slow.until((frames) => frames.length === 2);
  slow.socket.ws.pause();
  const count = await publishUntilLagging(server);
  for (let i = 0; i < 10; i++) await server.thump.publish("r", `${count + i} later`);
  slow.socket.ws.resume();
  await slow.until(() => slow.messages().at(-1)?.["data"] === `${count + 9} later`);
  const seen = slow.all
    .slice(2)
    .map((frame) => (frame.type === "gap" ? "gap" : Number(String(frame["data"]).split(" ")[0])));
  const at = seen.indexOf("gap");
  expect(seen.slice(0, at)).toEqual(Array.from({ length: at }, (_, i) => i));
  expect(seen.slice(at)).toEqual(["gap", count + 7, count + 8, count + 9]);
});

test("with lag: latest, a client continues with the newest message, without a gap", async () => {
  const server = startServer({ rooms: { r: { lag: "latest", history: { count: 1 } } } });
  const slow = await multiplexed(server.socket("/ws?room=r"));
  await slow.until((frames) => frames.length === 2);
  slow.socket.ws.pause();
  const count = await publishUntilLagging(server);
  for (let i = 0; i < 10; i++) await server.thump.publish("r", `${count + i} later`);
  slow.socket.ws.resume();
  await slow.until(() => slow.messages().at(-1)?.["data"] === `${count + 9} later`);
  expect(slow.all.some(({ type }) => type === "gap")).toBe(false);
  const skipped = slow.messages().map((frame) => String(frame["data"]));
  expect(skipped).not.toContain(`${count + 5} later`);
});

test("with lag: disconnect, only the lagging client is closed, with 4503", async () => {
  const server = startServer({ rooms: { r: { lag: "disconnect" } } });
  const [slow, healthy] = [
    await connect(server.socket("/rooms/r")),
    await connect(server.socket("/rooms/r")),
  ];
  slow.ws.pause();
  await publishUntilLagging(server);
  expect(server.thump.sessionsIn("r")).toBe(1);
  slow.ws.resume();
  expect((await slow.closed).code).toBe(4503);
  await server.thump.publish("r", "last");
  await healthy.until((frames) => frames.at(-1) === "last");
});

test("an unread event stream catches up in the same way", async () => {
  const server = startServer({ rooms: { r: { history: WIDE } } });
  const slow = await tcp(server.port);
  slow.send("GET /rooms/r HTTP/1.1\r\nHost: localhost\r\nAccept: text/event-stream\r\n\r\n");
  await slow.until("id: ");
  slow.socket.pause();
  const count = await publishUntilLagging(server);
  await server.thump.publish("r", "last");
  slow.socket.resume();
  await slow.until("data: last\n");
  const seen = [...slow.received.matchAll(/^data: ([0-9]+) x/gm)].map(([, number]) => number!);
  expect(seen).toEqual(upTo(count));
});

test("a lagging client that disconnects leaves the room", async () => {
  const server = startServer();
  const slow = await connect(server.socket("/rooms/r"));
  slow.ws.pause();
  await publishUntilLagging(server);
  slow.ws.terminate();
  await eventually(() => server.thump.hub.sessions.size === 0);
  await server.thump.publish("r", "to nobody");
  const next = await connect(server.socket("/rooms/r?last=1"));
  expect(await next.next()).toBe("to nobody");
});

test("streams that join during a flood miss and repeat nothing between replay and live messages", async () => {
  const server = startServer();
  const flood = await multiplexed(server.socket("/ws"));
  const start = await publishAt(server, "a", "start");
  const urls = [server.room("a"), `${server.url}/events?room=a&room=b`];
  const streams: Promise<OpenStream>[] = [];
  for (let i = 0; i < 300; i++) {
    // Frames and requests arrive together, so that they are processed in one tick.
    for (let j = 0; j < 3; j++) flood.socket.send(`{"type":"publish","room":"a","data":${i * 3 + j}}`);
    if (i % 5 === 0) streams.push(openEvents(urls[(i / 5) % 2]!, { "last-event-id": start }));
    if (i % 2 === 0) await new Promise(setImmediate);
  }
  for (const stream of await Promise.all(streams)) {
    await stream.events.until((all) => all.some(({ data }) => /(^|"data":)899\b/.test(data)));
    const data = stream.events.all.map((event) =>
      Number(/[0-9]+/.exec(event.data.split('"data":').pop()!)?.[0]),
    );
    expect(data).toEqual(Array.from({ length: 900 }, (_, i) => i));
  }
});
