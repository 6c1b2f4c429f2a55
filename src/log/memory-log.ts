// The memory log: the default of `bun run start`. Nothing survives the process.
import { now } from "./clock.ts";
import { newEpoch } from "../protocol/cursor.ts";
import { sizeOfData } from "../protocol/data.ts";
import type { Draft, Publication, Slice } from "../protocol/publication.ts";
import type { Bounds } from "../rooms/rule.ts";
import { Memory, roomBytes } from "../rooms/memory-budget.ts";
import { Tail } from "../rooms/room-history.ts";
import { type Placed, UseOrder } from "../rooms/lru-list.ts";
import { hashDraft, isRepeat, keyReused, Keys, type Position, scopedKey } from "./idempotency-keys.ts";
import type * as logs from "./log.ts";
import { Numbers } from "./sequence.ts";
import { Sweeper } from "./sweeper.ts";

interface Kept extends Placed<Kept> {
  readonly room: string;
  readonly tail: Tail;
  /** Set while somebody here is in it. */
  follower: ((publication: Publication) => void) | undefined;
  /** What of it counts beside its publications, in bytes. */
  own: number;
}

/** How often rooms are looked at for what is too old; where there are many, the pause between two slices of them. In ms. */
const SWEEP = { rest: 1000, pause: 50 };

export class MemoryLog implements logs.Log {
  readonly #rooms = new Map<string, Kept>();
  /** Those of which something is kept, by when they were last written or read: nobody is in them, or somebody is. */
  readonly #idle = new UseOrder<Kept>();
  readonly #inUse = new UseOrder<Kept>();
  readonly #keys = new Keys();
  /**
   * By rule (its bounds): the newest seq in a room that is no longer known at all. A room that is asked for
   * and unknown may be one of those, so it is complete only from there on.
   */
  readonly #forgotten = new Map<Bounds, number>();
  readonly sweeper: Sweeper<Kept>;
  #closed = false;

  /** The same for rules that hold no longer: any room may have been one of theirs. */
  #forgottenBefore: number;

  /**
   * @param boundsOf how much of a room to keep; rooms of one rule must get the same object.
   * @param memory how much of all of them
   * @param onRelease told when a room that is followed has lost what comes up to a seq, because all was too much
   * @param epoch and `numbers`: those of a log that this one is part of. What it had before is not known
   */
  constructor(
    public boundsOf: (room: string) => Bounds,
    readonly memory = new Memory(),
    readonly onRelease: (room: string, upTo: number) => void = () => {},
    readonly epoch = newEpoch(),
    readonly numbers = new Numbers(),
  ) {
    this.#forgottenBefore = numbers.last;
    this.sweeper = new Sweeper(
      () => this.#rooms.values(),
      (kept) => this.#sweep(kept),
      { ...SWEEP, before: () => this.#tidy() },
    );
  }

  get last(): number {
    return this.numbers.last;
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

    const kept = this.#kept(draft.room);
    // Here a publication gets its number.
    const position: Position = { seq: ++this.numbers.last, prev: kept.tail.last, time };
    const publication: Publication = { ...draft, ...position, size };
    kept.tail.push(publication);
    this.#use(kept);
    if (key !== undefined) this.#keys.set(key, { ...position, hash });
    if (kept.follower) kept.follower(publication);
    else if (kept.tail.count === 0) this.#free(kept);
    // Last: by now the follower has it too, and can let go of it.
    if (this.memory.isOver) this.#relieve();
    return publication;
  }

  read(room: string, after: number, limit: number): Slice {
    const kept = this.#rooms.get(room);
    if (!kept) return this.#unknown(room, after);
    kept.tail.trim(now());
    this.#use(kept);
    return this.#upToNow(kept.tail.read(after, limit), kept.tail);
  }

  tail(room: string, at: number): Tail | undefined {
    const kept = this.#rooms.get(room);
    if (!kept) return undefined;
    kept.tail.trim(at);
    this.#use(kept);
    return kept.tail;
  }

  newest(room: string, count: number): Slice {
    const kept = this.#rooms.get(room);
    if (!kept) return this.#unknown(room, this.numbers.last);
    kept.tail.trim(now());
    this.#use(kept);
    return this.#upToNow(kept.tail.newest(count), kept.tail);
  }

  follow(room: string, onPublication: (publication: Publication) => void): void {
    const kept = this.#kept(room);
    this.#idle.remove(kept);
    kept.follower = onPublication;
    this.#use(kept);
  }

  unfollow(room: string): void {
    const kept = this.#rooms.get(room);
    if (!kept) return;
    this.#inUse.remove(kept);
    kept.follower = undefined;
    if (kept.tail.count === 0) this.#free(kept);
    else this.#use(kept);
  }

  replaceBounds(boundsOf: (room: string) => Bounds): void {
    this.boundsOf = boundsOf;
    this.#forgottenBefore = Math.max(this.#forgottenBefore, ...this.#forgotten.values());
    this.#forgotten.clear();
    const at = now();
    for (const [room, { tail }] of this.#rooms) tail.rebound(boundsOf(room), at);
  }

  /** Any room may have had something that is not known here, up to the newest seq. */
  forgetAbsent(): void {
    this.#forgottenBefore = this.numbers.last;
  }

  forget(room: string): void {
    const kept = this.#rooms.get(room);
    if (!kept) return;
    kept.tail.forget();
    if (kept.follower) this.#inUse.remove(kept);
    else this.#free(kept);
  }

  *rooms(): Iterable<string> {
    for (const [name, { tail }] of this.#rooms) if (tail.count > 0) yield name;
  }

  about(room: string): logs.Kept | undefined {
    const tail = this.#rooms.get(room)?.tail;
    return tail && { count: tail.count, bytes: tail.bytes, newest: tail.newestTime };
  }

  close(): Promise<void> {
    this.sweeper.stop();
    this.#closed = true;
    return Promise.resolve();
  }

  #kept(room: string): Kept {
    let kept = this.#rooms.get(room);
    if (!kept) {
      const bounds = this.boundsOf(room);
      const tail = new Tail(bounds, this.#forgottenSeq(bounds), this.memory);
      kept = { room, tail, follower: undefined, own: 0 };
      this.#rooms.set(room, kept);
    }
    return kept;
  }

  /** Something was published to a room or read from it, or somebody has come or gone. */
  #use(kept: Kept): void {
    const { room, tail, follower } = kept;
    // How many rooms somebody may be in has a limit of its own.
    this.#own(kept, follower ? 0 : roomBytes(room));
    if (tail.count > 0) (follower ? this.#inUse : this.#idle).use(kept);
  }

  #own(kept: Kept, bytes: number): void {
    this.memory.roomBytes += bytes - kept.own;
    kept.own = bytes;
  }

  /** All rooms together take too much: those that are used least give. */
  #relieve(): void {
    const { memory } = this;
    memory.relieve(this.#byUse(), (kept) => {
      const { room, tail, follower } = kept;
      if (follower) this.onRelease(room, tail.floor);
      else if (tail.count === 0) {
        this.#free(kept);
        memory.evictedRooms++;
      }
    });
  }

  /** Those that nobody is in first, of those the ones in which nothing has happened for the longest. */
  *#byUse(): Iterable<Kept> {
    for (const order of [this.#idle, this.#inUse]) {
      for (const kept of order) {
        if (kept.tail.count > 0) yield kept;
        // It comes back with its next publication.
        if (kept.tail.count === 0) order.remove(kept);
      }
    }
  }

  /** Drops all knowledge of a room, and remembers that there was some. */
  #free(kept: Kept): void {
    const { room, tail } = kept;
    this.#rooms.delete(room);
    this.#idle.remove(kept);
    this.#inUse.remove(kept);
    this.#own(kept, 0);
    this.#forgotten.set(tail.bounds, Math.max(tail.last, this.#forgotten.get(tail.bounds) ?? 0));
  }

  #forgottenSeq(bounds: Bounds): number {
    return Math.max(this.#forgottenBefore, this.#forgotten.get(bounds) ?? 0);
  }

  #unknown(room: string, after: number): Slice {
    const from = Math.max(after, this.#forgottenSeq(this.boundsOf(room)));
    return { from, upTo: Math.max(from, this.numbers.last), publications: [] };
  }

  /** A slice that reaches the room's newest publication reaches to now: the seqs since are other rooms'. */
  #upToNow(slice: Slice, tail: Tail): Slice {
    if (slice.upTo >= tail.last) slice.upTo = Math.max(slice.upTo, this.numbers.last);
    return slice;
  }

  /** True when there is more to do soon. */
  #tidy(): boolean {
    // The limit may be another since.
    if (this.memory.isOver) this.#relieve();
    return this.#keys.trim(now()) || this.memory.isOver;
  }

  /** What a quiet room keeps grows old too. */
  #sweep(kept: Kept): void {
    kept.tail.trim(now());
    if (kept.tail.count === 0 && !kept.follower) this.#free(kept);
  }
}
