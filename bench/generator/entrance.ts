// Lets connections in, so many at a time, while everything else goes on.
import type { Histogram } from "hdr-histogram-js";
import type { Joined } from "../commands.ts";
import { now as clockNow } from "./clock.ts";
import type { Connection } from "./connection.ts";
import type { Clock } from "./swarm.ts";
import { encodeHistogram, microseconds } from "./tally.ts";

const LOOK_EVERY = 0.5;
const PATIENCE = 20_000;
/** Connections begun at once: what is to be sent or read meanwhile must not wait long. */
const A_TICK = 8;

export class Entrance implements Clock {
  next: number;
  readonly latency: Histogram = microseconds();
  #waiting: Connection[] = [];
  #started = 0;
  #first = Infinity;
  #last = 0;
  #progress: number;

  /** `arrived` says when a connection is where it is to be: the time (ms), or undefined as long as it is not. */
  constructor(
    readonly openers: readonly (() => Connection)[],
    readonly atOnce: number,
    readonly arrived: (connection: Connection, now: number) => number | undefined,
    readonly patience = PATIENCE,
  ) {
    this.next = clockNow();
    this.#progress = this.next;
  }

  get done(): boolean {
    return this.#started === this.openers.length && this.#waiting.length === 0;
  }

  /** How many are where they are to be. */
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
    const free = Math.min(A_TICK, this.atOnce - handshakes, this.openers.length - this.#started);
    for (let begun = 0; begun < free; begun++) {
      const connection = this.openers[this.#started++]!();
      this.#first = Math.min(this.#first, connection.began);
      this.#waiting.push(connection);
    }
    if (now - this.#progress > this.patience)
      throw new Error(
        `${this.openers.length - this.count} of ${this.openers.length} sessions were not ready after ${Math.round(now - this.#first)} ms`,
      );
    this.next = clockNow() + (free === A_TICK ? 0 : LOOK_EVERY);
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

/** A connection is in once it is open. */
export function isOpen(connection: Connection): number | undefined {
  return connection.open ? connection.opened : undefined;
}
