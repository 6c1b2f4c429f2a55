// What is measured, as data.
import type { Kind } from "./results.ts";

/** A party that connects: by which of an adapter's dialects, how many, into how many rooms. */
export interface PartySpec {
  name?: string;
  dialect: string;
  count: number;
  rooms?: number;
  /** Rooms are filled by Zipf's law with this exponent; evenly unless said. */
  zipf?: number;
  /** Each of them publishes too. */
  talks?: true;
  /** They will drop and come back. */
  returns?: true;
  /** Bytes their kernel may hold unread; as the kernel likes unless said. */
  receiveBuffer?: number;
}

/**
 * `headline`: what `bun bench` runs by itself. `targets`: what the project promises of itself. All of them are run
 * by `--full`.
 */
export type Set = "headline" | "targets" | "full";

export interface Scenario {
  name: string;
  title: string;
  kind: Kind;
  sets: readonly Set[];
  /** Names of adapters; `all` are those that speak the dialects and are not only measured by name. */
  servers: "all" | readonly string[];
  /** The server that ratios refer to. */
  base: string;
  /** Bytes of a message. */
  size: number;
  subscribers: readonly PartySpec[];
  /** Publishes without listening. */
  publishers?: PartySpec;
  /** Messages a second, all publishers together; where a sweep begins. */
  rate?: number;
  /** These join while messages flow. */
  joining?: PartySpec;
  /** So many members a second of the party `visitors` leave, and others join. */
  churn?: number;
  /** How many messages those who come back have missed. */
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
    title: "WebSocket fan-out to 1,000 sockets, 64 B: the highest rate in full, in order and in time",
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
    title: "SSE fan-out to 1,000 streams, 64 B: the highest rate in full, in order and in time",
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

/** One subscriber, so that what is measured is the way in. */
function publishing(
  name: string,
  what: string,
  spec: PartySpec,
  rate: number,
  servers: readonly string[],
): Scenario {
  return {
    name,
    title: `Publishes in, ${what}: one subscriber, 64 B`,
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
    title: "Resume storm: 5,000 sessions drop, miss 100 messages each and come back at once",
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
    title: "Attacks, one after the other, on a server with 200 honest sockets, 1 KiB × 200 msg/s",
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
    title: `Rooms: ${thousand(count)} rooms of ${members} sockets, a publisher each, 64 B`,
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
    title: `All to all: ${count} sockets in a room, each publishes, 64 B`,
    kind: "knee",
    sets: ["full"],
    servers: "all",
    base: "control",
    size: 64,
    subscribers: [{ ...sockets(count), talks: true }],
  };
}

const rest: Scenario[] = [
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
      "Chat: 1,000 sockets in 100 rooms by Zipf's law, 5 % talk, 50 a second leave and join, 100 B × 500 msg/s",
    kind: "fanout",
    sets: ["full"],
    servers: "all",
    base: "control",
    size: 100,
    rate: 500,
    subscribers: [
      { ...sockets(750), rooms: 100, zipf: 1 },
      { ...sockets(50), rooms: 100, zipf: 1, talks: true },
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
    title: "History: WebSocket fan-out to 1,000 sockets, 64 B, with and without what makes resuming possible",
    kind: "knee",
    sets: ["full"],
    servers: ["thump", "thump-nohistory"],
    base: "thump",
    size: 64,
    subscribers: [sockets(1_000)],
    publishers: one,
  },
  {
    name: "durable",
    title: "Durable rooms: WebSocket fan-out to 1,000 sockets, 64 B, from rooms in memory and in a file",
    kind: "knee",
    sets: ["full"],
    servers: ["thump", "thump-durable", "thump-fsync"],
    base: "thump",
    size: 64,
    subscribers: [sockets(1_000)],
    publishers: one,
  },
  publishing("in-durable", "a raw WebSocket, into rooms in memory and in a file", one, 20_000, [
    "thump",
    "thump-durable",
    "thump-fsync",
  ]),
];

export const scenarios: readonly Scenario[] = [...headline, ...targets, ...rest];
