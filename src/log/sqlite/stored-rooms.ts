// The rooms that are kept in the file: those of which something is in memory, read from it when they are wanted.
import { MemoryBudget, roomBytes } from "../../rooms/memory-budget.ts";
import type { Retention } from "../../rooms/rule.ts";
import { TickSlice } from "../../scheduling/tick-slice.ts";
import { LruList } from "../../rooms/lru-list.ts";
import type { RoomRow } from "./batch.ts";
import type { Reader } from "./reader.ts";
import { StoredRoom } from "./stored-room.ts";

/** So many rooms that nobody is in stay in memory. */
const MAX_IDLE_ROOMS = 10_000;
/** When there is too much in memory, this part of what there may be is left. */
const EVICTION_TARGET = 0.9;
/** Rooms that are listed in one step. */
const ROOMS_PER_STEP = 500;

export class StoredRooms {
  readonly #rooms = new Map<string, StoredRoom>();
  readonly #lru = new LruList<StoredRoom>();
  /** Those whose row in the file is not what is known here. */
  readonly changed = new Set<StoredRoom>();
  /** Names whose rows are in the file still, and are not to be read any more. */
  readonly #leaving = new Set<string>();
  #nextId: number;

  /**
   * @param forgotten the newest seq of any room of which nothing is known any more
   * @param greatestId no room ever had a greater one
   * @param memoryBudget what all of them and their tails may take: more of it is in the file
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

  /** A room, if anything is known of it. @throws StoreError or SQLiteError when it cannot be read */
  known(name: string): StoredRoom | undefined {
    let room = this.#rooms.get(name);
    if (!room) {
      if (this.#leaving.has(name)) return undefined;
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

  /** A room that something is to be kept of. What it may have had before is gone. */
  make(name: string): StoredRoom {
    const known = this.known(name);
    if (known) return known;
    const { forgotten } = this;
    const row = { name, last: forgotten, floor: forgotten, count: 0, bytes: 0, oldest: 0, expires: 0 };
    const room = this.#add({ id: this.#nextId++, ...row });
    this.#lru.touch(room);
    return room;
  }

  /** A room, if anything of it is in memory. */
  peek(name: string): StoredRoom | undefined {
    return this.#rooms.get(name);
  }

  get loaded(): Iterable<StoredRoom> {
    return this.#rooms.values();
  }

  /** How many rooms are in memory. */
  get size(): number {
    return this.#rooms.size;
  }

  /** The names of those of which something is kept: by their ids, a page at a time, so that others go on meanwhile. */
  *names(): Iterable<string> {
    let last = 0;
    for (
      let page = this.reader.roomsAfter(last, ROOMS_PER_STEP);
      page.length > 0;
      page = this.reader.roomsAfter(last, ROOMS_PER_STEP)
    ) {
      for (const { id, name, count } of page) {
        last = id;
        if ((this.#rooms.get(name)?.count ?? (this.#leaving.has(name) ? 0 : count)) > 0) yield name;
      }
    }
    // Those that are not in the file yet have greater ids.
    for (const { id, name, count } of this.#rooms.values()) if (id > last && count > 0) yield name;
  }

  /** Nothing is to be known of a room any more; the file is about to be told. */
  leave(room: StoredRoom): void {
    room.forget();
    room.left = true;
    this.#leaving.add(room.name);
    this.#remove(room);
    this.changed.delete(room);
    this.forgotten = Math.max(this.forgotten, room.last);
  }

  /** The file knows nothing of it any more either. */
  left(room: StoredRoom): void {
    this.#leaving.delete(room.name);
  }

  get #isOver(): boolean {
    return this.memoryBudget.isOver || this.#rooms.size > MAX_IDLE_ROOMS;
  }

  /**
   * What is in the file too gives way: rooms as a whole, those that were used longest ago first.
   * @param isBusy somebody is in it, or something of it is on its way there
   * @param most the most rooms that are looked at
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
        // It is in use: others are looked at first the next time.
        this.#lru.touch(room);
        continue;
      }
      room.history.forget();
      this.#remove(room);
    }
  }
}
