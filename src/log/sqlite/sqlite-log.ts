// The durable log: rooms that are kept in one SQLite file, beside those that their rules keep in memory.
import { now } from "../clock.ts";
import { ThumpError } from "../../protocol/codes.ts";
import type { Draft, Publication, Slice } from "../../protocol/publication.ts";
import { Memory } from "../../rooms/memory-budget.ts";
import { type Bounds, isKept } from "../../rooms/rule.ts";
import type { Tail } from "../../rooms/room-history.ts";
import type { Kept, Log } from "../log.ts";
import { MemoryLog } from "../memory-log.ts";
import { Numbers } from "../sequence.ts";
import { Appends, closedError, type Follower } from "./appender.ts";
import { Commits } from "./group-commit.ts";
import { Host } from "./writer-thread.ts";
import { openFolder, type Opened } from "./open-folder.ts";
import { Reader } from "./reader.ts";
import type { Durability } from "./database-schema.ts";
import { storeError } from "./store-error.ts";
import type { StoredRoom } from "./stored-room.ts";
import { StoredRooms } from "./stored-rooms.ts";
import { Upkeep } from "./maintenance.ts";

export interface SqliteOptions {
  /** The folder of the file. */
  dir: string;
  durability: Durability;
  /** How large the file may become, in bytes. */
  size?: number;
  /** How much of a room to keep; rooms of one rule must get the same object. */
  boundsOf: (room: string) => Bounds;
  /** What all that is kept in memory may take. */
  memory?: Memory;
  /** Told when a room that is followed has lost what comes up to a seq, because all was too much. */
  onRelease?: (room: string, upTo: number) => void;
  /**
   * Tells which rules keep their rooms in the file: it is another text when that changes. Without it that is taken for
   * granted whenever the bounds are replaced.
   */
  kinds?: () => string;
  /** Told of what goes wrong, and without an error when it is over. */
  onFault?: (what: string, error?: unknown) => void;
}

/** Of the memory that kept publications may take, so much more may be a copy of what is in the file. */
const CACHE = 0.25;

export class SqliteLog implements Log {
  readonly epoch: string;
  readonly commits: Commits;
  readonly path: string;
  readonly #opened: Opened;
  readonly #host: Host;
  readonly #numbers: Numbers;
  readonly #memory: MemoryLog;
  readonly #rooms: StoredRooms;
  readonly #appends: Appends;
  readonly #upkeep: Upkeep;
  readonly #onFault: (what: string, error?: unknown) => void;
  #boundsOf: (room: string) => Bounds;
  #kinds: string;
  #closed = false;

  /** @throws StoreError when the folder or the file cannot be used */
  constructor(readonly options: SqliteOptions) {
    const { dir, durability, size = Infinity, boundsOf, memory = new Memory(), onRelease } = options;
    this.#boundsOf = boundsOf;
    this.#onFault = options.onFault ?? (() => {});
    this.#opened = openFolder(dir);
    this.path = this.#opened.path;
    const reader = new Reader(this.#opened.db);
    const { meta, keys, greatestId } = this.#known(reader);
    this.epoch = meta.epoch;
    this.#kinds = meta.kinds;
    this.#numbers = new Numbers(meta.reserved - 1);
    this.#memory = new MemoryLog(
      (room) => this.#boundsOf(room),
      memory,
      onRelease,
      this.epoch,
      this.#numbers,
    );
    const cache = new Memory(memory.limit * CACHE);
    this.#rooms = new StoredRooms(reader, (room) => this.#boundsOf(room), meta.forgotten, greatestId, cache);
    const fault = (what: string, error?: unknown) => this.#onFault(what, error);
    this.#appends = new Appends(() => this.commits, this.#rooms, this.#memory, this.#numbers, fault);
    for (const [seq, row, prev, time] of keys) {
      const [key = "", hash] = row.split("\n");
      this.#appends.keys.set(key, { seq, prev, time, hash });
    }
    this.#host = new Host(this.path, durability, size);
    this.commits = new Commits(
      this.#host,
      this.path,
      this.#numbers,
      this.#rooms,
      this.#appends,
      meta.reserved,
    );
    this.#upkeep = new Upkeep(this.commits, this.#rooms, this.#appends, fault);
    this.#followKinds();
    // Sets numbers aside: until it is done nothing can have one.
    this.commits.tend();
  }

  get last(): number {
    return this.#numbers.last;
  }

  get fault(): string | undefined {
    return this.#closed ? "the log is closed" : this.commits.fault?.message;
  }

  append(draft: Draft): Publication | Promise<Publication> {
    if (this.#closed) return Promise.reject(closedError());
    try {
      return this.#appends.append(draft, this.#boundsOf(draft.room));
    } catch (error) {
      return Promise.reject(this.#unreadable(error));
    }
  }

  read(room: string, after: number, limit: number): Slice | Promise<Slice> {
    if (!isKept(this.#boundsOf(room))) return this.#memory.read(room, after, limit);
    return this.#reading(room, after, (known) => known.read(after, limit));
  }

  tail(room: string, at: number): Tail | undefined {
    return isKept(this.#boundsOf(room)) ? undefined : this.#memory.tail(room, at);
  }

  newest(room: string, count: number): Slice | Promise<Slice> {
    if (!isKept(this.#boundsOf(room))) return this.#memory.newest(room, count);
    return this.#reading(room, this.last, (known) => known.newest(count));
  }

  follow(room: string, onPublication: Follower): void {
    this.#appends.followers.set(room, onPublication);
    this.#memory.follow(room, onPublication);
  }

  unfollow(room: string): void {
    this.#appends.followers.delete(room);
    this.#memory.unfollow(room);
  }

  replaceBounds(boundsOf: (room: string) => Bounds): void {
    this.#boundsOf = boundsOf;
    this.#memory.replaceBounds(boundsOf);
    this.#followKinds(this.options.kinds === undefined);
    const at = now();
    for (const room of this.#rooms.loaded) room.rebound(boundsOf(room.name), at);
    this.#upkeep.rewalk();
    this.commits.tend();
  }

  forget(room: string): void | Promise<void> {
    this.#memory.forget(room);
    if (!isKept(this.#boundsOf(room))) return;
    try {
      const known = this.#rooms.known(room);
      if (!known) return;
      known.forget();
    } catch (error) {
      return Promise.reject(this.#unreadable(error));
    }
    // It is not to come back after a restart.
    return this.commits.settle();
  }

  /** A room is in one of the two: rules say where, and what is in the other place is forgotten when they change. */
  *rooms(): Iterable<string> {
    yield* this.#rooms.names();
    yield* this.#memory.rooms();
  }

  /** How many rooms of the file are in memory. */
  get loaded(): number {
    return this.#rooms.size;
  }

  about(room: string): Kept | undefined {
    if (!isKept(this.#boundsOf(room))) return this.#memory.about(room);
    const known = this.#rooms.peek(room);
    return known && { count: known.count, bytes: known.bytes, newest: known.tail.newestTime };
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    this.#upkeep.stop();
    await this.commits.finish();
    await this.#memory.close();
    this.#opened.db.close(true);
    await this.#host.close();
    this.#opened.release();
  }

  /** What is in the file, but for rooms. @throws StoreError */
  #known(reader: Reader) {
    try {
      return { meta: reader.meta(), keys: reader.keys(), greatestId: reader.greatestId() };
    } catch (error) {
      this.#opened.db.close(true);
      this.#opened.release();
      throw storeError(error, this.path);
    }
  }

  /** Where a room is kept may be another place than before: nothing is known of what it had there. */
  #followKinds(always = false): void {
    const kinds = this.options.kinds?.() ?? "";
    if (kinds === this.#kinds && !always) return;
    this.#kinds = kinds;
    this.commits.meta.kinds = kinds;
    this.#upkeep.leaveOthers(this.last);
    this.#memory.forgetAbsent();
    for (const room of this.#memory.rooms()) if (isKept(this.#boundsOf(room))) this.#memory.forget(room);
  }

  #reading(room: string, after: number, read: (known: StoredRoom) => Slice): Slice | Promise<Slice> {
    try {
      const known = this.#rooms.known(room);
      if (!known) {
        const from = Math.max(after, this.#rooms.forgotten);
        return { from, upTo: Math.max(from, this.last), publications: [] };
      }
      known.trim(now());
      const slice = read(known);
      // A slice that reaches the room's newest publication reaches to now: the seqs since are other rooms'.
      if (slice.upTo >= known.last) slice.upTo = Math.max(slice.upTo, this.last);
      this.#appends.relieve();
      return slice;
    } catch (error) {
      return Promise.reject(this.#unreadable(error));
    }
  }

  #unreadable(error: unknown): ThumpError {
    const { what } = storeError(error, this.path);
    this.#onFault("the file cannot be read", error);
    return new ThumpError("unavailable", `What is kept of this room cannot be read: ${what}.`);
  }
}
