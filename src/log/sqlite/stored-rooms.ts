// The rooms that are kept in the file: those of which something is in memory, read from it when they are wanted.
import { Memory } from "../../rooms/memory.ts";
import type { Bounds } from "../../rooms/rule.ts";
import { UseOrder } from "../../rooms/use-order.ts";
import type { RoomRow } from "./batch.ts";
import type { Reader } from "./reader.ts";
import { StoredRoom } from "./stored-room.ts";

/** So many rooms that nobody is in stay in memory. */
const IDLE_ROOMS = 10_000;

export class StoredRooms {
  readonly #rooms = new Map<string, StoredRoom>();
  readonly #order = new UseOrder<StoredRoom>();
  /** Those whose row in the file is not what is known here. */
  readonly changed = new Set<StoredRoom>();
  /** Names whose rows are in the file still, and are not to be read any more. */
  readonly #leaving = new Set<string>();
  #nextId: number;

  /**
   * @param forgotten the newest seq of any room of which nothing is known any more
   * @param greatestId no room ever had a greater one
   * @param memory what the tails of all of them may take: more of it is in the file
   */
  constructor(
    readonly reader: Reader,
    public boundsOf: (room: string) => Bounds,
    public forgotten: number,
    greatestId: number,
    readonly memory = new Memory(),
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
    this.#order.use(room);
    return room;
  }

  #add(row: RoomRow): StoredRoom {
    const room = new StoredRoom(row, this.boundsOf(row.name), this.memory, this.reader, this.changed);
    this.#rooms.set(row.name, room);
    return room;
  }

  /** A room that something is to be kept of. What it may have had before is gone. */
  make(name: string): StoredRoom {
    const known = this.known(name);
    if (known) return known;
    const { forgotten } = this;
    const row = { name, last: forgotten, floor: forgotten, count: 0, bytes: 0, oldest: 0, expires: 0 };
    const room = this.#add({ id: this.#nextId++, ...row });
    this.#order.use(room);
    return room;
  }

  /** A room, if anything of it is in memory. */
  peek(name: string): StoredRoom | undefined {
    return this.#rooms.get(name);
  }

  get loaded(): Iterable<StoredRoom> {
    return this.#rooms.values();
  }

  /** The names of those of which something is kept. */
  *names(): Iterable<string> {
    for (const name of this.reader.names())
      if (!this.#rooms.has(name) && !this.#leaving.has(name)) yield name;
    for (const [name, { count }] of this.#rooms) if (count > 0) yield name;
  }

  /** Nothing is to be known of a room any more; the file is about to be told. */
  leave(room: StoredRoom): void {
    room.forget();
    room.left = true;
    this.#leaving.add(room.name);
    this.#rooms.delete(room.name);
    this.#order.remove(room);
    this.changed.delete(room);
    this.forgotten = Math.max(this.forgotten, room.last);
  }

  /** The file knows nothing of it any more either. */
  left(room: StoredRoom): void {
    this.#leaving.delete(room.name);
  }

  /** What is in the file too gives way. @param isBusy somebody is in it, or something of it is on its way there */
  relieve(isBusy: (room: StoredRoom) => boolean): void {
    if (this.memory.isOver) {
      for (const room of this.#order) {
        if (room.unkept === 0) room.evict(this.memory.bytes - this.memory.limit * 0.9);
        if (!this.memory.isOver) break;
      }
    }
    if (this.#rooms.size <= IDLE_ROOMS) return;
    for (const room of this.#order) {
      if (this.#rooms.size <= IDLE_ROOMS * 0.9) break;
      if (room.unkept > 0 || this.changed.has(room) || isBusy(room)) continue;
      room.tail.forget();
      this.#rooms.delete(room.name);
      this.#order.remove(room);
    }
  }
}
