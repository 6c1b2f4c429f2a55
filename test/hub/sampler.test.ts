// Sampling: idle rooms cost nothing, a publication only marks its room, and samples are sent one slice per tick.
import { expect, spyOn, test } from "bun:test";
import { DueQueue } from "../../src/hub/due-queue.ts";
import { connect } from "../support/clients.ts";
import { openMultiplexed } from "../support/streams.ts";
import { randomTest } from "../support/random.ts";
import { startServer } from "../support/server.ts";

/** Measures a sampler's largest number of visits per event-loop tick, from now on. */
function watch(sampler: { readonly visits: number }): { most: number; stop(): void } {
  let done = false;
  let before = sampler.visits;
  const watched = { most: 0, stop: () => void (done = true) };
  const tick = () => {
    watched.most = Math.max(watched.most, sampler.visits - before);
    before = sampler.visits;
    if (!done) setImmediate(tick);
  };
  tick();
  return watched;
}

const names = Array.from({ length: 200 }, (_, i) => `room:${i}`);

test("sampled rooms have no timers of their own, and idle ones are not visited", async () => {
  const server = startServer();
  using intervals = spyOn(globalThis, "setInterval");
  const joins = names.map((room) => ({ room, max: 100 }));
  const streams = [];
  for (let i = 0; i < 5; i++) streams.push(await openMultiplexed(server.url, joins));
  expect(intervals).not.toHaveBeenCalled();
  const { sampler } = server.thump.hub;
  expect(sampler.size).toBe(1000);
  const before = sampler.visits;
  // Ten times the shortest sampling interval.
  await Bun.sleep(100);
  expect(sampler.visits).toBe(before);
  await server.thump.publish("room:7", "new");
  for (const stream of streams) await stream.events.find(({ data }) => data.includes('"new"'));
  expect(sampler.visits).toBe(before + 5);
});

test("a publication marks its room without visiting the sampled subscribers", async () => {
  const server = startServer();
  for (let i = 0; i < 20; i++) await connect(server.socket("/rooms/r?max=1"));
  const { sampler, rooms } = server.thump.hub;
  expect(sampler.visits).toBe(0);
  for (let i = 0; i < 100; i++) void server.thump.publish("r", i);
  expect(sampler.visits).toBe(0);
  expect(rooms.get("r")?.samples?.resting.size).toBe(20);
});

test("a room's samples are sent one slice per tick, and each subscriber receives the newest message", async () => {
  const server = startServer();
  const { hub } = server.thump;
  const joins = names.map((room) => ({ room, max: 100 }));
  const streams = await Promise.all(Array.from({ length: 6 }, () => openMultiplexed(server.url, joins)));
  const start = hub.sampler.visits;
  const watched = watch(hub.sampler);
  for (const room of names) await server.thump.publish(room, `first ${room}`);
  for (const room of names) await server.thump.publish(room, `last ${room}`);
  for (const stream of streams) {
    const missing = new Set(names.map((room) => `last ${room}`));
    while (missing.size > 0) {
      const { data } = await stream.events.next();
      missing.delete((JSON.parse(data) as { data?: string }).data ?? "");
    }
  }
  watched.stop();
  expect(hub.sampler.visits).toBeGreaterThanOrEqual(start + 1200);
  expect(watched.most).toBeLessThanOrEqual(500);
});

test("a session that joins many sampled rooms receives the newest message of each, one slice per tick", async () => {
  const server = startServer();
  const { sampler } = server.thump.hub;
  const many = Array.from({ length: 1000 }, (_, i) => `r${i}`);
  for (const room of many) await server.thump.publish(room, room);
  const watched = watch(sampler);
  const joins = many.map((room) => ({ room, last: 1, max: 1 }));
  const stream = await openMultiplexed(server.url, joins);
  await stream.events.until(
    (events) => events.filter(({ data }) => data.includes('"message"')).length >= 1000,
  );
  watched.stop();
  expect(sampler.visits).toBe(1000);
  expect(watched.most).toBeLessThanOrEqual(500);
});

test("a sampled session that ends leaves no state", async () => {
  const server = startServer();
  const socket = await connect(server.socket("/rooms/r?max=0.001"));
  await server.publish("r", "1");
  await socket.next();
  await server.publish("r", "2");
  socket.ws.terminate();
  while (server.thump.hub.sessions.size > 0) await Bun.sleep(1);
  expect(server.thump.hub.sampler.size).toBe(0);
  expect(server.thump.hub.rooms.size).toBe(0);
});

randomTest("the queue returns each item once when it is due, the earliest first", (random) => {
  const queue = new DueQueue<{ at: number; step?: number | undefined }>();
  const inside = new Set<{ at: number }>();
  let now = 0;
  for (let i = 0; i < 2000; i++) {
    if (random.chance(2)) {
      const item = { at: now + random.below(500) };
      queue.add(item, item.at);
      inside.add(item);
    } else if (random.chance(4)) {
      for (const item of inside) {
        queue.delete(item);
        inside.delete(item);
        break;
      }
    } else {
      now += random.below(60);
      for (let item = queue.take(now); item; item = queue.take(now)) {
        expect(inside.delete(item)).toBe(true);
        expect(item.at).toBeLessThanOrEqual(now);
      }
      for (const { at } of inside) expect(at).toBeGreaterThan(now - 10);
      if (inside.size > 0) expect(queue.next).toBeLessThan(Math.min(...[...inside].map(({ at }) => at)) + 10);
    }
  }
});
