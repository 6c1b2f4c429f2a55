// A room's most recent publications in memory, bounded by count, age and bytes. Pure: the clock is handed in.
import type { Publication, Slice } from "../protocol/publication.ts";
import type { MemoryBudget } from "./memory-budget.ts";
import { NewestEvents } from "./newest-events.ts";
import type { Retention } from "./rule.ts";

/** What a kept publication costs beside its data, in bytes: its object, names and place. A round, safe figure. */
export const PUBLICATION_OVERHEAD_BYTES = 256;

export class RoomHistory {
  /** Oldest first, from `#head` on; what lies before `#head` has been let go. */
  #items: Publication[] = [];
  #head = 0;
  #bytes = 0;
  #floor: number;
  #last: number;
  /** Whether it had publications that it no longer has. */
  #dropped = false;
  #newestEvents: NewestEvents | undefined;

  /**
   * @param floor Everything after this seq will be pushed: nothing before it is known.
   * @param memoryBudget where it is counted what this and other tails take together
   */
  constructor(
    public retention: Retention,
    floor: number,
    readonly memoryBudget?: MemoryBudget,
  ) {
    this.#floor = floor;
    this.#last = floor;
  }

  /** Every publication with a greater seq is here. */
  get floor(): number {
    return this.#floor;
  }

  /** The seq of the newest publication that was pushed, kept or not. */
  get last(): number {
    return this.#last;
  }

  get count(): number {
    return this.#items.length - this.#head;
  }

  /** The oldest that is here. */
  get oldest(): Publication | undefined {
    return this.#items[this.#head];
  }

  /** The newest that is here. */
  get newestPublication(): Publication | undefined {
    return this.count > 0 ? this.#items.at(-1) : undefined;
  }

  /** What is kept takes so many bytes, `PUBLICATION_OVERHEAD_BYTES` included. */
  get bytes(): number {
    return this.#bytes;
  }

  /** When the newest of what is kept was published, in ms since 1970. */
  get newestTime(): number | undefined {
    return this.newestPublication?.time;
  }

  /** How many of those that are kept come after a position. */
  countAfter(seq: number): number {
    return this.#items.length - this.indexAfter(seq);
  }

  /** The publication at an index of `indexAfter`. Indexes hold until the tail changes. */
  at(index: number): Publication | undefined {
    return this.#items[index];
  }

  /** Whether a publication of this tail is the newest of its event that a session is to see. */
  isNewestFor(publication: Publication, session: string): boolean {
    return (this.#newestEvents ??= new NewestEvents(this)).has(publication, session);
  }

  /** Adds the newest publication, then lets go of what is over the bounds. */
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

  /** Lets go of what is too old, too many or too large. @param now ms since 1970 */
  trim(now: number): void {
    const { count, age, bytes } = this.retention;
    let oldest = this.#items[this.#head];
    while (oldest && (this.count > count || this.#bytes > bytes || oldest.time <= now - age)) {
      oldest = this.#drop(oldest);
    }
    this.#settle();
  }

  /** Lets go of the oldest, so many bytes of them or a little more. */
  release(bytes: number): void {
    const target = this.#bytes - bytes;
    let oldest = this.#items[this.#head];
    while (oldest && this.#bytes > target) oldest = this.#drop(oldest);
    this.#settle();
  }

  /** Lets go of everything up to a seq: it is no longer kept elsewhere either. */
  releaseUpTo(seq: number): void {
    let oldest = this.#items[this.#head];
    while (oldest && oldest.seq <= seq) oldest = this.#drop(oldest);
    this.#settle();
  }

  /** Lets go of the oldest and returns the next one. */
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
    // Half empty: move the rest down, so that each publication is moved once on average.
    if (this.#head > 32 && this.#head * 2 > this.#items.length) {
      this.#items.splice(0, this.#head);
      this.#head = 0;
    }
  }

  /** Adds what came before all that is here: a slice that reaches up to the floor. @param now ms since 1970 */
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

  /** Other bounds hold from now on. What is over them goes. @param now ms since 1970 */
  setRetention(retention: Retention, now: number): void {
    this.retention = retention;
    this.trim(now);
  }

  /** Forgets all that is kept. Those who ask for it later are told of the gap. */
  forget(): void {
    if (this.count > 0) this.#dropped = true;
    this.#items = [];
    this.#head = 0;
    this.#newestEvents = undefined;
    this.#count(-this.#bytes);
    this.#floor = this.#last;
  }

  /** Up to `limit` publications after a position, oldest first. */
  read(after: number, limit: number): Slice {
    const from = Math.max(after, this.#floor);
    const start = this.indexAfter(from);
    return this.#slice(from, start, Math.min(this.#items.length, start + limit));
  }

  /** The newest `count` publications, oldest first. */
  newest(count: number): Slice {
    const start = Math.max(this.#head, this.#items.length - count);
    const slice = this.#slice(this.beforeNewest(count), start, this.#items.length);
    if (this.#dropped && start === this.#head) slice.truncated = true;
    return slice;
  }

  /** Whether there were more than it has, where these are fewer than `count`. */
  isShortOf(count: number): boolean {
    return this.#dropped && count > this.count;
  }

  /** The position before the newest `count` publications: what is older was not asked for. */
  beforeNewest(count: number): number {
    const start = Math.max(this.#head, this.#items.length - count);
    return start === this.#head ? this.#floor : (this.#items[start]?.seq ?? this.#last + 1) - 1;
  }

  /** The position before the first publication after `seq` that has this time or a later one, in ms since 1970. */
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
   * The index of the first publication with this seq or a later one. @param guess where that seq may be: a reader that
   * goes on where it was finds its place at once
   */
  indexFrom(seq: number, guess: number): number {
    return guess >= this.#head && this.#items[guess]?.seq === seq ? guess : this.indexAfter(seq - 1);
  }

  /** The index of the first publication after a position, by halving. */
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
