// The rooms that are stored in the file. Rooms in use are in memory; others are loaded on demand.
import { MemoryBudget, roomBytes } from "../../rooms/memory-budget.ts";
import type { Retention } from "../../rooms/rule.ts";
import { TickSlice } from "../../scheduling/tick-slice.ts";
import { LruList } from "../../rooms/lru-list.ts";
import type { RoomRow } from "./batch.ts";
import type { Reader } from "./reader.ts";
import { StoredRoom } from "./stored-room.ts";

/** The maximum number of rooms without sessions that are kept in memory. */
const MAX_IDLE_ROOMS = 10_000;
/** Eviction continues until memory use has fallen to this share of the limit. */
const EVICTION_TARGET = 0.9;
/** The number of rooms to list per read. */
const ROOMS_PER_STEP = 500;

export class StoredRooms {
  readonly #rooms = new Map<string, StoredRoom>();
  readonly #lru = new LruList<StoredRoom>();
  /** Rooms whose row in the file is out of date. */
  readonly changed = new Set<StoredRoom>();
  /** The names of dropped rooms whose rows are still in the file and must not be read. */
  readonly #dropping = new Set<string>();
  #nextId: number;

  /**
   * @param forgotten the newest seq of any room that has been dropped completely
   * @param greatestId the greatest room id ever used
   * @param memoryBudget the budget for loaded rooms and their messages; everything else is only in the file
   */
  constructor(
    readonly reader: Reader,
    public retentionOf: (room: string) => Retention,
    public forgotten: number,
    greatestId: number,
    readonly memoryBudget = new MemoryBudget(),
  ) {
    this.#nextId = greatestId + 1;
  }

  /**
   * Returns a room if it is in memory or in the file.
   * @throws StoreError or SQLiteError if it cannot be read
   */
  known(name: string): StoredRoom | undefined {
    let room = this.#rooms.get(name);
    if (!room) {
      if (this.#dropping.has(name)) return undefined;
      const row = this.reader.room(name);
      if (!row) return undefined;
      room = this.#add(row);
    }
    this.#lru.touch(room);
    return room;
  }

  #add(row: RoomRow): StoredRoom {
    const room = new StoredRoom(
      row,
      this.retentionOf(row.name),
      this.memoryBudget,
      this.reader,
      this.changed,
    );
    this.#rooms.set(row.name, room);
    this.memoryBudget.roomBytes += roomBytes(row.name);
    return room;
  }

  #remove(room: StoredRoom): void {
    this.#rooms.delete(room.name);
    this.#lru.remove(room);
    this.memoryBudget.roomBytes -= roomBytes(room.name);
  }

  /**
   * Returns the room for a publication. A new room starts after every seq that a dropped room of the same name may have
   * used.
   */
  findOrCreate(name: string): StoredRoom {
    const known = this.known(name);
    if (known) return known;
    const { forgotten } = this;
    const row = { name, last: forgotten, floor: forgotten, count: 0, bytes: 0, oldest: 0, expires: 0 };
    const room = this.#add({ id: this.#nextId++, ...row });
    this.#lru.touch(room);
    return room;
  }

  /** Returns a room if it is in memory. */
  peek(name: string): StoredRoom | undefined {
    return this.#rooms.get(name);
  }

  get loaded(): Iterable<StoredRoom> {
    return this.#rooms.values();
  }

  /** The number of rooms in memory. */
  get size(): number {
    return this.#rooms.size;
  }

  /** Returns the names of rooms with stored messages, in order of their ids. Reads a page at a time. */
  *names(): Iterable<string> {
    let last = 0;
    for (
      let page = this.reader.roomsAfter(last, ROOMS_PER_STEP);
      page.length > 0;
      page = this.reader.roomsAfter(last, ROOMS_PER_STEP)
    ) {
      for (const { id, name, count } of page) {
        last = id;
        if ((this.#rooms.get(name)?.count ?? (this.#dropping.has(name) ? 0 : count)) > 0) yield name;
      }
    }
    // Rooms that are not yet in the file have greater ids.
    for (const { id, name, count } of this.#rooms.values()) if (id > last && count > 0) yield name;
  }

  /** Drops a room. The caller deletes the room from the file. */
  drop(room: StoredRoom): void {
    room.forget();
    room.isDropped = true;
    this.#dropping.add(room.name);
    this.#remove(room);
    this.changed.delete(room);
    this.forgotten = Math.max(this.forgotten, room.last);
  }

  /** Records that a dropped room has been deleted from the file. */
  onDropped(room: StoredRoom): void {
    this.#dropping.delete(room.name);
  }

  get #isOver(): boolean {
    return this.memoryBudget.isOver || this.#rooms.size > MAX_IDLE_ROOMS;
  }

  /**
   * Evicts rooms that are also in the file, least recently used first.
   * @param isBusy returns true for rooms with a subscriber or pending publications
   * @param most the maximum number of rooms to check
   */
  evict(isBusy: (room: StoredRoom) => boolean, most: number): void {
    if (!this.#isOver) return;
    const target = this.memoryBudget.limit * EVICTION_TARGET;
    const slice = new TickSlice(most, () => 0);
    for (const room of this.#lru) {
      if (
        (this.memoryBudget.taken <= target && this.#rooms.size <= MAX_IDLE_ROOMS * EVICTION_TARGET) ||
        !slice.take()
      )
        return;
      if (room.unstored === 0) room.evict(this.memoryBudget.taken - target);
      if (room.unstored > 0 || this.changed.has(room) || isBusy(room)) {
        // The room is in use. Check other rooms first next time.
        this.#lru.touch(room);
        continue;
      }
      room.history.forget();
      this.#remove(room);
    }
  }
}
