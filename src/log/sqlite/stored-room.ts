// A room that is stored in the file: its state, and its newest publications, which are also in memory.
import { now } from "../clock.ts";
import type { Publication, Slice } from "../../protocol/publication.ts";
import type { MemoryBudget } from "../../rooms/memory-budget.ts";
import type { Retention } from "../../rooms/rule.ts";
import { PUBLICATION_OVERHEAD_BYTES, RoomHistory } from "../../rooms/room-history.ts";
import type { LruItem } from "../../rooms/lru-list.ts";
import type { RoomChange, RoomRow } from "./batch.ts";
import type { OldestRow, Reader } from "./reader.ts";

/** The retention of the in-memory part: unlimited, because `StoredRoom` does the trimming. */
const UNLIMITED: Retention = { count: Infinity, age: Infinity, bytes: Infinity };
/** A room within these limits is loaded into memory completely. */
const MAX_WHOLE_COUNT = 2000;
const MAX_WHOLE_BYTES = 2 << 20;
/** The maximum amount to read at once from a larger room. */
const MAX_READ_COUNT = 1000;
const MAX_READ_BYTES = 1 << 20;
/** Reads with at most this limit fetch only the requested publications. */
const SMALL_READ_COUNT = 64;
/** The number of oldest publications to read at once for trimming, if they are not in memory. */
const OLDEST_PER_READ = 64;
/** An empty room is remembered for this time, in ms. */
export const EMPTY_ROOM_TTL_MS = 600_000;

export class StoredRoom implements LruItem<StoredRoom> {
  older?: StoredRoom | undefined;
  newer?: StoredRoom | undefined;
  readonly id: number;
  readonly name: string;
  /** The newest publications. Publications up to the history's floor are only in the file. */
  history: RoomHistory;
  /** All publications after this seq are stored. */
  floor: number;
  count: number;
  /** The size of the stored publications, including the overhead of each publication. */
  bytes: number;
  /** Whether the room has been dropped. Some of its publications may still be pending. */
  isDropped = false;
  /** The number of publications that have been delivered but are not yet in the file. */
  unstored = 0;
  /** The number of publications at or below the floor that are still in the file. */
  #gone = 0;
  /** The oldest publications, if they are not in memory. */
  #oldest: OldestRow[] = [];
  /** When the oldest publication was published, in ms since 1970. */
  #since: number;

  constructor(
    row: RoomRow,
    public retention: Retention,
    readonly memoryBudget: MemoryBudget,
    readonly reader: Reader,
    /** Rooms whose row in the file is out of date. */
    readonly changed: Set<StoredRoom>,
  ) {
    this.id = row.id;
    this.name = row.name;
    this.floor = row.floor;
    this.count = row.count;
    this.bytes = row.bytes;
    this.#since = row.oldest;
    this.history = new RoomHistory(UNLIMITED, row.last, memoryBudget);
    // The row may have been written under a different rule.
    if (row.count > 0 && row.expires !== row.oldest + retention.age) changed.add(this);
  }

  /** The seq of the newest publication, stored or not. */
  get last(): number {
    return this.history.last;
  }

  /** Adds the newest publication. The next `trim` applies the retention. */
  push(publication: Publication): void {
    if (this.count === 0) this.#since = publication.time;
    this.history.push(publication);
    this.count++;
    this.bytes += publication.size + PUBLICATION_OVERHEAD_BYTES;
  }

  /**
   * Drops publications that exceed the limits.
   * @param now ms since 1970
   */
  trim(now: number): void {
    const { count, age, bytes } = this.retention;
    while (this.count > 0 && (this.count > count || this.bytes > bytes || this.#since <= now - age)) {
      const oldest = this.#next();
      // The row counts publications that are missing from the file, so they cannot be dropped individually.
      if (!oldest) return this.forget();
      const { seq, size } = oldest;
      // The oldest publication has been read again and may be newer than expected.
      this.#since = oldest.time;
      if (this.count <= count && this.bytes <= bytes && this.#since > now - age) return;
      this.#drop(seq, size + PUBLICATION_OVERHEAD_BYTES);
    }
  }

  #drop(seq: number, bytes: number): void {
    this.floor = seq;
    this.count--;
    this.bytes -= bytes;
    this.#gone++;
    this.changed.add(this);
    if (this.history.floor < seq) this.history.releaseUpTo(seq);
    this.#oldest.shift();
    // 0 if no publication is left.
    this.#since = this.#next()?.time ?? 0;
  }

  /** Returns the oldest stored publication. */
  #next(): OldestRow | undefined {
    if (this.history.floor <= this.floor) return this.history.oldest;
    if (this.#oldest.length === 0)
      this.#oldest = this.reader.oldest(this.id, this.floor, this.history.floor, OLDEST_PER_READ);
    return this.#oldest[0] ?? this.history.oldest;
  }

  setRetention(retention: Retention, now: number): void {
    this.retention = retention;
    this.trim(now);
  }

  /** Deletes all stored publications. */
  forget(): void {
    this.#gone += this.count;
    this.count = 0;
    this.bytes = 0;
    this.floor = this.last;
    this.history.forget();
    this.#oldest = [];
    this.changed.add(this);
  }

  /**
   * Returns up to `limit` publications after a position, oldest first. May return fewer than are stored. Call `trim`
   * first.
   */
  read(after: number, limit: number): Slice {
    const from = Math.max(after, this.floor);
    if (!this.#extendTo(from)) return this.history.read(from, limit);
    const { cache } = this.reader;
    const found = cache.find(this.id, from, limit);
    if (found) return found;
    // Callers with a small limit read many rooms one after another, so a larger slice would be evicted before its next
    // use.
    const isFew = limit <= SMALL_READ_COUNT;
    const count = isFew ? limit : this.#readCount();
    const publications = this.reader.range(this, from, this.history.floor, count);
    const upTo = publications.length < count ? this.history.floor : (publications.at(-1)?.seq ?? from);
    const slice = { from, upTo, publications };
    if (isFew) return slice;
    cache.keep(this.id, slice);
    return cache.find(this.id, from, limit) ?? slice;
  }

  /** Returns the newest `count` publications, oldest first. Call `trim` first. */
  newest(count: number): Slice {
    const slice = this.#newest(count);
    // Publications that are no longer in memory may still be in the file.
    delete slice.truncated;
    if (this.floor > 0 && slice.publications.length >= this.count) slice.truncated = true;
    return slice;
  }

  #newest(count: number): Slice {
    const wanted = Math.min(count, this.count);
    if (wanted <= this.history.count || !this.#extendTo(this.floor)) return this.history.newest(count);
    const { history, floor } = this;
    const older = this.reader.newest(this, floor, history.floor, wanted - history.count);
    const [first] = older;
    const newer = history.read(history.floor, history.count).publications;
    const from = wanted < this.count && first ? first.seq - 1 : floor;
    return { from, upTo: this.last, publications: [...older, ...newer] };
  }

  /** Drops publications from memory. They remain in the file. */
  evict(bytes: number): void {
    this.history.release(bytes);
    this.#oldest = [];
  }

  /** Returns the room's row as it will be once the publications in `added` are stored. */
  change(added: readonly Publication[]): RoomChange {
    const { id, name, floor } = this;
    const count = this.count + added.length;
    const oldest = this.count > 0 ? this.#since : (added[0]?.time ?? this.#since);
    const newest = added.at(-1);
    return {
      id,
      name,
      last: newest?.seq ?? this.last,
      floor,
      count,
      bytes: added.reduce((sum, { size }) => sum + size + PUBLICATION_OVERHEAD_BYTES, this.bytes),
      oldest,
      expires: count > 0 ? oldest + this.retention.age : now() + EMPTY_ROOM_TTL_MS,
      gone: this.#gone,
    };
  }

  /** Records the number of publications that have been deleted from the file. */
  onDeleted(gone: number): void {
    this.#gone -= gone;
  }

  /**
   * Returns true if publications after a position are only in the file. Loads a small room into memory, in which case
   * the result is false.
   */
  #extendTo(from: number): boolean {
    if (from >= this.history.floor) return false;
    if (this.count > MAX_WHOLE_COUNT || this.bytes > MAX_WHOLE_BYTES) return true;
    const { history } = this;
    let older: Publication[];
    try {
      older = this.reader.range(this, this.floor, history.floor, MAX_WHOLE_COUNT);
    } catch {
      // A page is damaged. The requested publications may be on other pages. If they are not, reading them fails with
      // the same error.
      return true;
    }
    const filled = new RoomHistory(UNLIMITED, this.floor, this.memoryBudget);
    for (const publication of older) filled.push(publication);
    for (const publication of history.read(history.floor, history.count).publications)
      filled.push(publication);
    history.forget();
    this.history = filled;
    this.#oldest = [];
    return false;
  }

  #readCount(): number {
    const average = this.bytes / Math.max(1, this.count);
    return Math.max(1, Math.min(MAX_READ_COUNT, Math.ceil(MAX_READ_BYTES / average)));
  }
}
