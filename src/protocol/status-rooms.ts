// The status rooms: their names and messages. The console reads them.
import type { Code } from "./codes.ts";

/** Load and performance, once per second: event `stats`, with a `ServerSample`. */
export const STATS_ROOM = "thump:stats";
/** Started and ended sessions, collected for a second: event `sessions`, with a `SessionReport`. */
export const SESSIONS_ROOM = "thump:sessions";
/** Errors of clients and faults of the server, collected for a second: event `errors`, with an `ErrorReport`. */
export const ERRORS_ROOM = "thump:errors";

export const OWN_ROOMS = [STATS_ROOM, SESSIONS_ROOM, ERRORS_ROOM] as const;

/** Quantiles of a duration, in ms; null if nothing was measured. */
export interface Quantiles {
  p50: number | null;
  p99: number | null;
}

/** Load and performance of a node. Counts cover the last second, or the number of seconds in `seconds`. */
export interface ServerSample {
  /** The process: `host:pid`, and `host:pid/1` for a second server in it. */
  node: string;
  version: string;
  /** In ms since 1970. */
  time: number;
  /** Seconds since the previous sample. */
  seconds: number;
  /** Seconds since the start. */
  uptime: number;
  draining: boolean;
  sessions: { total: number; lagging: number; limit: number; byTransport: Record<string, number> };
  /** Rooms with at least one session. */
  rooms: number;
  /** Accepted publications and deliveries, one per receiver. `in` excludes publications of the server. */
  in: { publications: number; bytes: number };
  out: { deliveries: number; bytes: number };
  lags: number;
  catchUps: number;
  gaps: number;
  skipped: number;
  /** Messages that Bun dropped: 0 unless the server has a fault. */
  lost: number;
  /** Errors sent to clients, by code; codes without errors are omitted. */
  rejects: Partial<Record<Code, number>>;
  /** From the arrival of a publication until it was handed to all sockets or streams of its room. */
  toSockets: Quantiles;
  toStreams: Quantiles;
  /** From the arrival until the log stored it. */
  log: Quantiles;
  /** Delay of a timer, which delays all other work too. */
  loop: Quantiles;
  /** In bytes: process, JavaScript heap, stored messages and rooms, and their limit. */
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
  /** A reason as in the metrics: `client`, `lost`, `removed`. */
  reason: string;
  /** The close code of a WebSocket. */
  code?: number | undefined;
  /** Duration of the session. */
  seconds: number;
}

/** At most 50 of each. `more` counts the others. */
export interface SessionReport {
  node: string;
  began: SessionBegan[];
  ended: SessionEnded[];
  more: { began: number; ended: number };
}

export interface ErrorCount {
  code: Code;
  count: number;
  /** The message of the last one, if it cannot contain data from a client. */
  message?: string;
}

export interface ErrorReport {
  node: string;
  /** In ms since 1970. */
  time: number;
  errors: ErrorCount[];
  /** Messages of server faults. The log has the details. */
  faults: string[];
}
