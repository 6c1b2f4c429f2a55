// A room's most recent publications in memory, limited by count, age and bytes. Pure: the caller passes the time.
import type { Publication, Slice } from "../protocol/publication.ts";
import type { MemoryBudget } from "./memory-budget.ts";
import { NewestEvents } from "./newest-events.ts";
import type { Retention } from "./rule.ts";

/**
 * The memory used by a stored publication in addition to its data, in bytes: object, names, array slot. A rounded,
 * conservative value.
 */
export const PUBLICATION_OVERHEAD_BYTES = 256;

export class RoomHistory {
  /** Oldest first, starting at `#head`. Entries before `#head` have been dropped. */
  #items: Publication[] = [];
  #head = 0;
  #bytes = 0;
  #floor: number;
  #last: number;
  /** Whether any publications have been dropped. */
  #dropped = false;
  #newestEvents: NewestEvents | undefined;

  /**
   * @param floor every publication after this seq will be pushed; earlier publications are unknown
   * @param memoryBudget the budget that all histories of a log share
   */
  constructor(
    public retention: Retention,
    floor: number,
    readonly memoryBudget?: MemoryBudget,
  ) {
    this.#floor = floor;
    this.#last = floor;
  }

  /** Every publication after this seq is stored. */
  get floor(): number {
    return this.#floor;
  }

  /** The seq of the newest publication pushed, stored or not. */
  get last(): number {
    return this.#last;
  }

  get count(): number {
    return this.#items.length - this.#head;
  }

  /** The oldest stored publication. */
  get oldest(): Publication | undefined {
    return this.#items[this.#head];
  }

  /** The newest stored publication. */
  get newestPublication(): Publication | undefined {
    return this.count > 0 ? this.#items.at(-1) : undefined;
  }

  /** The memory used by all stored publications, including `PUBLICATION_OVERHEAD_BYTES` per publication. */
  get bytes(): number {
    return this.#bytes;
  }

  /** When the newest stored publication was published, in ms since 1970. */
  get newestTime(): number | undefined {
    return this.newestPublication?.time;
  }

  /** Returns the number of stored publications after a position. */
  countAfter(seq: number): number {
    return this.#items.length - this.indexAfter(seq);
  }

  /** Returns the publication at an index from `indexAfter`. Indexes are valid until the history changes. */
  at(index: number): Publication | undefined {
    return this.#items[index];
  }

  /** Returns true if no later publication of the same event is meant for this session. */
  isNewestFor(publication: Publication, session: string): boolean {
    return (this.#newestEvents ??= new NewestEvents(this)).has(publication, session);
  }

  /** Adds the newest publication, and drops the oldest publications that exceed the limits. */
  push(publication: Publication): void {
    this.#last = publication.seq;
    if (this.retention.count === 0) {
      this.#floor = publication.seq;
      return;
    }
    this.#items.push(publication);
    this.#count(publication.size + PUBLICATION_OVERHEAD_BYTES);
    this.trim(publication.time);
  }

  /**
   * Drops publications that exceed the limits.
   * @param now ms since 1970
   */
  trim(now: number): void {
    const { count, age, bytes } = this.retention;
    let oldest = this.#items[this.#head];
    while (oldest && (this.count > count || this.#bytes > bytes || oldest.time <= now - age)) {
      oldest = this.#drop(oldest);
    }
    this.#settle();
  }

  /** Drops the oldest publications until at least this number of bytes has been freed. */
  release(bytes: number): void {
    const target = this.#bytes - bytes;
    let oldest = this.#items[this.#head];
    while (oldest && this.#bytes > target) oldest = this.#drop(oldest);
    this.#settle();
  }

  /** Drops all publications up to a seq after the log has dropped them. */
  releaseUpTo(seq: number): void {
    let oldest = this.#items[this.#head];
    while (oldest && oldest.seq <= seq) oldest = this.#drop(oldest);
    this.#settle();
  }

  /** Drops the oldest publication and returns the next one. */
  #drop(oldest: Publication): Publication | undefined {
    this.#floor = oldest.seq;
    this.#dropped = true;
    this.#count(-(oldest.size + PUBLICATION_OVERHEAD_BYTES));
    this.#head++;
    return this.#items[this.#head];
  }

  #count(bytes: number): void {
    this.#bytes += bytes;
    if (this.memoryBudget) this.memoryBudget.bytes += bytes;
  }

  #settle(): void {
    // Compact when half of the array is unused. Each publication then moves once on average.
    if (this.#head > 32 && this.#head * 2 > this.#items.length) {
      this.#items.splice(0, this.#head);
      this.#head = 0;
    }
  }

  /**
   * Prepends older publications from a slice that reaches up to the floor.
   * @param now ms since 1970
   */
  extend({ from, upTo, publications }: Slice, now: number): void {
    if (from >= this.#floor || upTo < this.#floor) return;
    const older = publications.filter(({ seq }) => seq <= this.#floor);
    this.#items = [...older, ...this.#items.slice(this.#head)];
    this.#head = 0;
    this.#floor = from;
    this.#newestEvents = undefined;
    this.#count(older.reduce((bytes, { size }) => bytes + size + PUBLICATION_OVERHEAD_BYTES, 0));
    this.trim(now);
  }

  /**
   * Replaces the retention, and drops publications that exceed the new limits.
   * @param now ms since 1970
   */
  setRetention(retention: Retention, now: number): void {
    this.retention = retention;
    this.trim(now);
  }

  /** Drops everything. Clients that still need the dropped publications receive a gap notice. */
  forget(): void {
    if (this.count > 0) this.#dropped = true;
    this.#items = [];
    this.#head = 0;
    this.#newestEvents = undefined;
    this.#count(-this.#bytes);
    this.#floor = this.#last;
  }

  /** Returns up to `limit` publications after a position, oldest first. */
  read(after: number, limit: number): Slice {
    const from = Math.max(after, this.#floor);
    const start = this.indexAfter(from);
    return this.#slice(from, start, Math.min(this.#items.length, start + limit));
  }

  /** Returns the newest `count` publications, oldest first. */
  newest(count: number): Slice {
    const start = Math.max(this.#head, this.#items.length - count);
    const slice = this.#slice(this.beforeNewest(count), start, this.#items.length);
    if (this.#dropped && start === this.#head) slice.truncated = true;
    return slice;
  }

  /** Returns true if fewer than `count` publications are stored because older ones have been dropped. */
  isShortOf(count: number): boolean {
    return this.#dropped && count > this.count;
  }

  /** Returns the position before the newest `count` publications. */
  beforeNewest(count: number): number {
    const start = Math.max(this.#head, this.#items.length - count);
    return start === this.#head ? this.#floor : (this.#items[start]?.seq ?? this.#last + 1) - 1;
  }

  /**
   * Returns the position before the first publication after `seq` that was published at `time` or later, in ms since
   * 1970.
   */
  beforeTime(seq: number, time: number): number {
    let low = this.indexAfter(seq);
    let high = this.#items.length;
    const first = low;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.#items[middle] as Publication).time < time) low = middle + 1;
      else high = middle;
    }
    return low === first ? seq : (this.#items[low - 1] as Publication).seq;
  }

  #slice(from: number, start: number, end: number): Slice {
    const publications = this.#items.slice(start, end);
    const whole = end === this.#items.length;
    return {
      from,
      upTo: whole ? Math.max(from, this.#last) : (publications.at(-1)?.seq ?? from),
      publications,
    };
  }

  /**
   * Returns the index of the first publication with this seq or later.
   * @param guess the expected index. A reader that continues where it stopped passes this index to avoid the search
   */
  indexFrom(seq: number, guess: number): number {
    return guess >= this.#head && this.#items[guess]?.seq === seq ? guess : this.indexAfter(seq - 1);
  }

  /** Returns the index of the first publication after a position, by binary search. */
  indexAfter(seq: number): number {
    let low = this.#head;
    let high = this.#items.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.#items[middle] as Publication).seq <= seq) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}
