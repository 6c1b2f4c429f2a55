// A room that is kept in the file: what is known of it, and the newest of it in memory.
import { now } from "../clock.ts";
import type { Publication, Slice } from "../../protocol/publication.ts";
import type { MemoryBudget } from "../../rooms/memory-budget.ts";
import type { Retention } from "../../rooms/rule.ts";
import { PUBLICATION_OVERHEAD_BYTES, RoomHistory } from "../../rooms/room-history.ts";
import type { LruItem } from "../../rooms/lru-list.ts";
import type { RoomChange, RoomRow } from "./batch.ts";
import type { OldestRow, Reader } from "./reader.ts";

/** The room itself lets go of what is over its bounds: its tail is what of the rest is in memory. */
const UNLIMITED: Retention = { count: Infinity, age: Infinity, bytes: Infinity };
/** A room that keeps no more than this is read into memory as a whole. */
const MAX_WHOLE_COUNT = 2000;
const MAX_WHOLE_BYTES = 2 << 20;
/** So much of a larger one is read at once. */
const READ_COUNT = 1000;
const READ_BYTES = 1 << 20;
/** A read of no more publications than this reads no more than these. */
const SMALL_READ_COUNT = 64;
/** So many of the oldest are asked for at once, when they are to go and are not in memory. */
const OLDEST_PER_READ = 64;
/** So long a room of which nothing is kept is remembered, in ms. */
export const EMPTY_ROOM_TTL_MS = 600_000;

export class StoredRoom implements LruItem<StoredRoom> {
  older?: StoredRoom | undefined;
  newer?: StoredRoom | undefined;
  readonly id: number;
  readonly name: string;
  /** The newest; what has a seq of at most its floor is in the file alone. */
  history: RoomHistory;
  /** Everything after this seq is kept. */
  floor: number;
  count: number;
  /** What is kept takes so many bytes, as tails count them. */
  bytes: number;
  /** Nothing is to be known of it any more, whatever of it is on its way. */
  left = false;
  /** Publications that were given to the follower and are not in the file yet. */
  unstored = 0;
  /** Publications at the floor or below that are still in the file. */
  #gone = 0;
  /** The oldest, where they are not in memory. */
  #oldest: OldestRow[] = [];
  /** When the oldest was published. */
  #since: number;

  constructor(
    row: RoomRow,
    public retention: Retention,
    readonly memoryBudget: MemoryBudget,
    readonly reader: Reader,
    /** Rooms whose row in the file is not what is known here. */
    readonly changed: Set<StoredRoom>,
  ) {
    this.id = row.id;
    this.name = row.name;
    this.floor = row.floor;
    this.count = row.count;
    this.bytes = row.bytes;
    this.#since = row.oldest;
    this.history = new RoomHistory(UNLIMITED, row.last, memoryBudget);
    // Under another rule it may have had another age.
    if (row.count > 0 && row.expires !== row.oldest + retention.age) changed.add(this);
  }

  /** The seq of the newest publication, kept or not. */
  get last(): number {
    return this.history.last;
  }

  /** Adds the newest publication. What is then over the bounds goes with the next `trim`. */
  push(publication: Publication): void {
    if (this.count === 0) this.#since = publication.time;
    this.history.push(publication);
    this.count++;
    this.bytes += publication.size + PUBLICATION_OVERHEAD_BYTES;
  }

  /** Lets go of what is too old, too many or too large. @param now ms since 1970 */
  trim(now: number): void {
    const { count, age, bytes } = this.retention;
    while (this.count > 0 && (this.count > count || this.bytes > bytes || this.#since <= now - age)) {
      const oldest = this.#next();
      // What should be there and is not cannot be let go of.
      if (!oldest) return this.forget();
      const { seq, size } = oldest;
      // Read anew, the oldest may be younger than was known.
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
    // Of no more than is in memory the next one's time is known; else it is when it is asked for.
    this.#since = this.#next()?.time ?? 0;
  }

  /** The oldest that is kept. */
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

  /** Forgets all that is kept. */
  forget(): void {
    this.#gone += this.count;
    this.count = 0;
    this.bytes = 0;
    this.floor = this.last;
    this.history.forget();
    this.#oldest = [];
    this.changed.add(this);
  }

  /** Up to `limit` publications after a position, oldest first, perhaps fewer. `trim` it before. */
  read(after: number, limit: number): Slice {
    const from = Math.max(after, this.floor);
    if (!this.#extendTo(from)) return this.history.read(from, limit);
    const { cache } = this.reader;
    const found = cache.find(this.id, from, limit);
    if (found) return found;
    // Whoever asks for few reads many rooms by turns: a window would be gone before it is used again.
    const isFew = limit <= SMALL_READ_COUNT;
    const count = isFew ? limit : this.#manyInFile();
    const publications = this.reader.range(this, from, this.history.floor, count);
    const upTo = publications.length < count ? this.history.floor : (publications.at(-1)?.seq ?? from);
    const slice = { from, upTo, publications };
    if (isFew) return slice;
    cache.keep(this.id, slice);
    return cache.find(this.id, from, limit) ?? slice;
  }

  /** The newest `count`, oldest first. `trim` it before. */
  newest(count: number): Slice {
    const slice = this.#newest(count);
    // What the tail has dropped may be in the file.
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

  /** Lets go of what is in the file too. Nothing is lost by it. */
  evict(bytes: number): void {
    this.history.release(bytes);
    this.#oldest = [];
  }

  /** As the file is to know it, once `added` is there too. */
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

  /** The file knows of so many that have gone. */
  settled(gone: number): void {
    this.#gone -= gone;
  }

  /** Whether what comes after a position is in the file alone: a small room is read into memory for it. */
  #extendTo(from: number): boolean {
    if (from >= this.history.floor) return false;
    if (this.count > MAX_WHOLE_COUNT || this.bytes > MAX_WHOLE_BYTES) return true;
    const { history } = this;
    let older: Publication[];
    try {
      older = this.reader.range(this, this.floor, history.floor, MAX_WHOLE_COUNT);
    } catch {
      // A page is damaged: what is asked for may lie on others, and else this error comes again.
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

  #manyInFile(): number {
    const average = this.bytes / Math.max(1, this.count);
    return Math.max(1, Math.min(READ_COUNT, Math.ceil(READ_BYTES / average)));
  }
}
