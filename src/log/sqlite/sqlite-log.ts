// The log in a data folder. Stores rooms in one SQLite file, or in memory if their rule says so.
import { now } from "../clock.ts";
import { ThumpError } from "../../protocol/codes.ts";
import type { Draft, Publication, Slice } from "../../protocol/publication.ts";
import { MemoryBudget } from "../../rooms/memory-budget.ts";
import { type Retention, isKept } from "../../rooms/rule.ts";
import type { RoomHistory } from "../../rooms/room-history.ts";
import type { RoomUsage, Log } from "../log.ts";
import { MemoryLog } from "../memory-log.ts";
import { Sequence } from "../sequence.ts";
import { Appender, closedError, type PublicationListener } from "./appender.ts";
import { GroupCommit } from "./group-commit.ts";
import { WriterThread } from "./writer-thread.ts";
import { NumberAllocation } from "./number-allocation.ts";
import { openFolder, type OpenFolder } from "./open-folder.ts";
import { Reader } from "./reader.ts";
import type { Durability } from "./database-schema.ts";
import { storeError } from "./store-error.ts";
import type { StoredRoom } from "./stored-room.ts";
import { StoredRooms } from "./stored-rooms.ts";
import { Maintenance } from "./maintenance.ts";

export interface SqliteOptions {
  /** The data folder. */
  dir: string;
  durability: Durability;
  /** The maximum size of the file, in bytes. */
  size?: number;
  /** Returns the retention of a room. Must return the same object for all rooms that share a rule. */
  retentionOf: (room: string) => Retention;
  /** The budget for all messages in memory. */
  memoryBudget?: MemoryBudget;
  /** Called when a subscribed room's messages up to a seq have been evicted to stay within the budget. */
  onRelease?: (room: string, upTo: number) => void;
  /**
   * Returns a string that identifies the patterns whose rooms are stored in the file. The string changes when these
   * patterns change. If undefined, every replacement of the retention counts as a change.
   */
  fingerprint?: () => string;
  /** Called with a fault, and again without an error when the fault has been resolved. */
  onFault?: (what: string, error?: unknown) => void;
}

/** Messages loaded from the file may use this share of the memory budget in addition to the budget itself. */
const CACHE_SHARE = 0.25;

export class SqliteLog implements Log {
  readonly epoch: string;
  readonly groupCommit: GroupCommit;
  readonly path: string;
  readonly #folder: OpenFolder;
  readonly #writerThread: WriterThread;
  readonly #sequence: Sequence;
  readonly #memoryLog: MemoryLog;
  readonly #rooms: StoredRooms;
  readonly #appender: Appender;
  readonly #maintenance: Maintenance;
  readonly #onFault: (what: string, error?: unknown) => void;
  #retentionOf: (room: string) => Retention;
  #fingerprint: string;
  #closed = false;

  /** @throws StoreError if the folder or the file is unusable */
  constructor(readonly options: SqliteOptions) {
    const {
      dir,
      durability,
      size = Infinity,
      retentionOf,
      memoryBudget = new MemoryBudget(),
      onRelease,
    } = options;
    this.#retentionOf = retentionOf;
    this.#onFault = options.onFault ?? (() => {});
    this.#folder = openFolder(dir);
    this.path = this.#folder.path;
    const reader = new Reader(this.#folder.db);
    const { meta, keys, greatestId } = this.#readMeta(reader);
    this.epoch = meta.epoch;
    this.#fingerprint = meta.kinds;
    this.#sequence = new Sequence(meta.reserved - 1);
    this.#memoryLog = new MemoryLog(
      (room) => this.#retentionOf(room),
      memoryBudget,
      onRelease,
      this.epoch,
      this.#sequence,
    );
    const cache = new MemoryBudget(memoryBudget.limit * CACHE_SHARE);
    this.#rooms = new StoredRooms(
      reader,
      (room) => this.#retentionOf(room),
      meta.forgotten,
      greatestId,
      cache,
    );
    const fault = (what: string, error?: unknown) => this.#onFault(what, error);
    this.#appender = new Appender(
      () => this.groupCommit,
      this.#rooms,
      this.#memoryLog,
      this.#sequence,
      fault,
    );
    for (const [seq, row, prev, time] of keys) {
      const [key = "", hash] = row.split("\n");
      this.#appender.keys.set(key, { seq, prev, time, hash });
    }
    this.#writerThread = new WriterThread(this.path, durability, size);
    this.groupCommit = new GroupCommit(
      this.#writerThread,
      this.path,
      this.#sequence,
      new NumberAllocation(this.#sequence, meta.reserved),
      this.#rooms,
      this.#appender,
    );
    this.#maintenance = new Maintenance(this.groupCommit, this.#rooms, this.#appender, fault);
    this.#applyRules();
    // Reserves numbers. Publications wait until numbers are reserved.
    this.groupCommit.flushChanges();
  }

  get last(): number {
    return this.#sequence.last;
  }

  get fault(): string | undefined {
    return this.#closed ? "the log is closed" : this.groupCommit.fault?.message;
  }

  append(draft: Draft): Publication | Promise<Publication> {
    if (this.#closed) return Promise.reject(closedError());
    try {
      return this.#appender.append(draft, this.#retentionOf(draft.room));
    } catch (error) {
      return Promise.reject(this.#unreadable(error));
    }
  }

  read(room: string, after: number, limit: number): Slice | Promise<Slice> {
    if (!isKept(this.#retentionOf(room))) return this.#memoryLog.read(room, after, limit);
    return this.#readStored(room, after, (known) => known.read(after, limit));
  }

  history(room: string, at: number): RoomHistory | undefined {
    return isKept(this.#retentionOf(room)) ? undefined : this.#memoryLog.history(room, at);
  }

  newest(room: string, count: number): Slice | Promise<Slice> {
    if (!isKept(this.#retentionOf(room))) return this.#memoryLog.newest(room, count);
    return this.#readStored(room, this.last, (known) => known.newest(count));
  }

  subscribe(room: string, onPublication: PublicationListener): void {
    this.#appender.subscribers.set(room, onPublication);
    this.#memoryLog.subscribe(room, onPublication);
  }

  unsubscribe(room: string): void {
    this.#appender.subscribers.delete(room);
    this.#memoryLog.unsubscribe(room);
  }

  replaceRetention(retentionOf: (room: string) => Retention): void {
    this.#retentionOf = retentionOf;
    this.#memoryLog.replaceRetention(retentionOf);
    this.#applyRules(this.options.fingerprint === undefined);
    const at = now();
    for (const room of this.#rooms.loaded) room.setRetention(retentionOf(room.name), at);
    this.#maintenance.restartWalk();
    this.groupCommit.flushChanges();
  }

  forget(room: string): void | Promise<void> {
    this.#memoryLog.forget(room);
    if (!isKept(this.#retentionOf(room))) return;
    try {
      const known = this.#rooms.known(room);
      if (!known) return;
      known.forget();
    } catch (error) {
      return Promise.reject(this.#unreadable(error));
    }
    // The deletion must survive a restart.
    return this.groupCommit.flush();
  }

  /**
   * A room is stored either in the file or in memory, depending on its rule. When a rule change moves a room, its
   * messages are dropped from the previous storage.
   */
  *rooms(): Iterable<string> {
    yield* this.#rooms.names();
    yield* this.#memoryLog.rooms();
  }

  /** The number of stored rooms that are loaded into memory. */
  get loaded(): number {
    return this.#rooms.size;
  }

  usageOf(room: string): RoomUsage | undefined {
    if (!isKept(this.#retentionOf(room))) return this.#memoryLog.usageOf(room);
    const known = this.#rooms.peek(room);
    return known && { count: known.count, bytes: known.bytes, newest: known.history.newestTime };
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    this.#maintenance.stop();
    await this.groupCommit.finish();
    await this.#memoryLog.close();
    this.#folder.db.close(true);
    await this.#writerThread.close();
    this.#folder.release();
  }

  /**
   * Reads the contents of the file, except rooms.
   * @throws StoreError
   */
  #readMeta(reader: Reader) {
    try {
      return { meta: reader.meta(), keys: reader.keys(), greatestId: reader.greatestId() };
    } catch (error) {
      this.#folder.db.close(true);
      this.#folder.release();
      throw storeError(error, this.path);
    }
  }

  /** Applies rules that change where rooms are stored. Drops the messages of moved rooms from the previous storage. */
  #applyRules(always = false): void {
    const kinds = this.options.fingerprint?.() ?? "";
    if (kinds === this.#fingerprint && !always) return;
    this.#fingerprint = kinds;
    this.groupCommit.meta.kinds = kinds;
    this.#maintenance.dropUnstored(this.last);
    this.#memoryLog.forgetAbsent();
    for (const room of this.#memoryLog.rooms())
      if (isKept(this.#retentionOf(room))) this.#memoryLog.forget(room);
  }

  #readStored(room: string, after: number, read: (known: StoredRoom) => Slice): Slice | Promise<Slice> {
    try {
      const known = this.#rooms.known(room);
      if (!known) {
        const from = Math.max(after, this.#rooms.forgotten);
        return { from, upTo: Math.max(from, this.last), publications: [] };
      }
      known.trim(now());
      const slice = read(known);
      // A slice that contains the room's newest publication reaches the log's newest seq, because all later seqs belong
      // to other rooms.
      if (slice.upTo >= known.last) slice.upTo = Math.max(slice.upTo, this.last);
      this.#appender.evict();
      return slice;
    } catch (error) {
      return Promise.reject(this.#unreadable(error));
    }
  }

  #unreadable(error: unknown): ThumpError {
    const { what } = storeError(error, this.path);
    this.#onFault("the file cannot be read", error);
    return new ThumpError("unavailable", `The stored messages of this room cannot be read: ${what}.`);
  }
}
