// The client on a bad network, with cut, blocked and black-holed connections, and with drained and restarted servers.
// No message is lost, repeated or stored twice.
import { describe, expect, test } from "bun:test";
import { join } from "node:path";
import { cleanup } from "../support/cleanup.ts";
import { folder, startProcess } from "../support/process.ts";
import { Proxy } from "../support/proxy.ts";
import { Type } from "typebox";
import { startServer } from "../support/server.ts";
import { SECRET, token } from "../support/tokens.ts";
import { client, from, joinRoom, inState, storage, upTo } from "./support.ts";

async function behindProxy(options: Parameters<typeof startServer>[0] = {}) {
  const server = startServer({ rooms: { "*": { history: { count: 10_000 } } }, ...options });
  return { server, proxy: await Proxy.start(server.port) };
}

describe.each(["websocket", "event-stream"] as const)("over %s", (transport) => {
  test("after a cut the client reconnects by itself and misses no message", async () => {
    const { server, proxy } = await behindProxy();
    const thump = client(proxy.url, { transport });
    const received = await joinRoom(thump, "r");
    await server.publish("r", "0");
    await received.next();
    proxy.refuse(true);
    proxy.cut();
    await inState(thump, "offline");
    expect(received.room.state).toBe("offline");
    for (const n of [1, 2, 3]) await server.publish("r", String(n));
    proxy.refuse(false);
    await received.until(({ length }) => length === 4);
    await inState(thump, "live");
    expect(received.all).toEqual([0, 1, 2, 3]);
    expect(received.gaps.all).toEqual([]);
  });

  test("messages published while disconnected wait, in order, and are stored once", async () => {
    const { server, proxy } = await behindProxy();
    const thump = client(proxy.url, { transport });
    const listener = await joinRoom(client(server.url), "r");
    await joinRoom(thump, "r");
    proxy.refuse(true);
    proxy.cut();
    await inState(thump, "offline");
    const room = thump.room("r");
    const published = Promise.all(upTo(200).map((n) => room.publish(n)));
    proxy.refuse(false);
    const cursors = await published;
    await listener.until(({ length }) => length === 200);
    expect(listener.all).toEqual(upTo(200));
    expect(new Set(cursors).size).toBe(200);
  });

  test("a dead peer is detected by the server's ping interval", async () => {
    const { server, proxy } = await behindProxy({ heartbeat: 0.1 });
    const thump = client(proxy.url, { transport });
    // A stream does not announce the ping interval, so the test sets it. In practice, the client knows the interval
    // from an earlier WebSocket.
    if (transport === "event-stream") (thump as unknown as { heartbeat: number }).heartbeat = 100;
    const received = await joinRoom(thump, "r");
    await server.publish("r", "0");
    await received.next();
    proxy.blackHole(true);
    await inState(thump, "offline");
    proxy.blackHole(false);
    await server.publish("r", "1");
    await received.until(({ length }) => length === 2);
    expect(received.all).toEqual([0, 1]);
    expect(received.gaps.all).toEqual([]);
  });

  // The test also runs with gzip, because Bun could lose the last events of gzip streams.
  test.each(["{}", '{"*":{"compress":"streams"}}'])(
    "a draining server gives a reconnect delay, and the next server behind the proxy delivers later messages: %s",
    async (rooms) => {
      // The servers have separate logs, so the client receives a gap notice and continues.
      const args = ["--port", "0", "--no-demo", "--drain", "200ms", "--rooms", rooms];
      const first = await startProcess(args);
      const second = await startProcess(args);
      const proxy = await Proxy.start(first.port);
      // With this backoff, the client itself would reconnect much later.
      const thump = client(proxy.url, { transport, backoff: { first: 1e9, most: 1e9 } });
      const received = await joinRoom(thump, "r");
      await received.room.publish(0);
      await received.next();
      proxy.target = second.port;
      first.process.kill("SIGTERM");
      await inState(thump, "offline");
      await inState(thump, "live");
      await received.room.publish(1);
      await received.until(({ length }) => length === 2);
      expect(received.all).toEqual([0, 1]);
      expect(received.gaps.all).toHaveLength(1);
      expect(thump.errors.all).toEqual([]);
      expect(await first.process.exited).toBe(0);
    },
  );

  test("a server that is killed and restarted", async () => {
    const args = ["--no-demo", "--log-level", "error"];
    const first = await startProcess(["--port", "0", ...args]);
    const thump = client(first.url, { transport });
    const received = await joinRoom(thump, "r");
    await received.room.publish(0);
    await received.next();
    first.process.kill("SIGKILL");
    await first.process.exited;
    const waiting = received.room.publish(1);
    await startProcess(["--port", String(first.port), ...args]);
    expect(await waiting).toMatch(/-\d+$/);
    await received.until(({ length }) => length === 2);
    expect(received.all).toEqual([0, 1]);
    expect(received.gaps.all).toHaveLength(1);
  });

  test("a server that is killed and restarted with its log file neither loses nor repeats a message", async () => {
    const args = ["--no-demo", "--log-level", "error", "--data", join(folder(), "log")];
    const first = await startProcess(["--port", "0", ...args]);
    const thump = client(first.url, { transport });
    const received = await joinRoom(thump, "r");
    const published = upTo(50).map((n) => received.room.publish(n));
    await published[20];
    first.process.kill("SIGKILL");
    await first.process.exited;
    await startProcess(["--port", String(first.port), ...args]);
    await Promise.all(published);
    await received.until(({ length }) => length === 50);
    expect(received.all).toEqual(upTo(50));
    expect(received.gaps.all).toEqual([]);
  });

  test("the next page resumes where this one ended", async () => {
    const { server } = await behindProxy();
    const resume = storage();
    const first = client(server.url, { transport, resume });
    const before = await joinRoom(first, "r");
    for (const n of [0, 1]) await server.publish("r", String(n));
    await before.until(({ length }) => length === 2);
    first.close();
    for (const n of [2, 3]) await server.publish("r", String(n));
    // The next page uses the other transport. It also sets `last`, but the stored position takes precedence.
    const other = transport === "websocket" ? "event-stream" : "websocket";
    const after = await joinRoom(client(server.url, { transport: other, resume }), "r", { last: 50 });
    await after.until(({ length }) => length === 2);
    expect(after.all).toEqual([2, 3]);
    after.room.leave();
    expect(resume.size).toBe(0);
  });

  test("close() leaves no connection and no listener, and lets the process exit", async () => {
    const { server, proxy } = await behindProxy();
    const thump = client(proxy.url, { transport });
    const received = await joinRoom(thump, "r");
    const loop = (async () => {
      for await (const _ of received.room) continue;
    })();
    proxy.stall(true);
    const unheard = received.room.publish(1);
    thump.close();
    await expect(unheard).rejects.toMatchObject({ code: "closed" });
    await loop;
    proxy.stall(false);
    while (proxy.open > 0 || server.thump.hub.sessions.size > 0) await Bun.sleep(1);
    expect([thump.state, received.room.state, received.errors.all]).toEqual(["closed", "closed", []]);
    await expect(received.room.publish(2)).rejects.toMatchObject({ code: "closed" });
    expect(thump.room("other").state).toBe("closed");
    // A timer or an open socket would keep the process running.
    const script = `
      const { connect } = await import(${JSON.stringify(import.meta.resolve(from))});
      const thump = connect("${server.url}", { transport: "${transport}" });
      await thump.room("r").publish(1);
      thump.close();
    `;
    const child = Bun.spawn([process.execPath, "-e", script], { stdout: "pipe", stderr: "pipe" });
    cleanup(() => child.kill("SIGKILL"));
    expect(await child.exited).toBe(0);
  });
});

test("streams take over while WebSockets are blocked, and a WebSocket takes over again afterwards", async () => {
  const { server, proxy } = await behindProxy();
  proxy.blockUpgrade = true;
  const thump = client(proxy.url, { socketRetry: 30 });
  const received = await joinRoom(thump, "r");
  expect(thump.transport).toBe("event-stream");
  await received.room.publish(0);
  await server.publish("r", "1");
  await received.until(({ length }) => length === 2);
  const flood = (async () => {
    for (const n of upTo(100)) await server.publish("r", String(n + 2));
  })();
  proxy.blockUpgrade = false;
  while (thump.transport !== "websocket") await Bun.sleep(1);
  await flood;
  await received.room.publish(102);
  await received.until(({ length }) => length === 103);
  expect(received.all).toEqual(upTo(103));
  expect(received.gaps.all).toEqual([]);
  expect(server.thump.hub.sessions.size).toBe(1);
});

test("a full queue rejects with `queue-full`, and the queued messages are published", async () => {
  const { server, proxy } = await behindProxy();
  proxy.refuse(true);
  const thump = client(proxy.url, { queue: { count: 3, bytes: 300 } });
  const waiting = upTo(3).map((n) => thump.publish("r", n));
  await expect(thump.publish("r", 3)).rejects.toMatchObject({ name: "ThumpError", code: "queue-full" });
  proxy.refuse(false);
  await Promise.all(waiting);
  await expect(thump.publish("r", "x".repeat(300))).rejects.toMatchObject({ code: "queue-full" });
  await thump.publish("r", 4);
  const state = (await (await fetch(server.room("r"))).json()) as { messages: { data: unknown }[] };
  expect(state.messages.map(({ data }) => data)).toEqual([0, 1, 2, 4]);
});

test("a rate-limited client slows down and loses no message", async () => {
  const server = startServer({
    limits: { rates: { session: { publishes: { rate: 200, burst: 10 }, joins: { rate: 50, burst: 2 } } } },
  });
  const thump = client(server.url);
  const rooms = await Promise.all(upTo(5).map((n) => joinRoom(thump, `r${n}`)));
  expect(rooms.map(({ room }) => room.state)).toEqual(upTo(5).map(() => "live"));
  const received = rooms[0] as (typeof rooms)[0];
  await Promise.all(upTo(60).map((n) => received.room.publish(n)));
  await received.until(({ length }) => length === 60);
  expect(received.all.toSorted((a, b) => (a as number) - (b as number))).toEqual(upTo(60));
  expect(thump.errors.all).toEqual([]);
});

describe.each(["websocket", "event-stream"] as const)("over %s", (transport) => {
  test("rate-limited publications stay in order, even after a rejected publication", async () => {
    const server = startServer({
      access: { secrets: [SECRET] },
      rooms: { r: { join: "anyone", publish: "users", schema: Type.Number() } },
      limits: { rates: { user: { publishes: { rate: 100, burst: 5 } } } },
    });
    const thump = client(server.url, { transport, token: token() });
    const received = await joinRoom(thump, "r");
    const sent = upTo(30).map((n) => received.room.publish(n === 3 ? "not a number" : n));
    await expect(sent[3]).rejects.toMatchObject({ code: "invalid" });
    await Promise.all(sent.filter((_, n) => n !== 3));
    await received.until((all) => all.length === 29);
    expect(received.all).toEqual(upTo(30).filter((n) => n !== 3));
  });

  test("publications of different sizes keep their order under a byte rate, and the session stays connected", async () => {
    const server = startServer({ limits: { rates: { session: { bytes: { rate: 4000, burst: 2000 } } } } });
    const thump = client(server.url, { transport });
    const received = await joinRoom(thump, "r");
    const texts = upTo(48).map((n) => `${n} ${"x".repeat(n % 3 === 2 ? 600 : 20)}`);
    await Promise.all(texts.map((text) => received.room.publish(text)));
    await received.until((all) => all.length === texts.length);
    expect(received.all).toEqual(texts);
    expect(received.gaps.all).toEqual([]);
    expect(thump.errors.all).toEqual([]);
    expect(thump.states.all).not.toContain("offline");
  }, 60_000);
});
