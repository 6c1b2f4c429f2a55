// Hundreds of slow clients at once: time limits cut them off, and other clients are not delayed.
import { expect, test } from "bun:test";
import { eventually } from "../support/answers.ts";
import { cleanup } from "../support/cleanup.ts";
import { metricsOf } from "../support/metrics.ts";
import { startServer } from "../support/server.ts";
import { tcp, type Tcp } from "../support/tcp.ts";
import { unharmed } from "../support/unharmed.ts";

const HOST = "Host: 127.0.0.1\r\n";
const MANY = 100;
const STALLED = 100;
const ACCEPT = ["text/event-stream", "application/x-ndjson"];

const connections = (port: number, count = MANY) =>
  Promise.all(Array.from({ length: count }, () => tcp(port)));

/** Sends the start of a request on all connections, then one byte on each in turn, until all are closed. */
async function drip(all: Tcp[], begin: string, on: string): Promise<void> {
  for (const connection of all) connection.send(begin);
  let at = 0;
  const timer = setInterval(() => {
    const byte = on[at++ % on.length];
    if (byte === undefined) return;
    for (const connection of all) if (!connection.socket.destroyed) connection.send(byte);
  }, 100);
  cleanup(() => clearInterval(timer));
  await Promise.all(all.map(({ closed }) => closed));
  clearInterval(timer);
}

const DRIPPING: [what: string, begin: string, on: string][] = [
  ["a request line", "", `GET /rooms/${"r".repeat(200)}`],
  ["headers", `GET /rooms/r HTTP/1.1\r\n${HOST}`, "X: y\r\n"],
  ["a handshake", `GET /ws HTTP/1.1\r\n${HOST}Upgrade: websocket\r\nConnection: Upgrade\r\n`, "X: y\r\n"],
];

/** Headers that announce a body, and the text to send repeatedly, one byte at a time. */
const BODIES = { "Content-Length: 60000": "x", "Transfer-Encoding: chunked": "1\r\nx\r\n" };

test("hundreds of clients that send a head or body byte by byte, or nothing, are cut off; active connections stay", async () => {
  const server = startServer({ limits: { headTime: "5s", bodyTime: "300ms" } });
  const kept = await tcp(server.port);
  await unharmed(server, async () => {
    const silent = await connections(server.port);
    const heads = DRIPPING.map(async ([, begin, on]) => drip(await connections(server.port), begin, on));
    const bodies = Object.entries(BODIES).map(async ([header, on]) => {
      const all = await connections(server.port);
      await drip(all, `POST /rooms/r HTTP/1.1\r\n${HOST}${header}\r\n\r\n`, on);
      for (const { received } of all) {
        expect(received).toStartWith("HTTP/1.1 408");
        expect(received).toContain('"code":"timeout"');
      }
    });
    const honest = setInterval(() => kept.send(`GET /healthz HTTP/1.1\r\n${HOST}\r\n`), 500);
    cleanup(() => clearInterval(honest));
    await Promise.all([...silent.map(({ closed }) => closed), ...heads, ...bodies]);
  });
  expect(kept.socket.destroyed).toBe(false);
  expect(server.thump.hub.log.newest("r", 10)).toMatchObject({ publications: [] });
  const timeouts = (await metricsOf(server)).of("thump_rejects_total", { code: "timeout" });
  expect(timeouts).toBe(MANY * Object.keys(BODIES).length);
}, 60_000);

test("thousands of unread streams use little memory, and end when their clients disconnect", async () => {
  const server = startServer();
  await unharmed(server, async () => {
    const all = await connections(server.port, 2000);
    for (const [i, { socket }] of all.entries()) {
      socket.pause();
      socket.write(`GET /rooms/r HTTP/1.1\r\n${HOST}Accept: ${ACCEPT[i % 2]}\r\n\r\n`);
    }
    await eventually(() => server.thump.sessionsIn("r") === 2000);
    for (let i = 0; i < 100; i++) await server.thump.publish("r", i);
    for (const { socket } of all) socket.destroy();
    await eventually(() => server.thump.sessionsIn("r") === 0);
  });
});

test("unread streams in busy rooms use little memory, and are closed as silent", async () => {
  const server = startServer({ heartbeat: 1, limits: { memory: "4MiB" } });
  await unharmed(server, async () => {
    const all = await connections(server.port, STALLED);
    for (const [i, { socket }] of all.entries()) {
      socket.pause();
      socket.write(`GET /rooms/r HTTP/1.1\r\n${HOST}Accept: ${ACCEPT[i % 2]}\r\n\r\n`);
    }
    await eventually(() => server.thump.sessionsIn("r") === STALLED);
    // Publishes more than the kernel buffers for an unread connection.
    for (let i = 0; server.thump.sessionsIn("r") > 0; i++) {
      await server.thump.publish("r", `${i} ${"x".repeat(60_000)}`);
      await new Promise(setImmediate);
    }
  });
  const metrics = await metricsOf(server);
  expect(metrics.of("thump_lags_total")).toBe(STALLED);
  expect(metrics.of("thump_kept_bytes")).toBeLessThanOrEqual(4 * 2 ** 20);
}, 60_000);

test("large endless bodies use no more than the memory shared by all bodies, and normal bodies succeed", async () => {
  const server = startServer({ limits: { bodies: "2MiB" } });
  await unharmed(server, async () => {
    const all = await connections(server.port, 200);
    const begin = `POST /publish HTTP/1.1\r\n${HOST}`;
    for (const [i, connection] of all.entries())
      connection.send(
        i % 2
          ? `${begin}Content-Length: 1000000\r\n\r\n[${" ".repeat(900_000)}`
          : `${begin}Transfer-Encoding: chunked\r\n\r\nf4240\r\n[${" ".repeat(900_000)}`,
      );
    await eventually(() => server.thump.service.bodyMemory.aborted >= 190);
    expect(server.thump.service.bodyMemory.bytes).toBeLessThanOrEqual(2 * 2 ** 20);
    const batch = JSON.stringify(Array.from({ length: 15 }, () => ({ room: "r", data: "x".repeat(60_000) })));
    const response = await fetch(`${server.url}/publish`, { method: "POST", body: batch });
    expect(response.status).toBe(200);
    for (const { socket } of all) socket.destroy();
    await eventually(() => server.thump.service.bodyMemory.bytes === 0);
  });
});
