// What is measured, as data.
import type { Transport } from "./jobs.ts";

interface Common {
  name: string;
  title: string;
  transport: Transport;
  /** The names of the servers to compare; the first is the one the others are compared with. */
  servers: string[];
}

export interface FanoutScenario extends Common {
  kind: "fanout";
  subscribers: number;
  rate: number;
  size: number;
  /** A row of another scenario whose p99 this one's are also compared with. */
  reference?: { scenario: string; server: string };
}

export interface IdleScenario extends Common {
  kind: "idle";
  sessions: number;
  size: number;
}

export type Scenario = FanoutScenario | IdleScenario;

export const GENTLE_SECONDS = 0.75;
export const WARMUP_SECONDS = 1;
export const GRACE_SECONDS = 3;
export const SETTLE_SECONDS = 12;

export const scenarios: Scenario[] = [
  {
    // Below saturation on any machine: what a message takes, not how long the queue is.
    kind: "fanout",
    name: "ws-50",
    title: "WebSocket fan-out: 1,000 sockets × 50 msg/s × 64 B",
    transport: "websocket",
    servers: ["control", "thump"],
    subscribers: 1_000,
    rate: 50,
    size: 64,
  },
  {
    kind: "fanout",
    name: "ws-1000",
    title: "WebSocket fan-out: 1,000 sockets × 1,000 msg/s × 64 B",
    transport: "websocket",
    servers: ["control", "thump"],
    subscribers: 1_000,
    rate: 1_000,
    size: 64,
  },
  {
    kind: "fanout",
    name: "ws-4000",
    title: "WebSocket fan-out: 1,000 sockets × 4,000 msg/s × 64 B",
    transport: "websocket",
    servers: ["control", "thump"],
    subscribers: 1_000,
    rate: 4_000,
    size: 64,
  },
  {
    kind: "fanout",
    name: "sse-1000",
    title: "SSE fan-out: 1,000 streams × 1,000 msg/s × 64 B",
    transport: "event-stream",
    servers: ["control", "control-each", "thump"],
    subscribers: 1_000,
    rate: 1_000,
    size: 64,
    reference: { scenario: "ws-1000", server: "control" },
  },
  {
    kind: "idle",
    name: "idle-ws",
    title: "Idle memory: 15,000 WebSocket sessions in one room",
    transport: "websocket",
    servers: ["control", "thump"],
    sessions: 15_000,
    size: 64,
  },
  {
    kind: "idle",
    name: "idle-sse",
    title: "Idle memory: 15,000 SSE sessions in one room",
    transport: "event-stream",
    servers: ["control", "thump"],
    sessions: 15_000,
    size: 64,
  },
];
