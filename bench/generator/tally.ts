// Counts every delivery: continuity of each stream on each connection, and latency from the planned time.
import { build, encodeIntoCompressedBase64, type Histogram } from "hdr-histogram-js";
import type { Faults } from "../results.ts";
import { latencyOf } from "./message.ts";
import type { Streams } from "./streams.ts";

const HOLES_KEPT = 4096;
const LARGEST_MICROS = 119_000_000;

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

/** Where one connection is in each stream of its room. */
export class Receiver {
  /** By the stream's place in the room: the last number that arrived; undefined before the first. */
  readonly positions: (number | undefined)[] = [];
  /** Its deliveries are expected and timed. Not so for those who come and go, or have stopped reading. */
  counts = true;
  /** May begin anywhere: it came when messages were already flowing. */
  late = false;
  /** The server has said that something is missing: the next skip is no silent one. */
  announced = false;
  /** Skipped after an announcement. */
  missing = 0;
  /** Its own stream, whose messages are not to come back unless the dialect says so. */
  own = -1;
  /** Numbers that were skipped, to tell disorder from a repeat. Only after a fault. */
  holes: Set<string> | undefined;

  constructor(readonly room: number) {}
}

function noFaults(): Faults {
  return { lost: 0, repeated: 0, disordered: 0, corrupted: 0, foreign: 0, closed: 0, undelivered: 0 };
}

export class Tally {
  /** The time of the bytes being read (ms). Set once per read, shared by its messages. */
  now = 0;
  /** All deliveries so far. */
  deliveries = 0;
  /** Deliveries of messages that were due in the window, to those that count. */
  matched = 0;
  latency = microseconds();
  /** The same for a slice of a timeline, if there is one. */
  slice: Histogram | undefined;
  faults = noFaults();
  #from = Infinity;
  #to = Infinity;
  // Messages with one due time that arrive in one read share their latency: they are recorded together.
  #runDue = -1;
  #runCount = 0;
  #runIn = false;

  constructor(readonly streams: Streams) {}

  /** Begins a window: messages due from `from` up to `to` (ms) are timed. */
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
        const value = Math.min(Math.max(0, micros), LARGEST_MICROS);
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
    // Due times are whole microseconds.
    this.#runIn = planned >= this.#from - 0.001 && planned < this.#to - 0.001;
  }

  /** Says whether the message is to be counted as the stream's next. */
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
    for (let seq = from; seq < to && holes.size < HOLES_KEPT; seq++) holes.add(`${stream} ${seq}`);
  }
}

/** A percentile of such a histogram, in milliseconds. */
export function millisecondsAt(histogram: Histogram, percentile: number): number {
  return histogram.totalCount === 0 ? 0 : histogram.getValueAtPercentile(percentile) / 1000;
}

/** To be merged in another process. */
export function encodeHistogram(histogram: Histogram): string {
  return histogram.totalCount === 0 ? "" : encodeIntoCompressedBase64(histogram);
}
