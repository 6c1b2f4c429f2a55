// The memory budget shared by all rooms: the least recently used rooms are evicted first, and clients get gap notices.
import { expect, test } from "bun:test";
import { roomBytes } from "../../src/rooms/memory-budget.ts";
import { dataOf, publishAt, stateOf } from "../support/answers.ts";
import { connect, multiplexed } from "../support/clients.ts";
import { metricsOf } from "../support/metrics.ts";
import { randomTest } from "../support/random.ts";
import { startServer, type TestServer } from "../support/server.ts";

const KIB = 1024;
/** The cost of rooms without sessions, in addition to the cost of their publications. */
const own = (...rooms: string[]) => rooms.reduce((sum, room) => sum + roomBytes(room), 0);
/** Data for a publication that takes 1 KiB of the budget. */
const DATA = "x".repeat(768);

/** Publishes `count` messages of 1 KiB each to a room. */
async function fill(server: TestServer, room: string, count: number): Promise<string> {
  let at = "";
  for (let i = 0; i < count; i++) at = await publishAt(server, room, DATA);
  return at;
}

const counts = async (server: TestServer, ...rooms: string[]) =>
  Promise.all(rooms.map(async (room) => (await stateOf(server, room, "?last=1000")).messages.length));

test("the oldest messages in unused rooms are evicted first, and evictions are counted", async () => {
  const memory = 100 * KIB + own("old", "new");
  const server = startServer({ limits: { memory } });
  await connect(server.socket("/rooms/watched"));
  await fill(server, "watched", 20);
  await fill(server, "old", 40);
  await fill(server, "new", 40);
  expect((await metricsOf(server)).of("thump_kept_bytes")).toBe(100 * KIB);
  expect((await metricsOf(server)).of("thump_kept_rooms_bytes")).toBe(own("old", "new"));
  expect((await metricsOf(server)).of("thump_evictions_total")).toBe(0);
  await publishAt(server, "new", DATA);
  // Eviction continues down to 95 % of the budget, so that not every publication causes an eviction.
  expect(await counts(server, "watched", "old", "new")).toEqual([20, 33, 41]);
  const metrics = await metricsOf(server);
  expect(metrics.of("thump_kept_bytes")).toBe(94 * KIB);
  expect(metrics.of("thump_kept_limit_bytes")).toBe(memory);
  expect(metrics.of("thump_evictions_total")).toBe(7);
  expect(metrics.of("thump_evicted_rooms_total")).toBe(0);
});

test("a read counts as a use of the room", async () => {
  const server = startServer({ limits: { memory: 100 * KIB + own("a", "b", "c") } });
  await fill(server, "a", 50);
  await fill(server, "b", 50);
  await stateOf(server, "a");
  await fill(server, "c", 1);
  expect(await counts(server, "a", "b", "c")).toEqual([50, 43, 1]);
});

test("a resume that misses evicted messages gets a gap notice, whether the room was dropped or not", async () => {
  const server = startServer({ limits: { memory: 100 * KIB } });
  const gone = await publishAt(server, "gone", DATA);
  await fill(server, "gone", 3);
  const start = await fill(server, "r", 1);
  const last = await fill(server, "r", 95);
  await fill(server, "r", 10);
  for (const room of ["gone", "r"]) {
    const state = await stateOf(server, room, `?after=${room === "r" ? start : gone}`);
    expect(state.gap).toBeDefined();
  }
  const client = await multiplexed(server.socket("/ws"));
  expect(await client.ask({ type: "join", room: "gone", after: gone })).toMatchObject({ resumed: false });
  expect(await client.ask({ type: "join", room: "r", after: last })).toMatchObject({
    resumed: true,
    replay: 10,
  });
  expect(client.all.filter(({ type }) => type === "gap")).toMatchObject([{ room: "gone" }]);
});

test("if all rooms have sessions, they are evicted too, in the hub and in the log", async () => {
  const server = startServer({ limits: { memory: 10 * KIB } });
  const listener = await connect(server.socket("/rooms/r"));
  const start = await publishAt(server, "r", DATA);
  await fill(server, "r", 30);
  await listener.until((frames) => frames.length === 31);
  const history = server.thump.hub.rooms.get("r")?.history;
  expect(history?.bytes).toBeWithin(9 * KIB, 10 * KIB + 1);
  expect(server.thump.memoryBudget.bytes).toBe(history?.bytes as number);
  expect((await stateOf(server, "r", `?after=${start}`)).gap).toBeDefined();
});

test("a message larger than the budget is delivered and not stored", async () => {
  const server = startServer({ limits: { memory: 10 * KIB } });
  await fill(server, "r", 5);
  await publishAt(server, "r", "y".repeat(20 * KIB));
  expect(dataOf(await stateOf(server, "r"))).toEqual([]);
  expect(server.thump.memoryBudget.bytes).toBe(0);
  expect((await server.publish("r", "goes on")).status).toBe(201);
  expect(dataOf(await stateOf(server, "r"))).toEqual(["goes on"]);
});

randomTest("the total always equals the sum of the rooms' histories", async (random) => {
  const server = startServer({
    limits: { memory: 40 * KIB },
    rooms: { "few:*": { history: { count: 3 } }, "none:*": { history: false } },
  });
  const names = ["few:1", "few:2", "none:1", "a", "b", "c"];
  const listener = await multiplexed(server.socket("/ws?room=a&room=few:1"));
  for (let i = 0; i < 500; i++) {
    const room = random.pick(names);
    if (random.chance(20)) await server.thump.hub.forget(room);
    else await server.thump.publish(room, "z".repeat(random.below(4000)));
    const sizes = await Promise.all(names.map(async (name) => server.thump.hub.log.newest(name, 1000)));
    const sum = sizes
      .flatMap(({ publications }) => publications)
      .reduce((all, { size }) => all + size + 256, 0);
    expect(server.thump.memoryBudget.bytes).toBe(sum);
    expect(sum).toBeLessThanOrEqual(40 * KIB);
  }
  await listener.ask({ type: "ping" });
});

test("rooms themselves have a cost: of many nearly empty rooms, the oldest are dropped and report a gap", async () => {
  const server = startServer({ limits: { memory: 100 * KIB } });
  const name = (i: number) => `tiny:${1000 + i}`;
  const before: string[] = [];
  for (let i = 0; i < 1000; i++) before.push(await publishAt(server, name(i), String(i)));
  const metrics = await metricsOf(server);
  const kept = [...(await server.thump.hub.log.rooms())].length;
  expect(kept).toBeWithin(80, Math.floor((100 * KIB) / own(name(0))));
  expect(metrics.of("thump_evicted_rooms_total")).toBe(1000 - kept);
  expect(metrics.of("thump_kept_rooms_bytes")).toBe(kept * own(name(0)));
  expect(metrics.of("thump_kept_bytes") + metrics.of("thump_kept_rooms_bytes")).toBeLessThanOrEqual(
    100 * KIB,
  );
  // A client whose cursor precedes the room's only publication receives that publication or a gap.
  for (let i = 1; i < 1000; i += 37) {
    const state = await stateOf(server, name(i), `?after=${before[i - 1]}`);
    if (i < 1000 - kept) expect(state.gap).toBeDefined();
    else expect([state.gap, ...dataOf(state)]).toEqual([undefined, i]);
  }
});

test("a lagging client whose missed messages are evicted gets a gap notice and continues after it", async () => {
  const rooms = { "*": { history: { count: 100_000, bytes: "200MiB" } } };
  const server = startServer({ rooms, limits: { memory: "1MiB" } });
  const slow = await connect(server.socket("/rooms/r"));
  slow.ws.pause();
  let count = 0;
  const publish = () => server.thump.publish("r", `${count++} ${"x".repeat(30_000)}`);
  while (server.thump.hub.stats.lagged === 0) {
    await publish();
    if (count % 20 === 0) await new Promise(setImmediate);
  }
  // Publish more than the budget holds.
  for (let i = 0; i < 60; i++) await publish();
  slow.ws.resume();
  await slow.until((frames) => String(frames.at(-1)).startsWith(`${count - 1} `));
  const frames = slow.all.map(String);
  const gap = frames.findIndex((frame) => frame.startsWith("{"));
  expect(JSON.parse(frames[gap] as string)).toMatchObject({ type: "gap", room: "r" });
  const numbers = frames.filter((_, i) => i !== gap).map((frame) => Number.parseInt(frame, 10));
  const first = numbers[gap] as number;
  // The messages before the gap are contiguous, and so are those after it. Some messages in between are missing.
  expect(numbers.slice(0, gap)).toEqual(Array.from({ length: gap }, (_, i) => i));
  expect(first).toBeGreaterThan(gap);
  expect(numbers.slice(gap)).toEqual(Array.from({ length: count - first }, (_, i) => first + i));
});
