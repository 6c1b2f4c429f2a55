// Background maintenance of the data file: trims old messages, drops empty rooms, and applies changed rules.
import { now } from "../clock.ts";
import { isKept } from "../../rooms/rule.ts";
import { TickSlice } from "../../scheduling/tick-slice.ts";
import type { Appender } from "./appender.ts";
import type { GroupCommit } from "./group-commit.ts";
import type { StoredRoom } from "./stored-room.ts";
import type { StoredRooms } from "./stored-rooms.ts";

/** The interval between passes, in ms. `BUSY_INTERVAL_MS` applies while there is more to do. */
const INTERVAL_MS = 1000;
const BUSY_INTERVAL_MS = 50;
/** The maximum number of rooms per pass. A pass may end earlier when its time is up. */
const ROOMS_PER_PASS = 200;
/** The maximum number of rooms to check for eviction per pass. A check does not read the file. */
const EVICTION_CHECKS_PER_PASS = 1000;

export class Maintenance {
  /** The room id after which the walk over all rooms continues; undefined when the walk is complete. */
  #walk: number | undefined = 0;
  #keysUpTo = 0;
  #timer: Timer | undefined;

  constructor(
    readonly groupCommit: GroupCommit,
    readonly rooms: StoredRooms,
    readonly appender: Appender,
    readonly onFault: (what: string, error?: unknown) => void,
  ) {
    this.#schedule(INTERVAL_MS);
  }

  stop(): void {
    clearTimeout(this.#timer);
  }

  /** Starts a new walk over all rooms. Called when the rules have changed. */
  restartWalk(): void {
    this.#walk = 0;
  }

  /**
   * Immediately drops all rooms that the rules no longer store in the file. If later rules move such a room back to the
   * file, the messages that it received until then must appear as a gap.
   * @param last the newest seq
   */
  dropUnstored(last: number): void {
    const { rooms, groupCommit } = this;
    rooms.forgotten = Math.max(rooms.forgotten, last);
    groupCommit.meta.forgotten = rooms.forgotten;
    const names = new Set([...rooms.loaded].map(({ name }) => name));
    for (const { name } of rooms.reader.roomsAfter(0, -1)) names.add(name);
    for (const name of names) {
      if (isKept(rooms.retentionOf(name))) continue;
      const room = rooms.known(name);
      if (room) this.#drop(room);
    }
  }

  #schedule(ms: number): void {
    this.#timer = setTimeout(() => this.#run(), ms);
    this.#timer.unref();
  }

  #run(): void {
    let more = false;
    try {
      more = this.#expire(now());
      more = this.#walkSome() || more;
      more = this.#trimKeys(now()) || more;
      this.appender.evict(EVICTION_CHECKS_PER_PASS);
    } catch (error) {
      this.onFault("the file cannot be read", error);
    }
    this.groupCommit.flushChanges();
    this.#schedule(more ? BUSY_INTERVAL_MS : INTERVAL_MS);
  }

  /** Trims rooms with expired messages. Returns true if there may be more such rooms. */
  #expire(at: number): boolean {
    const names = this.rooms.reader.expired(at, ROOMS_PER_PASS);
    const slice = new TickSlice(ROOMS_PER_PASS);
    for (const name of names) {
      if (!slice.take()) return true;
      const room = this.rooms.known(name);
      if (!room) continue;
      const wasEmpty = room.count === 0;
      room.trim(at);
      // The room has been empty for a while and is not in use, so it can be dropped.
      if (wasEmpty && room.count === 0 && !this.appender.isBusy(room)) this.#drop(room);
      else this.rooms.changed.add(room);
    }
    return names.length === ROOMS_PER_PASS && this.groupCommit.fault === undefined;
  }

  #drop(room: StoredRoom): void {
    const { rooms, groupCommit } = this;
    rooms.drop(room);
    groupCommit.meta.forgotten = rooms.forgotten;
    groupCommit.drops.add(room);
  }

  /** Trims some rooms whose rule may have changed. Returns true if rooms remain. */
  #walkSome(): boolean {
    if (this.#walk === undefined) return false;
    const slice = new TickSlice(ROOMS_PER_PASS);
    for (const { id, name } of this.rooms.reader.roomsAfter(this.#walk, ROOMS_PER_PASS)) {
      if (!slice.take()) return true;
      this.rooms.known(name)?.trim(now());
      this.#walk = id;
      // The room may have been loaded only for this walk.
      this.appender.evict();
    }
    if (slice.done < ROOMS_PER_PASS) this.#walk = undefined;
    return this.#walk !== undefined;
  }

  /** Removes expired idempotency keys. Returns true if there may be more expired keys. */
  #trimKeys(at: number): boolean {
    const { keys, sequence } = this.appender;
    const more = keys.trim(at);
    const upTo = keys.oldest ? keys.oldest.seq - 1 : sequence.last;
    if (upTo <= this.#keysUpTo) return more;
    // If there are no keys, the first pass does not need to write.
    if (this.#keysUpTo > 0 || keys.size > 0) this.groupCommit.keysUpTo = upTo;
    this.#keysUpTo = upTo;
    return more;
  }
}
