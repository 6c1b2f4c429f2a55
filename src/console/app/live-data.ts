// Live data from the server's status rooms: statistics, sessions, errors.
import { connect, type Room, type State, type Thump } from "../../client/index.ts";
import type { Code } from "../../protocol/codes.ts";
import {
  type SessionBegan,
  type SessionEnded,
  type ErrorReport,
  ERRORS_ROOM,
  type ServerSample,
  type SessionReport,
  SESSIONS_ROOM,
  STATS_ROOM,
} from "../../protocol/status-rooms.ts";
import { Series, WINDOW_SECONDS } from "./series.ts";

const MAX_EVENTS = 50;
/** Maximum number of nodes whose stored samples fill the charts when the page opens. */
const MAX_NODES = 10;

/** Recent errors with the same code: their number, and the latest time and message. */
export interface ErrorLine {
  code: Code | "fault";
  count: number;
  last: number;
  message: string | undefined;
}

/** A session that connected or ended. */
export type SessionEvent =
  ({ what: "began" } & SessionBegan) | ({ what: "ended"; time: number } & SessionEnded);

export class LiveData {
  readonly thump: Thump;
  readonly series = new Series();
  readonly errors = new Map<string, ErrorLine>();
  events: SessionEvent[] = [];
  /** The server's error, if it refused to let the console join the status rooms. */
  rejected: string | undefined;
  readonly #listeners = new Set<() => void>();
  #scheduled = false;

  /** @param onKeyRejected called if the server rejects the key */
  constructor(base: string, key: string | undefined, onKeyRejected: (message: string) => void) {
    this.thump = connect(base, key === undefined ? {} : { token: key });
    this.thump.on("state", () => this.#changed());
    this.thump.on("error", ({ code, message }) => {
      if (code === "unauthorized" || code === "forbidden") onKeyRejected(message);
    });
    this.#listen<ServerSample>(STATS_ROOM, WINDOW_SECONDS * MAX_NODES, (sample) => this.series.add(sample));
    this.#listen<SessionReport>(SESSIONS_ROOM, 20, (report, time) => this.#addSessions(report, time));
    this.#listen<ErrorReport>(ERRORS_ROOM, 100, (report) => this.#addErrors(report));
  }

  get state(): State {
    return this.thump.state;
  }

  /** Calls `listener` on changes, at most once per animation frame. @returns a function that removes the listener */
  subscribe(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  close(): void {
    this.#listeners.clear();
    this.thump.close();
  }

  #listen<T>(name: string, last: number, onData: (data: T, time: number) => void): void {
    const room = this.thump.room(name, { last }) as Room<T>;
    room.on("message", (data, { time }) => {
      onData(data, time);
      this.#changed();
    });
    room.on("error", ({ message }) => {
      this.rejected = message;
      this.#changed();
    });
  }

  #addSessions({ began, ended }: SessionReport, time: number): void {
    const events: SessionEvent[] = [
      ...began.map((one) => ({ what: "began" as const, ...one })),
      ...ended.map((one) => ({ what: "ended" as const, time, ...one })),
    ];
    this.events = [...events.toReversed(), ...this.events].slice(0, MAX_EVENTS);
  }

  #addErrors({ time, errors, faults }: ErrorReport): void {
    const add = (code: ErrorLine["code"], count: number, message: string | undefined) => {
      const before = this.errors.get(code);
      this.errors.set(code, {
        code,
        count: (before?.count ?? 0) + count,
        last: time,
        message: message ?? before?.message,
      });
    };
    for (const { code, count, message } of errors) add(code, count, message);
    for (const fault of faults) add("fault", 1, fault);
  }

  #changed(): void {
    if (this.#scheduled) return;
    this.#scheduled = true;
    requestAnimationFrame(() => {
      this.#scheduled = false;
      for (const listener of this.#listeners) listener();
    });
  }
}
