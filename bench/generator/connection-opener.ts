// Opens connections with limited concurrency while the rest of the load continues.
import type { Histogram } from "hdr-histogram-js";
import type { Joined } from "../commands.ts";
import { now as clockNow } from "./clock.ts";
import type { Connection } from "./connection.ts";
import type { Clock } from "./socket-loop.ts";
import { encodeHistogram, microseconds } from "./tally.ts";

const POLL_MS = 0.5;
const TIMEOUT_MS = 20_000;
/** Connections started per tick. The number is small, so that sending and reading are not delayed. */
const STARTED_PER_TICK = 8;

export class ConnectionOpener implements Clock {
  next: number;
  readonly latency: Histogram = microseconds();
  #waiting: Connection[] = [];
  #started = 0;
  #first = Infinity;
  #last = 0;
  #progress: number;

  /**
   * @param arrived returns the time (ms) at which the connection completed, or undefined until then
   * @param timeoutMs maximum time without progress
   */
  constructor(
    readonly openers: readonly (() => Connection)[],
    readonly atOnce: number,
    readonly arrived: (connection: Connection, now: number) => number | undefined,
    readonly timeoutMs = TIMEOUT_MS,
  ) {
    this.next = clockNow();
    this.#progress = this.next;
  }

  get done(): boolean {
    return this.#started === this.openers.length && this.#waiting.length === 0;
  }

  /** Number of completed connections. */
  get count(): number {
    return this.latency.totalCount;
  }

  tick(now: number): void {
    if (this.done) {
      this.next = Infinity;
      return;
    }
    this.#waiting = this.#waiting.filter((connection) => !this.#settle(connection, now));
    const handshakes = this.#waiting.filter((connection) => !connection.open).length;
    const free = Math.min(STARTED_PER_TICK, this.atOnce - handshakes, this.openers.length - this.#started);
    for (let begun = 0; begun < free; begun++) {
      const connection = this.openers[this.#started++]!();
      this.#first = Math.min(this.#first, connection.began);
      this.#waiting.push(connection);
    }
    if (now - this.#progress > this.timeoutMs)
      throw new Error(
        `${this.openers.length - this.count} of ${this.openers.length} sessions were not ready after ${Math.round(now - this.#first)} ms`,
      );
    this.next = clockNow() + (free === STARTED_PER_TICK ? 0 : POLL_MS);
  }

  result(): Joined {
    return {
      count: this.count,
      first: this.#first,
      last: this.#last,
      latency: encodeHistogram(this.latency),
    };
  }

  #settle(connection: Connection, now: number): boolean {
    if (connection.closed) throw new Error("the server closed a connection while it was opened");
    const at = this.arrived(connection, now);
    if (at === undefined) return false;
    this.latency.recordValue(Math.max(1, Math.round((at - connection.began) * 1000)));
    this.#last = Math.max(this.#last, at);
    this.#progress = now;
    return true;
  }
}

/** Returns the time at which the connection opened, or undefined until then. */
export function isOpen(connection: Connection): number | undefined {
  return connection.open ? connection.opened : undefined;
}
