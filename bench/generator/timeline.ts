// Records latency and server memory over time, in slices of a tenth of a second.
import type { Moment } from "../results.ts";
import type { Clock } from "./socket-loop.ts";
import { millisecondsAt, microseconds, type Tally } from "./tally.ts";
import { residentNow } from "./usage.ts";

const SLICE_MS = 100;

export class Timeline implements Clock {
  next: number;
  readonly moments: Moment[] = [];
  #deliveries: number;

  constructor(
    readonly pid: number,
    readonly tally: Tally,
    readonly from: number,
  ) {
    this.next = from + SLICE_MS;
    this.#deliveries = tally.deliveries;
    tally.slice = microseconds();
  }

  tick(now: number): void {
    const slice = this.tally.slice!;
    this.moments.push({
      at: (now - this.from) / 1000,
      p50: millisecondsAt(slice, 50),
      p99: millisecondsAt(slice, 99),
      max: millisecondsAt(slice, 100),
      deliveries: this.tally.deliveries - this.#deliveries,
      rss: residentNow(this.pid),
    });
    this.#deliveries = this.tally.deliveries;
    slice.reset();
    this.next = Math.max(this.next + SLICE_MS, now + 1);
  }
}
