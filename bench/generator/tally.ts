// Counts every delivery: continuity on each socket, and latency from the planned time of sending.
import { build, type Histogram } from "hdr-histogram-js";
import type { Faults } from "../jobs.ts";

const DUE_RING = 1 << 18;

/** A histogram of microseconds up to two minutes, with three digits. */
export function microseconds(): Histogram {
  return build({
    lowestDiscernibleValue: 1,
    highestTrackableValue: 120_000_000,
    numberOfSignificantValueDigits: 3,
    bitBucketSize: 32,
    autoResize: false,
  });
}

/** A percentile of such a histogram, in milliseconds. */
export function millisecondsAt(histogram: Histogram, percentile: number): number {
  return histogram.totalCount === 0 ? 0 : histogram.getValueAtPercentile(percentile) / 1000;
}

export class Tally {
  /** The time of the bytes being read. Set once per read, shared by its messages. */
  now = 0;
  /** All deliveries so far. */
  deliveries = 0;
  /** Deliveries of the window's messages. */
  matched = 0;
  windowFrom = Infinity;
  windowTo = Infinity;
  readonly latency = microseconds();
  readonly faults: Faults = {
    lost: 0,
    repeated: 0,
    disordered: 0,
    foreign: 0,
    closed: 0,
    undelivered: 0,
  };
  readonly #due = new Float64Array(DUE_RING);
  // Messages of one burst that arrive in one read share their latency: they are recorded together.
  #runDue = 0;
  #runCount = 0;

  planned(seq: number, due: number): void {
    this.#due[seq & (DUE_RING - 1)] = due;
  }

  /** Counts message `seq` on a socket whose last was `last`; returns the new last. */
  arrived(seq: number, last: number): number {
    const skipped = seq - last - 1;
    if (skipped !== 0) {
      if (skipped < 0) {
        if (seq === last) this.faults.repeated++;
        else this.faults.disordered++;
        return last;
      }
      this.faults.lost += skipped;
    }
    this.deliveries++;
    if (seq >= this.windowFrom && seq < this.windowTo) {
      this.matched++;
      const due = this.#due[seq & (DUE_RING - 1)]!;
      if (due !== this.#runDue) {
        this.endRead();
        this.#runDue = due;
      }
      this.#runCount++;
    }
    return seq;
  }

  /** Must be called after each read, before `now` changes. */
  endRead(): void {
    if (this.#runCount === 0) return;
    const micros = Math.max(0, Math.round((this.now - this.#runDue) * 1000));
    this.latency.recordValueWithCount(Math.min(micros, 119_000_000), this.#runCount);
    this.#runCount = 0;
  }
}
