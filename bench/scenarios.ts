// The scenarios, as data.
import type { Kind } from "./results.ts";

/** A party of clients: the dialect they use, their number, and the number of rooms. */
export interface PartySpec {
  name?: string;
  dialect: string;
  count: number;
  rooms?: number;
  /** Spreads members over rooms by Zipf's law with this exponent. Default: members are spread evenly. */
  zipf?: number;
  /** Each member also publishes. */
  publishes?: true;
  /** Members will disconnect and resume. */
  returns?: true;
  /** Size of the kernel's receive buffer, in bytes. Default: the kernel's own default. */
  receiveBuffer?: number;
}

/**
 * `headline`: the scenarios that `bun bench` runs by default. `targets`: the scenarios with a target.
 * `--full` runs all of them.
 */
export type Set = "headline" | "targets" | "full";

export interface Scenario {
  name: string;
  title: string;
  kind: Kind;
  sets: readonly Set[];
  /**
   * Adapter names. `all`: every server with the required dialects, except those measured only if a scenario names them.
   */
  servers: "all" | readonly string[];
  /** The server that ratios refer to. */
  base: string;
  /** Message size in bytes. */
  size: number;
  subscribers: readonly PartySpec[];
  /** Clients that publish without subscribing. */
  publishers?: PartySpec;
  /** Total messages per second from all publishers, or the first rate of a sweep. */
  rate?: number;
  /** Members that join while messages flow. */
  joining?: PartySpec;
  /** The number of `visitors` that leave per second. The same number of new members join. */
  churn?: number;
  /** Number of messages that resuming sessions have missed. */
  missed?: number;
}

const one: PartySpec = { dialect: "publish", count: 1 };
const sockets = (count: number): PartySpec => ({ dialect: "websocket", count });
const streams = (count: number): PartySpec => ({ dialect: "event-stream", count });
const thousand = (count: number) => count.toLocaleString("en");
const bytes = (size: number) => (size < 1024 ? `${size} B` : `${size / 1024} KiB`);
const pair = ["control", "thump"] as const;

const headline: Scenario[] = [
  {
    name: "knee-ws",
    title:
      "WebSocket fan-out to 1,000 sockets, 64 B: highest rate with every message delivered in order and in time",
    kind: "knee",
    sets: ["headline", "full"],
    servers: "all",
    base: "control",
    size: 64,
    subscribers: [sockets(1_000)],
    publishers: one,
  },
  {
    name: "knee-sse",
    title:
      "SSE fan-out to 1,000 streams, 64 B: highest rate with every message delivered in order and in time",
    kind: "knee",
    sets: ["headline", "full"],
    servers: "all",
    base: "control",
    size: 64,
    subscribers: [streams(1_000)],
    publishers: one,
  },
  {
    name: "memory",
    title: "Memory: 2,000 idle WebSocket sessions in a room",
    kind: "idle",
    sets: ["headline", "full"],
    servers: ["control", "thump", "ws", "socketio", "salvo", "centrifugo"],
    base: "control",
    size: 64,
    subscribers: [sockets(2_000)],
    publishers: one,
  },
  {
    name: "slow",
    title: "Slow consumers: 2 of 200 sockets stop reading, 16 KiB × 100 msg/s",
    kind: "slow",
    sets: ["headline", "targets", "full"],
    servers: ["control", "thump", "thump-deep"],
    base: "control",
    size: 16_384,
    rate: 100,
    subscribers: [sockets(198), { ...sockets(2), name: "slow", receiveBuffer: 256 * 1024 }],
    publishers: one,
  },
];

function fanoutAt(name: string, spec: PartySpec, rate: number, what: string): Scenario {
  return {
    name,
    title: `${what}: ${thousand(spec.count)} × ${thousand(rate)} msg/s × 64 B`,
    kind: "fanout",
    sets: ["targets", "full"],
    servers: pair,
    base: "control",
    size: 64,
    rate,
    subscribers: [spec],
    publishers: one,
  };
}

function idle(name: string, spec: PartySpec, what: string): Scenario {
  return {
    name,
    title: `Idle: ${thousand(spec.count)} ${what} sessions in a room`,
    kind: "idle",
    sets: ["targets", "full"],
    servers: pair,
    base: "control",
    size: 64,
    subscribers: [spec],
    publishers: one,
  };
}

/** A publishing scenario. It has only one subscriber, so that the cost of receiving publishes dominates. */
function publishing(
  name: string,
  what: string,
  spec: PartySpec,
  rate: number,
  servers: readonly string[],
): Scenario {
  return {
    name,
    title: `Publishing, ${what}: one subscriber, 64 B`,
    kind: "knee",
    sets: name === "in-raw" || name === "in-http" ? ["targets", "full"] : ["full"],
    servers,
    base: servers[0]!,
    size: 64,
    rate,
    subscribers: [sockets(1)],
    publishers: spec,
  };
}

const targets: Scenario[] = [
  fanoutAt("ws-50", sockets(1_000), 50, "WebSocket fan-out, far from saturation"),
  fanoutAt("ws-1000", sockets(1_000), 1_000, "WebSocket fan-out"),
  fanoutAt("ws-4000", sockets(1_000), 4_000, "WebSocket fan-out"),
  fanoutAt("sse-1000", streams(1_000), 1_000, "SSE fan-out"),
  idle("idle-ws", sockets(15_000), "WebSocket"),
  idle("idle-sse", streams(15_000), "SSE"),
  {
    name: "resume",
    title: "Resume storm: 5,000 sessions disconnect, miss 100 messages each and reconnect at once",
    kind: "resume",
    sets: ["targets", "full"],
    servers: pair,
    base: "control",
    size: 64,
    subscribers: [{ ...sockets(5_000), dialect: "multiplexed", name: "returning", returns: true }],
    publishers: one,
    missed: 100,
  },
  {
    name: "hostile",
    title: "Attacks, one after another, on a server with 200 honest sockets, 1 KiB × 200 msg/s",
    kind: "hostile",
    sets: ["targets", "full"],
    servers: ["control", "thump-public"],
    base: "control",
    size: 1_024,
    rate: 200,
    subscribers: [sockets(200)],
    publishers: one,
  },
  publishing("in-raw", "a raw WebSocket", one, 20_000, pair),
  publishing("in-http", "HTTP, 64 connections", { dialect: "http", count: 64 }, 10_000, ["thump"]),
];

function grid(count: number, size: number): Scenario {
  return {
    name: `knee-${count}-${size}`,
    title: `WebSocket fan-out to ${thousand(count)} sockets, ${bytes(size)}`,
    kind: "knee",
    sets: ["full"],
    servers: pair,
    base: "control",
    size,
    subscribers: [sockets(count)],
    publishers: one,
  };
}

function rooms(count: number, members: number): Scenario {
  return {
    name: `rooms-${count}x${members}`,
    title: `Rooms: ${thousand(count)} rooms of ${members} sockets, one publisher each, 64 B`,
    kind: "knee",
    sets: ["full"],
    servers: "all",
    base: "control",
    size: 64,
    subscribers: [{ ...sockets(count * members), rooms: count }],
    publishers: { ...one, count, rooms: count },
  };
}

function everyone(count: number): Scenario {
  return {
    name: `all-${count}`,
    title: `All to all: ${count} sockets in one room, each publishes, 64 B`,
    kind: "knee",
    sets: ["full"],
    servers: "all",
    base: "control",
    size: 64,
    subscribers: [{ ...sockets(count), publishes: true }],
  };
}

const fullOnly: Scenario[] = [
  ...[100, 1_000, 10_000].flatMap((count) =>
    [64, 1_024, 16_384].filter((size) => count !== 1_000 || size !== 64).map((size) => grid(count, size)),
  ),
  rooms(1_000, 10),
  rooms(100, 100),
  everyone(32),
  everyone(320),
  {
    name: "chat",
    title:
      "Chat: 1,000 sockets in 100 rooms by Zipf's law, 5 % publish, 50 per second leave and join, 100 B × 500 msg/s",
    kind: "fanout",
    sets: ["full"],
    servers: "all",
    base: "control",
    size: 100,
    rate: 500,
    subscribers: [
      { ...sockets(750), rooms: 100, zipf: 1 },
      { ...sockets(50), rooms: 100, zipf: 1, publishes: true },
      { ...sockets(200), rooms: 100, zipf: 1, name: "visitors" },
    ],
    churn: 50,
  },
  {
    name: "mixed",
    title: "Mixed: 500 sockets and 500 SSE streams in one room, 64 B",
    kind: "knee",
    sets: ["full"],
    servers: "all",
    base: "control",
    size: 64,
    subscribers: [sockets(500), streams(500)],
    publishers: one,
  },
  {
    name: "join",
    title: "Join storm: 5,000 sockets join at once while 100 others receive 50 msg/s",
    kind: "join",
    sets: ["full"],
    servers: "all",
    base: "control",
    size: 64,
    rate: 50,
    subscribers: [sockets(100)],
    publishers: one,
    joining: sockets(5_000),
  },
  publishing("in-mux", "a multiplexed socket", { dialect: "multiplexed", count: 1 }, 10_000, ["thump"]),
  publishing(
    "in-batch",
    "HTTP batches of 100, 16 connections",
    { dialect: "http-batch", count: 16 },
    20_000,
    ["thump"],
  ),
  {
    name: "history",
    title: "History: WebSocket fan-out to 1,000 sockets, 64 B, with and without history",
    kind: "knee",
    sets: ["full"],
    servers: ["thump", "thump-nohistory"],
    base: "thump",
    size: 64,
    subscribers: [sockets(1_000)],
    publishers: one,
  },
  {
    name: "stream-plugin",
    title: "thump/stream: fan-out to 1,000 streams of an Elysia app, 64 B, one source per client",
    kind: "knee",
    sets: ["full"],
    servers: [
      "elysia-stream",
      "elysia-sse",
      "thump-stream-callback",
      "thump-stream-generator",
      "thump-stream-class",
      "thump-stream-room",
    ],
    base: "elysia-stream",
    size: 64,
    subscribers: [streams(1_000)],
    publishers: one,
  },
  {
    name: "durable",
    title: "Durable rooms: WebSocket fan-out to 1,000 sockets, 64 B, rooms in memory and in a file",
    kind: "knee",
    sets: ["full"],
    servers: ["thump", "thump-durable", "thump-fsync"],
    base: "thump",
    size: 64,
    subscribers: [sockets(1_000)],
    publishers: one,
  },
  publishing("in-durable", "a raw WebSocket, rooms in memory and in a file", one, 20_000, [
    "thump",
    "thump-durable",
    "thump-fsync",
  ]),
];

export const scenarios: readonly Scenario[] = [...headline, ...targets, ...fullOnly];
