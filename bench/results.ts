// The results of a run: plain data, written to a results file and read by the report and by `bun bench compare`.
import type { Tier } from "./adapter.ts";
import type { AttackName } from "./attacker/attack.ts";

/** Counts of delivery faults. */
export interface Faults {
  /** Messages that never arrived, although a later message arrived on the same connection. */
  lost: number;
  repeated: number;
  disordered: number;
  /** Messages whose bytes differ from the published bytes. */
  corrupted: number;
  /** Frames or events that are neither a message nor part of the protocol. */
  foreign: number;
  /** Connections closed by the server. */
  closed: number;
  /** Messages that had not arrived when the grace period ended, but were not skipped. */
  undelivered: number;
}

/** Milliseconds since the planned send time. */
export interface Latency {
  p50: number;
  p90: number;
  p99: number;
  p999: number;
  max: number;
}

/** One measured window at one rate. */
export interface Window {
  /** Total planned messages per second from all publishers. */
  rate: number;
  seconds: number;
  /** Share of the expected deliveries that arrived. */
  delivered: number;
  /** Deliveries per second. */
  perSecond: number;
  latency: Latency;
  /** The same latencies as an HDR histogram of microseconds (compressed, base64), for merging. */
  histogram: string;
  faults: Faults;
  /** The server: cores used, CPU microseconds per delivery and per message, resident bytes. */
  server: { cpu: number; microsPerDelivery: number; microsPerMessage: number; rss: number };
  /**
   * The generator: the share of its core that it used, how late it sent messages, and the time between two
   * passes over its sockets (ms). A measured latency can include that time.
   */
  rig: { cpu: number; lagP50: number; lagP99: number; lagMax: number; lookP99: number };
  /** Cores used by all other processes on the machine. */
  others: number;
}

/** One slice of a timeline. */
export interface Moment {
  /** Seconds since the start. */
  at: number;
  /** Latencies in ms of the deliveries in this slice. Only clients that read are included. */
  p50: number;
  p99: number;
  max: number;
  deliveries: number;
  /** Resident bytes of the server. */
  rss: number;
}

/** The result of a fixed-rate scenario. */
export interface FanoutResult {
  kind: "fanout";
  window: Window;
  /** The server's system calls, if `perf` can count them. */
  syscallsPerDelivery?: number;
}

/** A sweep of rates up to the knee: the highest rate with 100 % delivered, no fault, and a p99 within the limit. */
export interface KneeResult {
  kind: "knee";
  /** The largest accepted p99, in ms. */
  bound: number;
  /** Every attempted rate, in ascending order. */
  windows: Window[];
  /** The window at the knee; undefined if even the lowest rate failed. */
  knee: Window | undefined;
  /** The limiting factor at the knee: the server, the generator, or the highest rate of the sweep. */
  limit: "server" | "rig" | "sweep";
}

/** The result of the idle scenario. */
export interface IdleResult {
  kind: "idle";
  sessions: number;
  rssEmpty: number;
  rssOpen: number;
  perSession: number;
  /** Cores used while no message is published. */
  cpu: number;
  /** Seconds to open all sessions. */
  opening: number;
  /** Sessions that received the message published after the measurement. */
  reached: number;
  faults: Faults;
}

/** Many sessions join at once while others receive messages. */
export interface JoinResult {
  kind: "join";
  sessions: number;
  /** Seconds from the first connect to the last completed join. */
  seconds: number;
  perSecond: number;
  /** Time in ms from connect to the completed join. */
  latency: Latency;
  /** The sessions that were already connected: before the joins, and during them. */
  before: Window;
  during: Window;
}

/** Many sessions disconnect, miss messages, and reconnect at once. */
export interface ResumeResult {
  kind: "resume";
  sessions: number;
  /** Missed messages per session. */
  missed: number;
  /** Seconds from the first connect until the last session has received its last missed message. */
  seconds: number;
  /** Time in ms from a session's connect to its last missed message. */
  latency: Latency;
  /** Share of the missed messages that arrived. */
  recovered: number;
  rss: number;
  faults: Faults;
}

/** Some sessions stop reading, and resume later. */
export interface SlowResult {
  kind: "slow";
  /** The other sessions: before, while the slow sessions did not read, and after. */
  before: Window;
  during: Window;
  after: Window;
  timeline: Moment[];
  /** Seconds on the timeline at which reading stopped and resumed. */
  stopped: number;
  resumed: number;
  rss: { before: number; most: number; after: number };
  /**
   * The slow sessions: messages that never arrived, sessions that received a gap notice, and sessions that were
   * disconnected.
   */
  stalled: { sessions: number; missing: number; announced: number; closed: number };
}

/** The result of one attack, including the effect on the honest sessions. */
export interface AttackResult {
  name: AttackName;
  /** Requests per second that the attacker sent, and the cores it used. */
  perSecond: number;
  cpu: number;
  /** Responses to the attacker, counted by HTTP status or error code. */
  answers: Record<string, number>;
  /** The HTTP status of a handshake from another address during the attack, or "none" after a 5-second timeout. */
  newcomer: string;
  window: Window;
}

/** The result of the attack scenario, which runs one attack after another. */
export interface HostileResult {
  kind: "hostile";
  /** The honest sessions before the attacks, and after them. */
  before: Window;
  assaults: AttackResult[];
  after: Window;
  rss: { before: number; after: number };
}

export type Result =
  FanoutResult | KneeResult | IdleResult | JoinResult | ResumeResult | SlowResult | HostileResult;
export type Kind = Result["kind"];

/** All runs of one server in one scenario. */
export interface Row {
  scenario: string;
  server: string;
  results: Result[];
  /** Why the row was not measured: "not installed: bun bench peers", "has no event stream". */
  skipped?: string;
  /** The error that ended the measurement. */
  problem?: string;
}

export interface ScenarioInfo {
  name: string;
  title: string;
  kind: Kind;
  /** Number of receiving sessions, and message size in bytes. */
  subscribers: number;
  size: number;
  /** The server that ratios refer to. */
  base: string;
}

export interface ServerInfo {
  name: string;
  title: string;
  tier: Tier;
  settings: string;
  version?: string;
}

export interface Machine {
  cpu: string;
  cores: number;
  memoryGiB: number;
  kernel: string;
  congestion: string;
  bun: string;
  /** ISO 8601. */
  date: string;
}

/** A results file. */
export interface Report {
  format: 1;
  machine: Machine;
  /** Versions of the compared software, including Thump's commit. */
  versions: Record<string, string>;
  /** True if the server and the generator each had their own core; otherwise, the reason why they did not. */
  pinned: true | string;
  command: string;
  /** Duration of the whole run, in seconds. */
  took: number;
  scenarios: ScenarioInfo[];
  servers: ServerInfo[];
  rows: Row[];
}
