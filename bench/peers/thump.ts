// Thump with its default configuration, and with several other configurations.
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { Adapter } from "../adapter.ts";
import type { Dialect } from "../dialect.ts";
import { bun, root } from "./javascript.ts";

/** The script that `bun run start` runs. */
export const main = join(root, "src/main.ts");
const binary = join(root, "dist/thump");
const gap = '"type":"gap"';

const websocket: Dialect = {
  transport: "websocket",
  path: "/rooms/{room}",
  publish: "{message}",
  verbatim: true,
  gap,
};

const liveStream: Dialect = {
  transport: "event-stream",
  path: "/rooms/{room}",
  headers: { accept: "text/event-stream" },
  verbatim: true,
  gap,
};

const liveMultiplexed: Dialect = {
  transport: "websocket",
  path: "/ws?room={room}",
  steps: [{ expect: '"type":"joined"' }],
  publish: '{"type":"publish","room":"{room}","data":{message}}',
  gap,
};

const eventStream: Dialect = {
  ...liveStream,
  resume: { before: "id: ", path: "/rooms/{room}?after={cursor}" },
};

const multiplexed: Dialect = {
  ...liveMultiplexed,
  resume: { before: '"at":"', path: "/ws?room={room}&after={cursor}" },
};

const json = { "content-type": "application/json" };

const http: Dialect = { transport: "http", path: "/rooms/{room}", headers: json, publish: "{message}" };

const batch: Dialect = {
  transport: "http",
  path: "/publish",
  headers: json,
  publish: '{"room":"{room}","data":{message}}',
  batch: { of: 100, before: "[", between: ",", after: "]" },
};

function version(): string | undefined {
  const manifest = JSON.parse(readFileSync(join(root, "package.json"), "utf8")) as { version?: string };
  return manifest.version && `${manifest.version} on Bun ${Bun.version}`;
}

/** Disables the per-session rate limits, because one publisher represents thousands of clients. */
async function options(port: number, folder: string): Promise<string[]> {
  const config = join(folder, "thump.json");
  await Bun.write(
    config,
    JSON.stringify({ limits: { rates: { session: { publishes: false, bytes: false } } } }),
  );
  return ["--port", String(port), "--host", "127.0.0.1", "--config", config];
}

export const thump: Adapter = {
  name: "thump",
  source: true,
  title: "Thump, from its source on Bun",
  tier: "history",
  settings:
    "Defaults, as with `bun run start`: 1,000 messages or 1 MiB per room, for 10 minutes. The publish rate of a session is not limited, because one publisher represents many.",
  version,
  missing: () => undefined,
  command: async (port, folder) => [bun, main, ...(await options(port, folder))],
  ready: "/readyz",
  dialects: {
    websocket,
    "event-stream": eventStream,
    multiplexed,
    publish: websocket,
    http,
    "http-batch": batch,
  },
};

export const thumpNoHistory: Adapter = {
  ...thump,
  name: "thump-nohistory",
  title: "Thump without history",
  tier: "live",
  settings: "No room stores messages, to show the cost of history. Otherwise defaults.",
  named: true,
  environment: { THUMP_ROOMS: '{"*":{"history":false}}' },
  dialects: { ...thump.dialects, "event-stream": liveStream, multiplexed: liveMultiplexed },
};

export const thumpDeep: Adapter = {
  ...thump,
  name: "thump-deep",
  title: "Thump with up to 64 MiB of history per room",
  settings: "Rooms store up to 64 MiB, so that a client that stops reading for seconds misses no message.",
  named: true,
  environment: { THUMP_ROOMS: '{"*":{"history":{"count":100000,"bytes":"64MiB"}}}' },
};

/** Sends join and leave notifications to all clients in a room: `--scenario chat --peer thump-presence`. */
export const thumpPresence: Adapter = {
  ...thump,
  name: "thump-presence",
  title: "Thump with presence",
  settings:
    "Every room has presence, and every client requests it on the multiplexed socket. Sessions have no token, so presence consists of counts.",
  named: true,
  environment: { THUMP_ROOMS: '{"*":{"presence":true}}' },
  dialects: { ...thump.dialects, websocket: { ...liveMultiplexed, path: "/ws?room={room}&presence=1" } },
};

/** The token secret for the attack scenario, which protects nothing real. */
const SECRET = "a secret of the benchmark, long enough";

export const thumpPublic: Adapter = {
  ...thump,
  name: "thump-public",
  title: "Thump, configured as on the internet",
  settings:
    "Behind a trusted proxy, and with a secret, so that tokens are verified. All limits at their defaults; the attacker uses one address. Rooms are public, so that honest sockets need no token.",
  named: true,
  environment: {
    THUMP_SECRET: SECRET,
    THUMP_PROXIES: "loopback",
    THUMP_ROOMS: '{"crowd":{"join":"anyone","presence":true},"*":{"join":"anyone","publish":"anyone"}}',
  },
  command: (port) => [bun, main, "--port", String(port), "--host", "127.0.0.1"],
};

export const thumpDurable: Adapter = {
  ...thump,
  name: "thump-durable",
  title: "Thump with rooms in a file",
  settings:
    "With --data: messages are written to a file before they are acknowledged and delivered, without waiting for the disk.",
  named: true,
  command: async (port, folder) => [
    bun,
    main,
    ...(await options(port, folder)),
    "--data",
    join(folder, "data"),
  ],
};

export const thumpFsync: Adapter = {
  ...thumpDurable,
  name: "thump-fsync",
  title: "Thump with rooms on disk",
  settings:
    "With --data --durability fsync: messages are on disk before they are acknowledged and delivered.",
  environment: { THUMP_DURABILITY: "fsync" },
};

export const thumpBinary: Adapter = {
  ...thump,
  name: "thump-binary",
  source: false,
  title: "Thump, compiled to one binary",
  named: true,
  missing: () => (existsSync(binary) ? undefined : "not built: bun run build"),
  command: async (port, folder) => [binary, ...(await options(port, folder))],
};
