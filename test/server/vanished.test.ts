// Clients whose network vanishes: packets are dropped and no connection is closed, but the clients' sessions end.
import { expect, test } from "bun:test";
import { join } from "node:path";
import { setUserTimeout } from "../../src/server/tcp-user-timeout.ts";
import { collect, Inbox } from "../support/clients.ts";
import { cleanup } from "../support/cleanup.ts";
import { namespaces, noNamespaces, spawnIn } from "../support/namespaces.ts";
import { folder } from "../support/process.ts";
import { startServer } from "../support/server.ts";
import { testIf } from "../support/skip.ts";
import { tcp } from "../support/tcp.ts";

const MAIN = join(import.meta.dir, "../../src/main.ts");
/** THUMP_BINARY selects a compiled server. */
const SERVER = process.env["THUMP_BINARY"];

/** A program that opens one session of every kind and prints their names. Each session reads and responds to pings. */
const CLIENT = `
  const [host] = process.argv.slice(2);
  const stream = async (name, path, accept) => {
    const response = await fetch("http://" + host + path, { headers: { accept } });
    const reader = response.body.getReader();
    await reader.read();
    console.log(name);
    for (;;) await reader.read();
  };
  stream("event-stream", "/rooms/r", "text/event-stream").catch(() => {});
  stream("ndjson", "/rooms/r", "application/x-ndjson").catch(() => {});
  stream("envelope-stream", "/events?room=r", "text/event-stream").catch(() => {});
  for (const [name, path] of [["websocket", "/ws?room=r"], ["raw-websocket", "/rooms/r"]])
    new WebSocket("ws://" + host + path).onopen = () => console.log(name);
  setInterval(() => {}, 1000);
`;
const TRANSPORTS = ["envelope-stream", "event-stream", "ndjson", "raw-websocket", "websocket"];

interface Line {
  transport?: string;
  reason?: string;
}

testIf(noNamespaces)(
  "all sessions of a vanished client end after a few heartbeats, and a connected client's session stays",
  async () => {
    const [inside, outside] = namespaces();
    const args = ["--host", inside.address, "--port", "0", "--no-demo", "--heartbeat", "1s"];
    const log = ["--log", "json", "--log-level", "info", "--open"];
    const server = SERVER
      ? Bun.spawn([...inside.exec, SERVER, ...args, ...log], {
          cwd: folder(),
          env: {},
          stdin: "ignore",
          stdout: "pipe",
          stderr: "pipe",
        })
      : spawnIn(inside, [MAIN, ...args, ...log]);
    cleanup(() => server.kill("SIGKILL"));
    const [out, err] = [new Inbox<string>(), new Inbox<string>()];
    void collect(server.stdout, out);
    void collect(server.stderr, err);
    const address = (line: string) => /http:\/\/([0-9.]+:[0-9]+)/.exec(line)?.[1];
    await out.until((lines) => lines.some(address));
    const host = out.all.map(address).find(Boolean) as string;
    const script = join(folder({ "client.js": CLIENT }), "client.js");
    const open = async (where: typeof inside) => {
      const opened = new Inbox<string>();
      void collect(spawnIn(where, [script, host]).stdout, opened);
      await opened.until(({ length }) => length === TRANSPORTS.length);
      return opened;
    };
    // This session is on the server's side of the network and stays connected.
    await open(inside);
    expect((await open(outside)).all.toSorted()).toEqual(TRANSPORTS);
    const ended = () =>
      err.all
        .filter((line) => line.startsWith("{"))
        .map((line) => JSON.parse(line) as Line)
        .filter(({ reason }) => reason !== undefined);
    expect(ended()).toEqual([]);
    outside.vanish();
    await err.until(() => ended().length >= TRANSPORTS.length);
    expect(
      ended()
        .map(({ transport }) => transport)
        .toSorted(),
    ).toEqual(TRANSPORTS);
  },
  60_000,
);

test("a client that stops reading for a while stays connected and receives everything", async () => {
  const rooms = { "*": { history: { count: 10_000, bytes: "100MiB" } } };
  const server = startServer({ rooms, limits: { headTime: "1s" }, heartbeat: 15 });
  const slow = await tcp(server.port);
  slow.send("GET /rooms/r HTTP/1.1\r\nHost: 127.0.0.1\r\nAccept: text/event-stream\r\n\r\n");
  await slow.until("\nid: ");
  slow.socket.pause();
  const [session] = server.thump.hub.sessions.values();
  // Publishes more data than fits into the client's TCP window.
  for (let n = 0; n < 50 || !session?.hasUnsent(); n++) await server.thump.publish("r", "x".repeat(60_000));
  // Waits more than 8 s: two idle connections time out, one after the other.
  for (let i = 0; i < 2; i++) {
    const idle = await tcp(server.port);
    idle.send("GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n");
    await idle.closed;
  }
  expect(session?.ended).toBe(false);
  slow.socket.resume();
  await server.thump.publish("r", "the last one");
  await slow.until("the last one");
}, 60_000);

test("a port without a listener is ignored", () => {
  const server = startServer();
  expect(setUserTimeout(server.port, 1000)).toBe(process.platform === "linux");
  expect(setUserTimeout(1, 1000)).toBe(false);
});
