// Counts every delivery, checks the order of each stream on each connection, and records latencies.
import { build, encodeIntoCompressedBase64, type Histogram } from "hdr-histogram-js";
import type { Faults } from "../results.ts";
import { latencyOf } from "./message.ts";
import type { Streams } from "./streams.ts";

const MAX_HOLES = 4096;
const MAX_MICROS = 119_000_000;

/** Creates a histogram of microseconds up to two minutes, with three significant digits. */
export function microseconds(): Histogram {
  return build({
    lowestDiscernibleValue: 1,
    highestTrackableValue: 120_000_000,
    numberOfSignificantValueDigits: 3,
    bitBucketSize: 32,
    autoResize: false,
  });
}

/** One connection's position in each stream of its room. */
export class Receiver {
  /** The last sequence number that arrived, by the stream's index in the room; undefined before the first. */
  readonly positions: (number | undefined)[] = [];
  /** True if deliveries are expected and timed. False for members that churn or have stopped reading. */
  counts = true;
  /** True if the first message may have any sequence number, because the connection opened mid-stream. */
  late = false;
  /** True after a gap notice: the next gap does not count as a loss. */
  announced = false;
  /** Messages skipped after a gap notice. */
  missing = 0;
  /** The connection's own stream, whose messages it must not receive unless the dialect echoes. */
  own = -1;
  /** Skipped sequence numbers, to distinguish late messages from repeated ones. Set only after a fault. */
  holes: Set<string> | undefined;

  constructor(readonly room: number) {}
}

function noFaults(): Faults {
  return { lost: 0, repeated: 0, disordered: 0, corrupted: 0, foreign: 0, closed: 0, undelivered: 0 };
}

export class Tally {
  /** Time of the current read, in ms: the arrival time of all messages in it. */
  now = 0;
  /** Total number of deliveries. */
  deliveries = 0;
  /** Number of deliveries to counted receivers of messages that were due in the window. */
  matched = 0;
  latency = microseconds();
  /** The latencies of the current timeline slice, if there is a timeline. */
  slice: Histogram | undefined;
  faults = noFaults();
  #from = Infinity;
  #to = Infinity;
  // Messages with the same due time in one read have the same latency, so they are recorded together.
  #runDue = -1;
  #runCount = 0;
  #runIn = false;

  constructor(readonly streams: Streams) {}

  /** Starts a window: messages due from `from` up to `to` (ms) are timed. */
  begin(from: number, to: number): void {
    this.#from = from;
    this.#to = to;
    this.matched = 0;
    this.latency = microseconds();
    this.faults = noFaults();
    this.#runDue = -1;
  }

  arrived(receiver: Receiver, stream: number, seq: number, due: number): void {
    const place = this.streams.place[stream];
    if (place === undefined || this.streams.room[stream] !== receiver.room || stream === receiver.own) {
      this.faults.foreign++;
      return;
    }
    const last = receiver.positions[place] ?? (receiver.late ? seq - 1 : -1);
    if (seq !== last + 1 && !this.#skipped(receiver, stream, seq, last)) return;
    receiver.positions[place] = seq;
    this.deliveries++;
    if (!receiver.counts) return;
    if (due !== this.#runDue) this.#nextRun(due);
    this.#runCount++;
  }

  /** Must be called after each read, before `now` changes. */
  endRead(): void {
    if (this.#runCount > 0) {
      if (this.#runIn) {
        this.matched += this.#runCount;
        const micros = Math.round(latencyOf(this.#runDue, this.now) * 1000);
        const value = Math.min(Math.max(0, micros), MAX_MICROS);
        this.latency.recordValueWithCount(value, this.#runCount);
        this.slice?.recordValueWithCount(value, this.#runCount);
      }
      this.#runCount = 0;
    }
    this.#runDue = -1;
  }

  #nextRun(due: number): void {
    this.endRead();
    this.#runDue = due;
    const planned = this.now - latencyOf(due, this.now);
    // Due times are rounded to microseconds.
    this.#runIn = planned >= this.#from - 0.001 && planned < this.#to - 0.001;
  }

  /** Handles an unexpected sequence number. Returns true if the message counts as the stream's next one. */
  #skipped(receiver: Receiver, stream: number, seq: number, last: number): boolean {
    if (seq > last) {
      const skipped = seq - last - 1;
      if (receiver.announced) {
        receiver.announced = false;
        receiver.missing += skipped;
      } else this.#lose(receiver, stream, last + 1, seq);
      return true;
    }
    if (receiver.holes?.delete(`${stream} ${seq}`)) {
      this.faults.lost--;
      this.faults.disordered++;
    } else this.faults.repeated++;
    return false;
  }

  #lose(receiver: Receiver, stream: number, from: number, to: number): void {
    this.faults.lost += to - from;
    const holes = (receiver.holes ??= new Set());
    for (let seq = from; seq < to && holes.size < MAX_HOLES; seq++) holes.add(`${stream} ${seq}`);
  }
}

/** A percentile of a histogram of microseconds, in milliseconds. */
export function millisecondsAt(histogram: Histogram, percentile: number): number {
  return histogram.totalCount === 0 ? 0 : histogram.getValueAtPercentile(percentile) / 1000;
}

/** Encodes a histogram so that another process can merge it. */
export function encodeHistogram(histogram: Histogram): string {
  return histogram.totalCount === 0 ? "" : encodeIntoCompressedBase64(histogram);
}
