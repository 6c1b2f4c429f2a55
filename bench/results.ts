// What a run gives: plain data, as it is written to a results file and read by the report and by `compare`.
import type { Tier } from "./adapter.ts";
import type { AttackName } from "./attacker/attack.ts";

/** What went wrong with deliveries. */
export interface Faults {
  /** Skipped: a later message arrived on that connection, this one never did. */
  lost: number;
  repeated: number;
  disordered: number;
  /** Bytes of a message that are not the bytes that were published. */
  corrupted: number;
  /** Frames or events that are neither a message nor part of the protocol. */
  foreign: number;
  /** Connections the server closed. */
  closed: number;
  /** Not lost, but still not there when the grace period ended. */
  undelivered: number;
}

/** Milliseconds from the planned time of sending. */
export interface Latency {
  p50: number;
  p90: number;
  p99: number;
  p999: number;
  max: number;
}

/** One measured window at one rate. */
export interface Window {
  /** Messages a second that were planned, all publishers together. */
  rate: number;
  seconds: number;
  /** Share of the window's messages that arrived at those who were to get them. */
  delivered: number;
  /** Deliveries a second. */
  perSecond: number;
  latency: Latency;
  /** The same latencies as an HDR histogram of microseconds (compressed, base64), to be merged. */
  histogram: string;
  faults: Faults;
  /** The server: cores used, CPU microseconds a delivery and a message, resident bytes. */
  server: { cpu: number; microsPerDelivery: number; microsPerMessage: number; rss: number };
  /**
   * The generator: its processes' share of their core, how late its sends were, and how long it was between two
   * looks at its sockets (ms): latencies may be longer by as much.
   */
  rig: { cpu: number; lagP50: number; lagP99: number; lagMax: number; lookP99: number };
  /** What everything else on the machine used, in cores. */
  others: number;
}

/** A slice of a timeline. */
export interface Moment {
  /** Seconds from the beginning. */
  at: number;
  /** ms; of the deliveries in this slice to those who read. */
  p50: number;
  p99: number;
  max: number;
  deliveries: number;
  /** The server's resident bytes. */
  rss: number;
}

/** A fixed rate. */
export interface FanoutResult {
  kind: "fanout";
  window: Window;
  /** Of the server, where `perf` can count them. */
  syscallsPerDelivery?: number;
}

/** Rates swept up to the knee: the highest at 100 % delivered, no fault, and a p99 within the bound. */
export interface KneeResult {
  kind: "knee";
  /** The bound of the p99, in ms. */
  bound: number;
  /** Every rate tried, by rate. */
  windows: Window[];
  /** The window at the knee; none when even the lowest rate failed. */
  knee: Window | undefined;
  /** The server was not the limit at the knee: the generator was, or the highest rate the sweep knows. */
  limit: "server" | "rig" | "sweep";
}

/** Sessions that say nothing. */
export interface IdleResult {
  kind: "idle";
  sessions: number;
  rssEmpty: number;
  rssOpen: number;
  perSession: number;
  /** Cores used while nothing is published. */
  cpu: number;
  /** Seconds to open all sessions. */
  opening: number;
  /** Sessions that received the message published after the measurement. */
  reached: number;
  faults: Faults;
}

/** Many join at once while messages flow to those who are there. */
export interface JoinResult {
  kind: "join";
  sessions: number;
  /** Seconds from the first connect to the last session in the room. */
  seconds: number;
  perSecond: number;
  /** ms from connect to being in the room. */
  latency: Latency;
  /** Those who were there: before, and while the others joined. */
  before: Window;
  during: Window;
}

/** Many drop, miss messages, and come back at once. */
export interface ResumeResult {
  kind: "resume";
  sessions: number;
  /** Messages each of them missed. */
  missed: number;
  /** Seconds from the first connect to the last missed message on the last session. */
  seconds: number;
  /** ms from a session's connect to its last missed message. */
  latency: Latency;
  /** Share of the missed messages that arrived. */
  recovered: number;
  rss: number;
  faults: Faults;
}

/** Some stop reading, and read on later. */
export interface SlowResult {
  kind: "slow";
  /** The others: before some stopped, while they did not read, and after. */
  before: Window;
  during: Window;
  after: Window;
  timeline: Moment[];
  /** Seconds on the timeline at which reading stopped and went on. */
  stopped: number;
  resumed: number;
  rss: { before: number; most: number; after: number };
  /** Of those who stopped: messages that never came, how many said so (gap notices), and who was disconnected. */
  stalled: { sessions: number; missing: number; announced: number; closed: number };
}

/** One way of attacking, and the honest sessions meanwhile. */
export interface Assault {
  name: AttackName;
  /** Acts a second that the attacker managed, and cores it used. */
  perSecond: number;
  cpu: number;
  /** How often the server answered the attacker with a status or an error code. */
  answers: Record<string, number>;
  /** The HTTP status that answered a handshake from another address during the attack; "none" after five seconds. */
  newcomer: string;
  window: Window;
}

/** Somebody attacks, in one way after the other. */
export interface HostileResult {
  kind: "hostile";
  /** The honest sessions in peace. */
  before: Window;
  assaults: Assault[];
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
  /** Why it was not measured: "not installed: bun bench peers", "has no event stream". */
  skipped?: string;
  /** What went wrong when it was measured. */
  problem?: string;
}

export interface ScenarioInfo {
  name: string;
  title: string;
  kind: Kind;
  /** Those who receive; bytes of a message. */
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
  /** Versions of the software compared, Thump's commit among them. */
  versions: Record<string, string>;
  /** Server and generator had a core each; why not, if not. */
  pinned: true | string;
  command: string;
  /** Seconds the whole took. */
  took: number;
  scenarios: ScenarioInfo[];
  servers: ServerInfo[];
  rows: Row[];
}
