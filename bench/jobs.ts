// What the runner and the generator say to each other: jobs in, results out.

export type Transport = "websocket" | "event-stream";

/** Where to publish or subscribe on a server. */
export interface Endpoint {
  transport: Transport;
  path: string;
  headers?: Record<string, string>;
}

export interface Target {
  port: number;
  /** The server's process, whose CPU and memory the generator reads. */
  pid: number;
  publish: Endpoint;
  subscribe: Endpoint;
}

export interface FanoutJob {
  kind: "fanout";
  target: Target;
  subscribers: number;
  /** Messages a second, all through one publisher. */
  rate: number;
  /** Bytes of a message. */
  size: number;
  /** Seconds at a quarter of the rate, in which the server's code gets compiled. */
  gentle: number;
  /** Seconds at the full rate before the window. */
  warmup: number;
  seconds: number;
  /** How long to wait for what is still on its way after the window, in seconds. */
  grace: number;
}

export interface IdleJob {
  kind: "idle";
  target: Target;
  sessions: number;
  size: number;
  /** The longest time to wait for the server's memory to settle, in seconds. */
  settle: number;
}

export type Job = FanoutJob | IdleJob;

/** What went wrong with deliveries, counted over the whole run, warm-up included. */
export interface Faults {
  /** Skipped: a later message arrived on that socket, this one never did. */
  lost: number;
  repeated: number;
  disordered: number;
  /** Frames or events that are not one of the publisher's messages. */
  foreign: number;
  /** Sessions the server closed. */
  closed: number;
  /** Not lost, but still not there when the grace period ended. */
  undelivered: number;
}

export interface FanoutResult {
  kind: "fanout";
  /** Share of the window's messages that arrived. */
  delivered: number;
  /** Deliveries a second inside the window. */
  perSecond: number;
  /** Milliseconds from the planned time of sending. */
  latency: { p50: number; p99: number; p999: number; max: number };
  faults: Faults;
  server: { cpu: number; microsPerDelivery: number; rss: number };
  /** The generator itself: share of its core, and how late its sends were (ms). */
  rig: { cpu: number; lagP50: number; lagP99: number; lagMax: number };
  /** What everything else on the machine used, in cores. */
  others: number;
}

export interface IdleResult {
  kind: "idle";
  rssEmpty: number;
  rssOpen: number;
  perSession: number;
  /** Seconds to open all sessions. */
  opening: number;
  /** Sessions that received the message published after the measurement. */
  reached: number;
  faults: Faults;
}

export type Result = FanoutResult | IdleResult;

/** One line of the generator's output. */
export type Line =
  | { type: "progress"; text: string }
  | { type: "result"; result: Result }
  | { type: "failed"; reason: string };
