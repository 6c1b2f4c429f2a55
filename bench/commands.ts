// The protocol between the runner and a generator process: one line per command, one line per response.
import type { Dialect } from "./dialect.ts";
import type { Faults, Moment } from "./results.ts";

/** Connections to open. Every process receives the whole party and opens its own share. */
export interface Party {
  name: string;
  dialect: Dialect;
  count: number;
  /**
   * Number of rooms: `bench-0`, `bench-1` and so on. Members are spread evenly, or by Zipf's law with the exponent
   * `zipf`.
   */
  rooms: number;
  zipf?: number;
  /** If true, members receive messages, and every delivery is counted and checked. */
  listens: boolean;
  /** If true, each member publishes a stream. All publishers run in the first process. */
  publishes: boolean;
  /** Size of the kernel's receive buffer, in bytes. Default: the kernel's own default. */
  receiveBuffer?: number;
  /** Members reconnect later, so their newest cursors are stored. */
  returns?: true;
  /** Maximum number of concurrent handshakes. */
  atOnce: number;
}

export interface WindowPlan {
  /** When the first message is due, in ms, by the clock that all processes share. */
  start: number;
  /** Total messages per second from all publishers. */
  rate: number;
  /** Seconds of publishing at that rate: before the window, and during the window. */
  warmup: number;
  seconds: number;
  /** Seconds to wait after the window for messages still in flight. */
  grace: number;
  /** The members that join while messages flow. The window lasts until all of them have joined. */
  join?: Party;
  /** Replaces members of a party while messages flow: each second, this many leave and as many new ones join. */
  churn?: { party: string; perSecond: number };
  /** If true, a timeline is recorded. */
  timeline?: boolean;
}

export type Command =
  | { do: "connect"; party: Party }
  | { do: "window"; plan: WindowPlan }
  /** `count` members of a party stop reading, or all stopped members resume. */
  | { do: "pause"; party: string; count: number }
  | { do: "unpause"; party: string }
  /**
   * `drop`: all members disconnect abruptly. `return`: they reconnect with their cursors and read the missed messages.
   */
  | { do: "drop"; party: string }
  | { do: "return"; party: string; missed: number; atOnce: number; within: number }
  /** Keeps reading and answering pings for `ms` milliseconds. */
  | { do: "wait"; ms: number }
  /** Waits until every member has received every message, for at most `ms` milliseconds. */
  | { do: "settle"; ms: number };

/** Latencies are HDR histograms of microseconds (compressed, base64). Times are in ms on the shared clock. */
export interface Joined {
  count: number;
  first: number;
  last: number;
  latency: string;
}

export interface WindowPart {
  expected: number;
  matched: number;
  /** Deliveries that arrived during the window, and the window's length in seconds. */
  deliveries: number;
  elapsed: number;
  latency: string;
  lag: string;
  /** Intervals between passes over the sockets. */
  passIntervals: string;
  faults: Faults;
  /** CPU seconds used during the window by the server, by this process, and by the whole machine. */
  cpu: { server: number; rig: number; machine: number };
  rss: number;
  joined?: Joined;
  timeline?: Moment[];
}

export interface Returned extends Joined {
  /** Number of missed messages that arrived. */
  recovered: number;
  faults: Faults;
}

export interface Settled {
  deliveries: number;
  /** Number of members that have received every message. */
  caughtUp: number;
  faults: Faults;
  /** Number of members that received a gap notice. */
  announced: number;
  missing: number;
}

export type Answer =
  | { hello: number }
  | {
      done: true;
      clock: number;
      joined?: Joined;
      window?: WindowPart;
      returned?: Returned;
      settled?: Settled;
    }
  | { progress: string }
  | { failed: string };

/** The arguments of a generator process. */
export interface Assignment {
  port: number;
  /** The server's process id. The generator measures the server's CPU time and memory usage. */
  pid: number;
  size: number;
  /** Index of this process. */
  process: number;
  processes: number;
}
