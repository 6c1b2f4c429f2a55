// One client floods the server with rooms, joins, publications and connections. The client gets `rate` errors or is
// disconnected.
import { expect, test } from "bun:test";
import { eventually } from "../support/answers.ts";
import type { Multiplexed } from "../support/clients.ts";
import { connect, multiplexed } from "../support/clients.ts";
import { metricsOf } from "../support/metrics.ts";
import { startServer, type TestServer } from "../support/server.ts";
import { unharmed } from "../support/unharmed.ts";
import { shakeHands } from "../support/ways-in.ts";

const ATTACKER = { "x-forwarded-for": "203.0.113.9" };
const count = (client: Multiplexed, fits: (frame: { type: string; [field: string]: unknown }) => boolean) =>
  client.all.filter(fits).length;
const joins = (from: number, to: number) =>
  Array.from({ length: to - from }, (_, i) => JSON.stringify({ type: "join", room: `room ${from + i}` }));

/** Checks that the server holds no rooms and no client state. */
async function forgotten(server: TestServer): Promise<void> {
  await eventually(() => server.thump.hub.rooms.size === 1);
  expect(server.thump.hub.sessionsByAddress.size).toBe(0);
}

test("one session joins 10,000 rooms, within its limit: it receives from all, and they close when it ends", async () => {
  const server = startServer({
    limits: { rooms: 10_000, rates: { session: { joins: false }, address: { joins: false } } },
  });
  await unharmed(server, async () => {
    const client = await multiplexed(server.socket("/ws"));
    for (const join of joins(0, 10_000)) client.socket.send(join);
    expect(await client.ask({ type: "join", room: "one too many" })).toMatchObject({ code: "limit" });
    expect(count(client, ({ type }) => type === "joined")).toBe(10_000);
    expect(server.thump.hub.rooms.size).toBe(10_001);
    for (const room of [0, 5000, 9999]) {
      await server.publish(`room ${room}`, String(room));
      expect(await client.find(({ type }) => type === "message")).toMatchObject({ data: room });
    }
    client.socket.ws.terminate();
  });
  await eventually(() => server.thump.hub.rooms.size === 1);
});

test("one session joins 10,000 rooms, beyond its limit: it gets specific errors and is then disconnected", async () => {
  const server = startServer();
  await unharmed(server, async () => {
    const client = await multiplexed(server.socket("/ws"));
    for (const join of joins(0, 10_000)) client.socket.send(join);
    expect(await client.closed).toMatchObject({ code: 4429 });
    expect(count(client, ({ type }) => type === "joined")).toBe(1000);
    expect(count(client, ({ code }) => code === "limit")).toBeGreaterThan(3000);
    expect(count(client, ({ code }) => code === "rate")).toBeGreaterThan(100);
  });
  await forgotten(server);
  const metrics = await metricsOf(server);
  expect(metrics.of("thump_rate_limited_total", { scope: "session", kind: "joins" })).toBeGreaterThan(100);
  expect(metrics.of("thump_sessions_closed_total", { reason: "rate" })).toBe(1);
});

test("rooms in a handshake have the same limits and cost as other joins", async () => {
  const server = startServer({
    open: true,
    proxies: ["loopback"],
    limits: { rooms: 100, rates: { address: { joins: { rate: 1, burst: 150 } } } },
  });
  const rooms = (count: number) => Array.from({ length: count }, (_, i) => `room=${i}`).join("&");
  await unharmed(server, async () => {
    const outcome = (many: number) => shakeHands(server.socket(`/ws?${rooms(many)}`), ATTACKER);
    expect(await outcome(101)).toMatchObject({ status: 429, code: "limit" });
    expect(await outcome(100)).toEqual({ status: 101 });
    expect(await outcome(100)).toMatchObject({ status: 429, code: "rate" });
    for (const session of server.thump.hub.sessions.values())
      if (session.addressKey) session.end(4403, "removed");
  });
  await forgotten(server);
});

test("endless joins and leaves exceed the rate, and leave no state", async () => {
  const server = startServer();
  await unharmed(server, async () => {
    const client = await multiplexed(server.socket("/ws"));
    let ended = false;
    void client.closed.then(() => (ended = true));
    for (let i = 0; !ended && i < 100_000; i++) {
      client.socket.send(JSON.stringify({ type: "join", room: `r${i % 50}`, last: 10 }));
      client.socket.send(JSON.stringify({ type: "leave", room: `r${i % 50}` }));
      if (i % 100 === 0) await new Promise(setImmediate);
    }
    expect(await client.closed).toMatchObject({ code: 4429 });
  });
  await forgotten(server);
});

test.each(["/ws", "/rooms/flood"])(
  "endless publishing on %s exceeds the rate, and earlier publications are stored",
  async (path) => {
    const rate = { rate: 100, burst: 2000 };
    const server = startServer({ limits: { rates: { session: { publishes: rate } } } });
    const frame = path === "/ws" ? JSON.stringify({ type: "publish", room: "flood", data: "x" }) : "x";
    await unharmed(server, async () => {
      const socket = await connect(server.socket(path));
      let ended = false;
      void socket.closed.then(() => (ended = true));
      for (let i = 0; !ended && i < 200_000; i++) {
        socket.send(frame);
        if (i % 200 === 0) await new Promise(setImmediate);
      }
      expect(await socket.closed).toMatchObject({ code: 4429 });
    });
    const { publications } = await server.thump.hub.log.newest("flood", 5000);
    expect(publications.length).toBe(1000);
    const limited = (await metricsOf(server)).of("thump_rate_limited_total", {
      scope: "session",
      kind: "publishes",
    });
    expect(limited).toBeGreaterThan(100);
  },
);

test("many sessions from one address that publish endlessly share the address's limit", async () => {
  const server = startServer({
    open: true,
    proxies: ["loopback"],
    limits: { rates: { address: { publishes: { rate: 1, burst: 1000 } } } },
  });
  await unharmed(server, async () => {
    const sockets = await Promise.all(
      Array.from({ length: 20 }, () => connect(server.socket("/rooms/flood"), { headers: ATTACKER })),
    );
    for (const socket of sockets) for (let i = 0; i < 1200; i++) socket.send("x");
    await Promise.all(sockets.map(({ closed }) => closed));
  });
  const { publications } = await server.thump.hub.log.newest("flood", 5000);
  // The bucket may have refilled for a second or two.
  expect(publications.length).toBeWithin(1000, 1010);
});

test("a flood of connections from one address uses up only that address's sessions, and each attempt is answered", async () => {
  const server = startServer({
    open: true,
    proxies: ["loopback"],
    limits: { sessionsPerAddress: 100, rates: { address: { connects: { rate: 1, burst: 500 } } } },
  });
  await unharmed(server, async () => {
    const statuses = new Map<number, number>();
    for (let round = 0; round < 10; round++) {
      const path = round % 2 ? "/ws" : "/rooms/r";
      const flood = Array.from({ length: 100 }, () => shakeHands(server.socket(path), ATTACKER));
      for (const { status } of await Promise.all(flood))
        statuses.set(status, (statuses.get(status) ?? 0) + 1);
      expect(
        (await shakeHands(server.socket("/ws"), { "x-forwarded-for": `198.51.100.${round}` })).status,
      ).toBe(101);
    }
    expect(statuses.get(101)).toBe(100);
    expect(statuses.get(429)).toBe(900);
    for (const session of server.thump.hub.sessions.values())
      if (session.addressKey) session.end(4403, "removed");
  });
  await forgotten(server);
  const metrics = await metricsOf(server);
  expect(metrics.of("thump_sessions_refused_total", { among: "address" })).toBeGreaterThan(300);
  expect(metrics.of("thump_rate_limited_total", { scope: "address", kind: "connects" })).toBeGreaterThan(300);
});

test("thousands of short connections leave no state", async () => {
  const server = startServer();
  await unharmed(server, async () => {
    for (let round = 0; round < 30; round++) {
      const sockets = await Promise.all(
        Array.from({ length: 100 }, (_, i) =>
          connect(server.socket(i % 2 ? `/ws?room=r${i}` : `/rooms/r${i}`)),
        ),
      );
      for (const { ws } of sockets) ws.terminate();
      await eventually(() => server.thump.hub.sessions.size === 1);
    }
  });
  await forgotten(server);
});

test("per-user state is limited", async () => {
  const server = startServer({ open: true, proxies: ["loopback"] });
  await unharmed(server, async () => {
    for (let i = 0; i < 3000; i += 100) {
      const post = (n: number) =>
        server.publish("r", "x", { "x-forwarded-for": `198.18.${n >> 8}.${n & 255}` });
      await Promise.all(Array.from({ length: 100 }, (_, j) => post(i + j)));
    }
  });
  // Full buckets are removed as new users connect.
  expect((await metricsOf(server)).of("thump_rates_remembered")).toBeLessThan(1000);
});
