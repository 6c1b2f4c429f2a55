// The idle timeout of a connection is off while a request streams or waits. Afterwards, it applies again.
import { expect, test } from "bun:test";
import { Elysia } from "elysia";
import { thump } from "../../src/index.ts";
import { CLOSE } from "../../src/protocol/codes.ts";
import { eventually } from "../support/answers.ts";
import { cleanup } from "../support/cleanup.ts";
import { startServer } from "../support/server.ts";
import { type Tcp, tcp } from "../support/tcp.ts";

/** The shortest timeout that Bun supports, because Bun counts in steps of 4 s. */
const IDLE = { limits: { headTime: "1s" } };
const SSE = "Accept: text/event-stream\r\n";
const head = (method: string, path: string, fields = "") =>
  `${method} ${path} HTTP/1.1\r\nHost: 127.0.0.1\r\n${fields}\r\n`;

type End = (server: ReturnType<typeof startServer>, connection: Tcp) => Promise<void>;
const endedBy =
  (code: number): End =>
  async ({ thump }, connection) => {
    await connection.until("\nid: ");
    for (const session of thump.hub.sessions.values()) session.end(code, "1");
    await connection.until("\r\n0\r\n\r\n");
  };

const REQUESTS: Record<string, [request: string, end: End]> = {
  "a poll that waited": [
    head("GET", "/rooms/r?wait=0.1"),
    async (_, connection) => void (await connection.until('"messages":[]}')),
  ],
  "a poll that was answered": [
    head("GET", "/rooms/r?wait=50"),
    async ({ thump }, connection) => {
      await eventually(() => thump.hub.sessions.size === 1);
      await thump.publish("r", "x");
      await connection.until('"data":"x"');
    },
  ],
  "HEAD of a stream": [
    head("HEAD", "/rooms/r", SSE),
    async (_, connection) => void (await connection.until("\r\n\r\n")),
  ],
  "HEAD of a stream of several rooms": [
    head("HEAD", "/events?room=r"),
    async (_, connection) => void (await connection.until("\r\n\r\n")),
  ],
  "HEAD of a poll": [
    head("HEAD", "/rooms/r?wait=0.1"),
    async (_, connection) => void (await connection.until("\r\n\r\n")),
  ],
  "a stream whose token expired": [head("GET", "/rooms/r", SSE), endedBy(CLOSE.unauthorized)],
  "a stream that was removed": [head("GET", "/events?room=r"), endedBy(CLOSE.removed)],
  "a stream that a drain ends": [head("GET", "/rooms/r", SSE), endedBy(CLOSE.goingAway)],
};

/**
 * Opens two more connections, one after the other, and waits until each is closed. By then, connections that were
 * already idle are closed too.
 */
async function idleTimePasses({ port }: { port: number }): Promise<void> {
  for (let i = 0; i < 2; i++) {
    const connection = await tcp(port);
    connection.send(head("GET", "/healthz"));
    await connection.closed;
  }
}

test.each([
  ["that are idle", ""],
  ["that have sent half the head of another request", "GET /healthz HT"],
])(
  "connections %s are closed, whatever requests they carried before",
  async (_, rest) => {
    const trials = Object.entries(REQUESTS).map(async ([what, [request, end]]) => {
      const server = startServer(IDLE);
      const connection = await tcp(server.port);
      connection.send(request);
      await end(server, connection);
      connection.send(rest);
      await idleTimePasses(server);
      return connection.socket.destroyed ? [] : [what];
    });
    expect((await Promise.all(trials)).flat()).toEqual([]);
  },
  60_000,
);

test("when the server ends a stream whose client does not read, its connection is closed", async () => {
  const server = startServer({ ...IDLE, heartbeat: 600 });
  const connection = await tcp(server.port);
  connection.send(head("GET", "/rooms/r", SSE));
  await connection.until("\nid: ");
  connection.socket.pause();
  const [session] = server.thump.hub.sessions.values();
  while (!session?.hasUnsent()) await server.thump.publish("r", "x".repeat(60_000));
  session.end(CLOSE.removed, "removed");
  connection.socket.resume();
  await connection.closed;
});

test("idle streams and waiting polls are not closed, even on a reused connection", async () => {
  const server = startServer(IDLE);
  const [poll, stream, again] = await Promise.all(Array.from({ length: 3 }, () => tcp(server.port)));
  poll?.send(head("GET", "/rooms/r?wait=50"));
  stream?.send(head("GET", "/rooms/r", SSE));
  again?.send(head("GET", "/rooms/r?wait=0.1"));
  await again?.until('"messages":[]}');
  again?.send(head("GET", "/rooms/r", SSE));
  await eventually(() => server.thump.hub.sessions.size === 3);
  await idleTimePasses(server);
  await server.thump.publish("r", "still here");
  for (const connection of [poll, stream, again]) await connection?.until("still here");
});

test("in an app with the plugin, the app's timeout applies", async () => {
  const app = new Elysia({ serve: { idleTimeout: 2 } }).use(thump({ drain: 0 }));
  app.listen({ port: 0, hostname: "127.0.0.1" });
  cleanup(() => app.stop(true));
  const connection = await tcp(app.server?.port ?? 0);
  connection.send(head("GET", "/rooms/r?wait=0.1"));
  await connection.until('"messages":[]}');
  await connection.closed;
});
