// Sampling: idle rooms cost nothing, a publication costs one mark, and many samples are sent a slice per tick.
import { expect, spyOn, test } from "bun:test";
import { DueQueue } from "../../src/hub/due.ts";
import { connect } from "../support/clients.ts";
import { openMultiplexed } from "../support/streams.ts";
import { randomTest } from "../support/random.ts";
import { startServer } from "../support/server.ts";

const names = Array.from({ length: 200 }, (_, i) => `room:${i}`);

test("sampled rooms have no timers of their own, and idle ones are not looked at", async () => {
  const server = startServer();
  using intervals = spyOn(globalThis, "setInterval");
  const joins = names.map((room) => ({ room, max: 100 }));
  const streams = [];
  for (let i = 0; i < 5; i++) streams.push(await openMultiplexed(server.url, joins));
  expect(intervals).not.toHaveBeenCalled();
  const { sampler } = server.engine.hub;
  expect(sampler.size).toBe(1000);
  const before = sampler.looks;
  // Ten times as long as the fastest of them waits between two samples.
  await Bun.sleep(100);
  expect(sampler.looks).toBe(before);
  await server.engine.publish("room:7", "new");
  for (const stream of streams) await stream.events.find(({ data }) => data.includes('"new"'));
  expect(sampler.looks).toBe(before + 5);
});

test("a publication marks its room, and looks at none of those who sample it", async () => {
  const server = startServer();
  for (let i = 0; i < 20; i++) await connect(server.socket("/rooms/r?max=1"));
  const { sampler, rooms } = server.engine.hub;
  expect(sampler.looks).toBe(20);
  for (let i = 0; i < 100; i++) void server.engine.publish("r", i);
  expect(sampler.looks).toBe(20);
  expect(rooms.get("r")?.samples?.resting.size).toBe(20);
});

test("samples of one room are sent a slice per tick, and each subscriber gets the newest", async () => {
  const server = startServer();
  const { hub } = server.engine;
  const joins = names.map((room) => ({ room, max: 100 }));
  const streams = await Promise.all(Array.from({ length: 6 }, () => openMultiplexed(server.url, joins)));
  const start = hub.sampler.looks;
  let most = 0;
  let before = start;
  const watch = setInterval(() => {
    most = Math.max(most, hub.sampler.looks - before);
    before = hub.sampler.looks;
  }, 0);
  for (const room of names) await server.engine.publish(room, `first ${room}`);
  for (const room of names) await server.engine.publish(room, `last ${room}`);
  for (const stream of streams) {
    const missing = new Set(names.map((room) => `last ${room}`));
    while (missing.size > 0) {
      const { data } = await stream.events.next();
      missing.delete((JSON.parse(data) as { data?: string }).data ?? "");
    }
  }
  clearInterval(watch);
  expect(hub.sampler.looks).toBeGreaterThanOrEqual(start + 1200);
  // Two ticks of the sampler at most between two of this watch.
  expect(most).toBeLessThanOrEqual(1000);
});

test("nothing is left of a session that sampled", async () => {
  const server = startServer();
  const socket = await connect(server.socket("/rooms/r?max=0.001"));
  await server.publish("r", "1");
  await socket.next();
  await server.publish("r", "2");
  socket.ws.terminate();
  while (server.engine.hub.sessions.size > 0) await Bun.sleep(1);
  expect(server.engine.hub.sampler.size).toBe(0);
  expect(server.engine.hub.rooms.size).toBe(0);
});

randomTest("the queue gives each item once, when it is due, the earliest first", (random) => {
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
