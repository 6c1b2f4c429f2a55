// The status rooms: their names and messages. The console reads them.
import type { Code } from "./codes.ts";

/** Load and performance, once per second: `stats` events with a `ServerSample`. */
export const STATS_ROOM = "thump:stats";
/** Sessions that started or ended in the last second: `sessions` events with a `SessionReport`. */
export const SESSIONS_ROOM = "thump:sessions";
/** Client errors and server faults in the last second: `errors` events with an `ErrorReport`. */
export const ERRORS_ROOM = "thump:errors";

export const OWN_ROOMS = [STATS_ROOM, SESSIONS_ROOM, ERRORS_ROOM] as const;

/** Quantiles of a duration, in ms; null if nothing was measured. */
export interface Quantiles {
  p50: number | null;
  p99: number | null;
}

/** Load and performance of a node. Counts cover the time since the previous sample (`seconds`). */
export interface ServerSample {
  /** The process as `host:pid`; a second server in the same process is `host:pid/1`. */
  node: string;
  version: string;
  /** In ms since 1970. */
  time: number;
  /** Seconds since the previous sample. */
  seconds: number;
  /** Seconds since the server started. */
  uptime: number;
  draining: boolean;
  sessions: { total: number; lagging: number; limit: number; byTransport: Record<string, number> };
  /** Rooms with at least one session. */
  rooms: number;
  /** Accepted publications, and deliveries (one per receiver). `in` excludes the server's own publications. */
  in: { publications: number; bytes: number };
  out: { deliveries: number; bytes: number };
  lags: number;
  catchUps: number;
  gaps: number;
  skipped: number;
  /** Messages that Bun dropped. 0 unless the server has a bug. */
  lost: number;
  /** Errors sent to clients, by code; codes without errors are omitted. */
  rejects: Partial<Record<Code, number>>;
  /** Time from a publication's arrival until it has been handed to all sockets or streams in its room. */
  toSockets: Quantiles;
  toStreams: Quantiles;
  /** Time from a publication's arrival until the log has stored it. */
  log: Quantiles;
  /** Delay of a timer: event-loop lag, which affects all other work too. */
  loop: Quantiles;
  /**
   * In bytes: the process's resident memory, the JavaScript heap, stored messages and rooms, and the limit for stored
   * messages and rooms.
   */
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
  /** The reason, as in the metrics, such as `client`, `lost` or `removed`. */
  reason: string;
  /** The close code of a WebSocket. */
  code?: number | undefined;
  /** The duration of the session. */
  seconds: number;
}

/** Lists at most 50 started and 50 ended sessions. `more` counts the rest. */
export interface SessionReport {
  node: string;
  began: SessionBegan[];
  ended: SessionEnded[];
  more: { began: number; ended: number };
}

export interface ErrorCount {
  code: Code;
  count: number;
  /** The message of the last error with this code, unless it might contain client data. */
  message?: string;
}

export interface ErrorReport {
  node: string;
  /** In ms since 1970. */
  time: number;
  errors: ErrorCount[];
  /** Messages of server faults. The server's log has the details. */
  faults: string[];
}
