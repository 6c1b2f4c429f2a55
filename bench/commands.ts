// What the runner and a generator process say to each other: a command a line in, an answer a line out.
import type { Dialect } from "./dialect.ts";
import type { Faults, Moment } from "./results.ts";

/** Connections to open; every process is told of all, and opens its part. */
export interface Party {
  name: string;
  dialect: Dialect;
  count: number;
  /** Rooms `bench-0` and on; members are spread evenly, or by Zipf's law with this exponent. */
  rooms: number;
  zipf?: number;
  /** They receive, and every delivery to them is counted and checked. */
  listens: boolean;
  /** Each of them publishes a stream. All publishers are in the first process. */
  publishes: boolean;
  /** Bytes their kernel may hold unread; as the kernel likes unless said. */
  receiveBuffer?: number;
  /** They will come back: the cursors they are sent are remembered. */
  returns?: true;
  /** Handshakes that may be under way at once. */
  atOnce: number;
}

export interface WindowPlan {
  /** When the first message is due, in ms of the clock all processes share. */
  start: number;
  /** Messages a second, all publishers together. */
  rate: number;
  /** Seconds at that rate before the window, and of the window. */
  warmup: number;
  seconds: number;
  /** How long to wait for what is still on its way after the window, in seconds. */
  grace: number;
  /** These join while messages flow; the window lasts until all have. */
  join?: Party;
  /** So many members a second of a party leave, and others join. */
  churn?: { party: string; perSecond: number };
  /** Ask for a timeline. */
  timeline?: boolean;
}

export type Command =
  | { do: "connect"; party: Party }
  | { do: "window"; plan: WindowPlan }
  /** `count` members of a party stop reading, or all who stopped read on. */
  | { do: "pause"; party: string; count: number }
  | { do: "unpause"; party: string }
  /** All leave without a word; and come back with their cursors, until they have what they missed. */
  | { do: "drop"; party: string }
  | { do: "return"; party: string; missed: number; atOnce: number; within: number }
  /** Reads and answers pings for so many ms. */
  | { do: "wait"; ms: number }
  /** Waits until every member has received every message, or so many ms. */
  | { do: "settle"; ms: number };

/** Latencies are HDR histograms of microseconds (compressed, base64). Times are ms of the shared clock. */
export interface Joined {
  count: number;
  first: number;
  last: number;
  latency: string;
}

export interface WindowPart {
  expected: number;
  matched: number;
  /** Deliveries that arrived while the window lasted, and how long it did (s). */
  deliveries: number;
  elapsed: number;
  latency: string;
  lag: string;
  /** Times between two looks at the sockets. */
  looks: string;
  faults: Faults;
  /** CPU seconds in the window: the server, this process, the whole machine. */
  cpu: { server: number; rig: number; machine: number };
  rss: number;
  joined?: Joined;
  timeline?: Moment[];
}

export interface Returned extends Joined {
  /** Of the messages missed, those that arrived. */
  recovered: number;
  faults: Faults;
}

export interface Settled {
  deliveries: number;
  /** Members that have received every message. */
  level: number;
  faults: Faults;
  /** Of all who were said to have missed something. */
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

/** What a generator process is started with. */
export interface Assignment {
  port: number;
  /** The server's process, whose CPU and memory are read. */
  pid: number;
  size: number;
  /** Which of the processes this is. */
  process: number;
  processes: number;
}
