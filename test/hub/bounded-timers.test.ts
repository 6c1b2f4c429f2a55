// Timers do a limited amount of work per tick, however many rooms, sessions and users exist.
import { expect, test } from "bun:test";
import { join } from "node:path";
import { Heartbeat } from "../../src/hub/heartbeat.ts";
import type { Session } from "../../src/hub/session.ts";
import { Sweeper } from "../../src/log/sweeper.ts";
import { Rounds, TickSlice } from "../../src/scheduling/tick-slice.ts";
import { eventually } from "../support/answers.ts";
import { cleanup } from "../support/cleanup.ts";
import { presenceClock, userToken } from "../support/presence.ts";
import { startServer } from "../support/server.ts";
import { openMultiplexed } from "../support/streams.ts";
import { bearer, SECRET } from "../support/tokens.ts";

/** Reads a counter in every tick until the test ends. `most` is the largest increase so far. */
function watch(read: () => number): { most: number } {
  const watched = { most: 0 };
  let before = read();
  let done = false;
  cleanup(() => (done = true));
  const tick = () => {
    const value = read();
    watched.most = Math.max(watched.most, value - before);
    before = value;
    if (!done) setImmediate(tick);
  };
  tick();
  return watched;
}

test("heartbeats go to a slice of the sessions per tick and reach every session", async () => {
  const beats = new Map<string, number>();
  const session = (id: string) => ({
    identity: {},
    nextHeartbeat: 0,
    heartbeat: () => beats.set(id, (beats.get(id) ?? 0) + 1),
  });
  const sessions = new Map(Array.from({ length: 5000 }, (_, i) => [`s${i}`, session(`s${i}`)]));
  const heartbeat = new Heartbeat(sessions as unknown as ReadonlyMap<string, Session>, 20);
  cleanup(() => heartbeat.stop());
  const watched = watch(() => heartbeat.sweeper.visits);
  while (beats.size < 5000) await new Promise(setImmediate);
  // At most two slices run between two readings.
  expect(watched.most).toBeLessThanOrEqual(2000);
});

test("grace periods that end in many rooms are handled one slice of rooms per tick", async () => {
  const server = startServer({ access: { secrets: SECRET }, rooms: { "*": { presence: true } } });
  const { presence } = server.thump.hub;
  const pass = presenceClock(server);
  const joins = Array.from({ length: 1000 }, (_, i) => ({ room: `r${i}` }));
  const stream = await openMultiplexed(server.url, joins, bearer(userToken("u")));
  stream.abort();
  await eventually(() => server.thump.hub.sessions.size === 0);
  const before = presence.visits;
  pass(10_000);
  expect(presence.visits - before).toBeLessThanOrEqual(500);
  // The remaining rooms are visited later without further calls.
  await eventually(() => presence.visits - before >= 1000);
});

test("a sweep visits all items in rounds until it is stopped", async () => {
  const seen: number[] = [];
  const items = Array.from({ length: 100 }, (_, i) => i);
  const sweeper = new Sweeper(
    () => items,
    (item) => void seen.push(item),
    { rest: 1, pause: 0, items: 10 },
  );
  await eventually(() => seen.length >= 200);
  sweeper.stop();
  const { length } = seen;
  await Bun.sleep(20);
  expect(seen.length).toBe(length);
  expect(seen.slice(0, 200)).toEqual([...items, ...items]);
});

test("a slice ends after a number of items or a duration", () => {
  const count = (slice: TickSlice) => {
    let taken = 0;
    while (slice.take()) taken++;
    return taken;
  };
  expect(count(new TickSlice(100, () => 0))).toBe(100);
  let now = 0;
  expect(count(new TickSlice(100_000, () => now++, 5))).toBeLessThan(200);
});

test("rounds visit all items repeatedly, and end when no items remain", () => {
  const items = new Set(["a", "b", "c"]);
  const rounds = new Rounds(() => items);
  expect([...rounds.next(2), ...rounds.next(2)]).toEqual(["a", "b", "c", "a"]);
  items.clear();
  expect([...rounds.next(5)]).toEqual([]);
});

/** The files that use setInterval, and how each limits the work in one tick. */
const INTERVALS: Record<string, string> = {
  "hub/presence/presence-tracker.ts": "a slice of the waiting rooms",
  "log/redis/pending-appends.ts": "at most 10,000 publications in flight",
  "log/redis/redis-connection.ts": "one connection",
  "log/redis/presence/redis-presence.ts": "one comparison per room with presence",
  "log/redis/redis-log.ts": "a part of the rooms at a time",
  "log/redis/redis-peers.ts": "a slice of the open rooms",
  "server/demo.ts": "one publication",
  "server/status-rooms/status-publisher.ts": "plain numbers",
  "server/metrics/loop-delay.ts": "plain numbers",
  "transports/stream/stream-session.ts": "keep-alives of one stream",
};

test("every interval in the server is in the table, with its limit", async () => {
  const src = join(import.meta.dir, "../../src");
  const found: string[] = [];
  for await (const path of new Bun.Glob("{hub,log,rooms,limits,auth,service,transports,server}/**/*.ts").scan(
    src,
  )) {
    const text = await Bun.file(join(src, path)).text();
    if (/\bsetInterval\(/.test(text)) found.push(path.replaceAll("\\", "/"));
  }
  expect(found.sort()).toEqual(Object.keys(INTERVALS).sort());
});
