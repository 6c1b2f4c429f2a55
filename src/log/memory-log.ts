// The memory log: the default of `bun run start`. Nothing survives the process.
import { now } from "./clock.ts";
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
  /** Set while somebody here is in it. */
  subscriber: ((publication: Publication) => void) | undefined;
  /** What of it counts beside its publications, in bytes. */
  own: number;
}

/** How often rooms are looked at for what is too old; where there are many, the pause between two slices of them. In ms. */
const SWEEP_PACE = { rest: 1000, pause: 50 };

export class MemoryLog implements logs.Log {
  readonly #rooms = new Map<string, MemoryRoom>();
  /** Those of which something is kept, by when they were last written or read: nobody is in them, or somebody is. */
  readonly #idle = new LruList<MemoryRoom>();
  readonly #inUse = new LruList<MemoryRoom>();
  readonly #keys = new IdempotencyKeys();
  /**
   * By rule (its bounds): the newest seq in a room that is no longer known at all. A room that is asked for
   * and unknown may be one of those, so it is complete only from there on.
   */
  readonly #forgotten = new Map<Retention, number>();
  readonly sweeper: Sweeper<MemoryRoom>;
  #closed = false;

  /** The same for rules that hold no longer: any room may have been one of theirs. */
  #forgottenBefore: number;

  /**
   * @param retentionOf how much of a room to keep; rooms of one rule must get the same object.
   * @param memoryBudget how much of all of them
   * @param onRelease told when a room that is followed has lost what comes up to a seq, because all was too much
   * @param epoch and `numbers`: those of a log that this one is part of. What it had before is not known
   */
  constructor(
    public retentionOf: (room: string) => Retention,
    readonly memoryBudget = new MemoryBudget(),
    readonly onRelease: (room: string, upTo: number) => void = () => {},
    readonly epoch = newEpoch(),
    readonly sequence = new Sequence(),
  ) {
    this.#forgottenBefore = sequence.last;
    this.sweeper = new Sweeper(
      () => this.#rooms.values(),
      (kept) => this.#sweep(kept),
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

    const kept = this.#room(draft.room);
    // Here a publication gets its number.
    const position: LogPosition = { seq: ++this.sequence.last, prev: kept.history.last, time };
    const publication: Publication = { ...draft, ...position, size };
    kept.history.push(publication);
    this.#use(kept);
    if (key !== undefined) this.#keys.set(key, { ...position, hash });
    if (kept.subscriber) kept.subscriber(publication);
    else if (kept.history.count === 0) this.#free(kept);
    // Last: by now the follower has it too, and can let go of it.
    if (this.memoryBudget.isOver) this.#evict();
    return publication;
  }

  read(room: string, after: number, limit: number): Slice {
    const kept = this.#rooms.get(room);
    if (!kept) return this.#unknown(room, after);
    kept.history.trim(now());
    this.#use(kept);
    return this.#upToNow(kept.history.read(after, limit), kept.history);
  }

  history(room: string, at: number): RoomHistory | undefined {
    const kept = this.#rooms.get(room);
    if (!kept) return undefined;
    kept.history.trim(at);
    this.#use(kept);
    return kept.history;
  }

  newest(room: string, count: number): Slice {
    const kept = this.#rooms.get(room);
    if (!kept) return this.#unknown(room, this.sequence.last);
    kept.history.trim(now());
    this.#use(kept);
    return this.#upToNow(kept.history.newest(count), kept.history);
  }

  subscribe(room: string, onPublication: (publication: Publication) => void): void {
    const kept = this.#room(room);
    this.#idle.remove(kept);
    kept.subscriber = onPublication;
    this.#use(kept);
  }

  unsubscribe(room: string): void {
    const kept = this.#rooms.get(room);
    if (!kept) return;
    this.#inUse.remove(kept);
    kept.subscriber = undefined;
    if (kept.history.count === 0) this.#free(kept);
    else this.#use(kept);
  }

  replaceRetention(retentionOf: (room: string) => Retention): void {
    this.retentionOf = retentionOf;
    this.#forgottenBefore = Math.max(this.#forgottenBefore, ...this.#forgotten.values());
    this.#forgotten.clear();
    const at = now();
    for (const [room, { history }] of this.#rooms) history.setRetention(retentionOf(room), at);
  }

  /** Any room may have had something that is not known here, up to the newest seq. */
  forgetAbsent(): void {
    this.#forgottenBefore = this.sequence.last;
  }

  forget(room: string): void {
    const kept = this.#rooms.get(room);
    if (!kept) return;
    kept.history.forget();
    if (kept.subscriber) this.#inUse.remove(kept);
    else this.#free(kept);
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
    let kept = this.#rooms.get(room);
    if (!kept) {
      const retention = this.retentionOf(room);
      const history = new RoomHistory(retention, this.#forgottenSeq(retention), this.memoryBudget);
      kept = { room, history, subscriber: undefined, own: 0 };
      this.#rooms.set(room, kept);
    }
    return kept;
  }

  /** Something was published to a room or read from it, or somebody has come or gone. */
  #use(kept: MemoryRoom): void {
    const { room, history, subscriber } = kept;
    // How many rooms somebody may be in has a limit of its own.
    this.#charge(kept, subscriber ? 0 : roomBytes(room));
    if (history.count > 0) (subscriber ? this.#inUse : this.#idle).touch(kept);
  }

  #charge(kept: MemoryRoom, bytes: number): void {
    this.memoryBudget.roomBytes += bytes - kept.own;
    kept.own = bytes;
  }

  /** All rooms together take too much: those that are used least give. */
  #evict(): void {
    const { memoryBudget } = this;
    memoryBudget.evict(this.#byUse(), (kept) => {
      const { room, history, subscriber } = kept;
      if (subscriber) this.onRelease(room, history.floor);
      else if (history.count === 0) {
        this.#free(kept);
        memoryBudget.evictedRooms++;
      }
    });
  }

  /** Those that nobody is in first, of those the ones in which nothing has happened for the longest. */
  *#byUse(): Iterable<MemoryRoom> {
    for (const order of [this.#idle, this.#inUse]) {
      for (const kept of order) {
        if (kept.history.count > 0) yield kept;
        // It comes back with its next publication.
        if (kept.history.count === 0) order.remove(kept);
      }
    }
  }

  /** Drops all knowledge of a room, and remembers that there was some. */
  #free(kept: MemoryRoom): void {
    const { room, history } = kept;
    this.#rooms.delete(room);
    this.#idle.remove(kept);
    this.#inUse.remove(kept);
    this.#charge(kept, 0);
    this.#forgotten.set(
      history.retention,
      Math.max(history.last, this.#forgotten.get(history.retention) ?? 0),
    );
  }

  #forgottenSeq(retention: Retention): number {
    return Math.max(this.#forgottenBefore, this.#forgotten.get(retention) ?? 0);
  }

  #unknown(room: string, after: number): Slice {
    const from = Math.max(after, this.#forgottenSeq(this.retentionOf(room)));
    return { from, upTo: Math.max(from, this.sequence.last), publications: [] };
  }

  /** A slice that reaches the room's newest publication reaches to now: the seqs since are other rooms'. */
  #upToNow(slice: Slice, history: RoomHistory): Slice {
    if (slice.upTo >= history.last) slice.upTo = Math.max(slice.upTo, this.sequence.last);
    return slice;
  }

  /** True when there is more to do soon. */
  #tidy(): boolean {
    // The limit may be another since.
    if (this.memoryBudget.isOver) this.#evict();
    return this.#keys.trim(now()) || this.memoryBudget.isOver;
  }

  /** What a quiet room keeps grows old too. */
  #sweep(kept: MemoryRoom): void {
    kept.history.trim(now());
    if (kept.history.count === 0 && !kept.subscriber) this.#free(kept);
  }
}
