// The in-memory log, used by default. Its content is lost when the process ends.
import { now } from "./clock.ts";
import { DroppedRooms } from "./dropped-rooms.ts";
import { newEpoch } from "../protocol/cursor.ts";
import { sizeOfData } from "../protocol/data.ts";
import type { Draft, Publication, Slice } from "../protocol/publication.ts";
import type { Retention } from "../rooms/rule.ts";
import { MemoryBudget, roomBytes } from "../rooms/memory-budget.ts";
import { RoomHistory } from "../rooms/room-history.ts";
import { type LruItem, LruList } from "../rooms/lru-list.ts";
import {
  hashDraft,
  isRepeat,
  keyReused,
  IdempotencyKeys,
  type LogPosition,
  scopedKey,
} from "./idempotency-keys.ts";
import type * as logs from "./log.ts";
import { Sequence } from "./sequence.ts";
import { Sweeper } from "./sweeper.ts";

interface MemoryRoom extends LruItem<MemoryRoom> {
  readonly room: string;
  readonly history: RoomHistory;
  /** Set while a session in this process has joined the room. */
  subscriber: ((publication: Publication) => void) | undefined;
  /** The memory charged to the budget for the room itself, without its publications, in bytes. */
  charged: number;
}

/** The pause between sweeps for expired messages, and between slices of a sweep, in ms. */
const SWEEP_PACE = { rest: 1000, pause: 50 };

export class MemoryLog implements logs.Log {
  readonly #rooms = new Map<string, MemoryRoom>();
  /**
   * Rooms with stored messages, ordered by last use: `#idle` has rooms without sessions, `#inUse` rooms with sessions.
   */
  readonly #idle = new LruList<MemoryRoom>();
  readonly #inUse = new LruList<MemoryRoom>();
  readonly #keys = new IdempotencyKeys();
  readonly #dropped: DroppedRooms;
  readonly sweeper: Sweeper<MemoryRoom>;
  #closed = false;

  /**
   * @param retentionOf returns the retention of a room; must return the same object for all rooms that share a rule
   * @param memoryBudget the memory budget for all rooms
   * @param onRelease called when a subscribed room's messages up to a seq have been evicted to stay within the budget
   * @param epoch the epoch of the log that contains this one
   * @param sequence the sequence of the log that contains this one; this log has no record of that log's earlier
   * publications
   */
  constructor(
    public retentionOf: (room: string) => Retention,
    readonly memoryBudget = new MemoryBudget(),
    readonly onRelease: (room: string, upTo: number) => void = () => {},
    readonly epoch = newEpoch(),
    readonly sequence = new Sequence(),
  ) {
    this.#dropped = new DroppedRooms(sequence.last);
    this.sweeper = new Sweeper(
      () => this.#rooms.values(),
      (entry) => this.#sweep(entry),
      { ...SWEEP_PACE, before: () => this.#tidy() },
    );
  }

  get last(): number {
    return this.sequence.last;
  }

  get fault(): string | undefined {
    return this.#closed ? "the log is closed" : undefined;
  }

  append(draft: Draft): Publication {
    const time = now();
    const size = sizeOfData(draft.data);
    const key = draft.key === undefined ? undefined : scopedKey(draft, draft.key);
    const hash = key === undefined ? undefined : hashDraft(draft);
    const first = key === undefined ? undefined : this.#keys.get(key, time);
    if (first) {
      if (!isRepeat(first, hash as string)) throw keyReused(draft.key);
      return { ...draft, seq: first.seq, prev: first.prev, time: first.time, size };
    }

    const entry = this.#room(draft.room);
    // Here a publication gets its number.
    const position: LogPosition = { seq: ++this.sequence.last, prev: entry.history.last, time };
    const publication: Publication = { ...draft, ...position, size };
    entry.history.push(publication);
    this.#touch(entry);
    if (key !== undefined) this.#keys.set(key, { ...position, hash });
    if (entry.subscriber) entry.subscriber(publication);
    else if (entry.history.count === 0) this.#free(entry);
    // Evict last: by now, the subscriber has received the publication, so the eviction can remove it there too.
    if (this.memoryBudget.isOver) this.#evict();
    return publication;
  }

  read(room: string, after: number, limit: number): Slice {
    const entry = this.#rooms.get(room);
    if (!entry) return this.#unknown(room, after);
    entry.history.trim(now());
    this.#touch(entry);
    return this.#upToNow(entry.history.read(after, limit), entry.history);
  }

  history(room: string, at: number): RoomHistory | undefined {
    const entry = this.#rooms.get(room);
    if (!entry) return undefined;
    entry.history.trim(at);
    this.#touch(entry);
    return entry.history;
  }

  newest(room: string, count: number): Slice {
    const entry = this.#rooms.get(room);
    if (!entry) return this.#unknown(room, this.sequence.last);
    entry.history.trim(now());
    this.#touch(entry);
    return this.#upToNow(entry.history.newest(count), entry.history);
  }

  subscribe(room: string, onPublication: (publication: Publication) => void): void {
    const entry = this.#room(room);
    this.#idle.remove(entry);
    entry.subscriber = onPublication;
    this.#touch(entry);
  }

  unsubscribe(room: string): void {
    const entry = this.#rooms.get(room);
    if (!entry) return;
    this.#inUse.remove(entry);
    entry.subscriber = undefined;
    if (entry.history.count === 0) this.#free(entry);
    else this.#touch(entry);
  }

  replaceRetention(retentionOf: (room: string) => Retention): void {
    this.retentionOf = retentionOf;
    this.#dropped.forgetRules();
    const at = now();
    for (const [room, { history }] of this.#rooms) history.setRetention(retentionOf(room), at);
  }

  /** Records that any room that is not in memory may have had messages up to the newest seq. */
  forgetAbsent(): void {
    this.#dropped.addAll(this.sequence.last);
  }

  forget(room: string): void {
    const entry = this.#rooms.get(room);
    if (!entry) return;
    entry.history.forget();
    if (entry.subscriber) this.#inUse.remove(entry);
    else this.#free(entry);
  }

  *rooms(): Iterable<string> {
    for (const [name, { history }] of this.#rooms) if (history.count > 0) yield name;
  }

  usageOf(room: string): logs.RoomUsage | undefined {
    const history = this.#rooms.get(room)?.history;
    return history && { count: history.count, bytes: history.bytes, newest: history.newestTime };
  }

  close(): Promise<void> {
    this.sweeper.stop();
    this.#closed = true;
    return Promise.resolve();
  }

  #room(room: string): MemoryRoom {
    let entry = this.#rooms.get(room);
    if (!entry) {
      const retention = this.retentionOf(room);
      const history = new RoomHistory(retention, this.#dropped.floorOf(retention), this.memoryBudget);
      entry = { room, history, subscriber: undefined, charged: 0 };
      this.#rooms.set(room, entry);
    }
    return entry;
  }

  /** Marks a room as most recently used, and updates its charge. */
  #touch(entry: MemoryRoom): void {
    const { room, history, subscriber } = entry;
    // Rooms with sessions are limited separately.
    this.#charge(entry, subscriber ? 0 : roomBytes(room));
    if (history.count > 0) (subscriber ? this.#inUse : this.#idle).touch(entry);
  }

  #charge(entry: MemoryRoom, bytes: number): void {
    this.memoryBudget.roomBytes += bytes - entry.charged;
    entry.charged = bytes;
  }

  /** Evicts messages of the least recently used rooms. */
  #evict(): void {
    const { memoryBudget } = this;
    memoryBudget.evict(this.#byLastUse(), (entry) => {
      const { room, history, subscriber } = entry;
      if (subscriber) this.onRelease(room, history.floor);
      else if (history.count === 0) {
        this.#free(entry);
        memoryBudget.evictedRooms++;
      }
    });
  }

  /** Yields rooms without sessions first, then rooms with sessions, least recently used first within each group. */
  *#byLastUse(): Iterable<MemoryRoom> {
    for (const order of [this.#idle, this.#inUse]) {
      for (const entry of order) {
        if (entry.history.count > 0) yield entry;
        // The next publication adds the room again.
        if (entry.history.count === 0) order.remove(entry);
      }
    }
  }

  /** Drops a room, and records the seq up to which it may have had messages. */
  #free(entry: MemoryRoom): void {
    const { room, history } = entry;
    this.#rooms.delete(room);
    this.#idle.remove(entry);
    this.#inUse.remove(entry);
    this.#charge(entry, 0);
    this.#dropped.add(history.retention, history.last);
  }

  #unknown(room: string, after: number): Slice {
    const from = Math.max(after, this.#dropped.floorOf(this.retentionOf(room)));
    return { from, upTo: Math.max(from, this.sequence.last), publications: [] };
  }

  /**
   * If a slice reaches the room's newest publication, extends the slice to the log's newest seq, because all later seqs
   * belong to other rooms.
   */
  #upToNow(slice: Slice, history: RoomHistory): Slice {
    if (slice.upTo >= history.last) slice.upTo = Math.max(slice.upTo, this.sequence.last);
    return slice;
  }

  /** Does a small amount of periodic work. Returns true if there is more to do soon. */
  #tidy(): boolean {
    // The limit may have been lowered.
    if (this.memoryBudget.isOver) this.#evict();
    return this.#keys.trim(now()) || this.memoryBudget.isOver;
  }

  /** Trims a room. Messages also expire in rooms that have no new publications. */
  #sweep(entry: MemoryRoom): void {
    entry.history.trim(now());
    if (entry.history.count === 0 && !entry.subscriber) this.#free(entry);
  }
}
