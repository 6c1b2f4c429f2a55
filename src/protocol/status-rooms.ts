// The server's own rooms: their names, and what is published there. The console reads them.
import type { Code } from "./codes.ts";

/** Once a second: how the server fares. Events `stats`, with a `ServerSample`. */
export const STATS_ROOM = "thump:stats";
/** Who came and who went, gathered for a second. Events `sessions`, with `SessionReport`. */
export const SESSIONS_ROOM = "thump:sessions";
/** What clients were refused, and faults, gathered for a second. Events `errors`, with `ErrorReport`. */
export const ERRORS_ROOM = "thump:errors";

export const OWN_ROOMS = [STATS_ROOM, SESSIONS_ROOM, ERRORS_ROOM] as const;

/** Of how long something took, in ms; null where nothing happened. */
export interface Quantiles {
  p50: number | null;
  p99: number | null;
}

/** How a node fares. What it counts is of the last second, or of as long as `seconds` says. */
export interface ServerSample {
  /** Which process it is: `host:pid`; of a second server in it `host:pid/1`. */
  node: string;
  version: string;
  /** In ms since 1970. */
  time: number;
  /** Since the sample before. */
  seconds: number;
  /** Since the start, in seconds. */
  uptime: number;
  draining: boolean;
  sessions: { total: number; lagging: number; limit: number; byTransport: Record<string, number> };
  /** Rooms that somebody is in. */
  rooms: number;
  /** Publications taken in and their bytes; what was sent, once a receiver. The server's own are left out of `in`. */
  in: { publications: number; bytes: number };
  out: { deliveries: number; bytes: number };
  lags: number;
  catchUps: number;
  gaps: number;
  skipped: number;
  /** Messages that Bun dropped: none, unless there is a fault of ours. */
  lost: number;
  /** Errors that clients were told, by code; codes without any are left out. */
  rejects: Partial<Record<Code, number>>;
  /** From a publication's arrival until it was handed to all sockets, or all streams, of its room. */
  toSockets: Quantiles;
  toStreams: Quantiles;
  /** From its arrival until the log kept it. */
  log: Quantiles;
  /** How late a timer is: what everything waits for. */
  loop: Quantiles;
  /** In bytes: of the process, of JavaScript, of what is kept of rooms, and how much that may be. */
  memory: { rss: number; heap: number; kept: number; limit: number };
}

export interface SessionBegan {
  session: string;
  transport: string;
  user?: string | undefined;
  address?: string | undefined;
  /** In ms since 1970. */
  since: number;
}

export interface SessionEnded {
  session: string;
  transport: string;
  user?: string | undefined;
  /** A reason as in metrics: `client`, `lost`, `removed`. */
  reason: string;
  /** The close code of a socket. */
  code?: number | undefined;
  /** How long it was there. */
  seconds: number;
}

/** At most 50 of each; `more` says how many others there were. */
export interface SessionReport {
  node: string;
  began: SessionBegan[];
  ended: SessionEnded[];
  more: { began: number; ended: number };
}

export interface ErrorCount {
  code: Code;
  count: number;
  /** What the last of them was told, where that cannot hold anything that was sent. */
  message?: string;
}

export interface ErrorReport {
  node: string;
  /** In ms since 1970. */
  time: number;
  errors: ErrorCount[];
  /** Faults of the server's: what went wrong. The log has the rest. */
  faults: string[];
}
