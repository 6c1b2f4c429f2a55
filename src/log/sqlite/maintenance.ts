// What a durable log does by itself: lets go of what is too old, forgets rooms, and follows other rules.
import { now } from "../clock.ts";
import { isKept } from "../../rooms/rule.ts";
import { TickSlice } from "../../scheduling/tick-slice.ts";
import type { Appender } from "./appender.ts";
import type { GroupCommit } from "./group-commit.ts";
import type { StoredRoom } from "./stored-room.ts";
import type { StoredRooms } from "./stored-rooms.ts";

/** How often, in ms; and sooner while there is more to do. */
const INTERVAL_MS = 1000;
const BUSY_INTERVAL_MS = 50;
/** So many rooms are looked at in one go, as far as there is time. */
const ROOMS_PER_PASS = 200;
/** Of so many is seen, without reading any, whether they may leave the memory. */
const EVICTION_CHECKS_PER_PASS = 1000;

export class Maintenance {
  /** After which room the walk over all of them goes on; undefined when it is through. */
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

  /** Other rules hold: all rooms are to be looked at, a few at a time. */
  restartWalk(): void {
    this.#walk = 0;
  }

  /**
   * Rooms that the file has are no longer to be kept there, at once: what their rules put elsewhere meanwhile must not
   * come to look as if it had never been.
   */
  leaveOthers(last: number): void {
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
      more = this.#step() || more;
      more = this.#keys(now()) || more;
      this.appender.evict(EVICTION_CHECKS_PER_PASS);
    } catch (error) {
      this.onFault("the file cannot be read", error);
    }
    this.groupCommit.flushChanges();
    this.#schedule(more ? BUSY_INTERVAL_MS : INTERVAL_MS);
  }

  /** True when there may be more. */
  #expire(at: number): boolean {
    const names = this.rooms.reader.expired(at, ROOMS_PER_PASS);
    const slice = new TickSlice(ROOMS_PER_PASS);
    for (const name of names) {
      if (!slice.take()) return true;
      const room = this.rooms.known(name);
      if (!room) continue;
      const wasEmpty = room.count === 0;
      room.trim(at);
      // Empty for a while, and nobody is there: there is nothing more to be known.
      if (wasEmpty && room.count === 0 && !this.appender.isBusy(room)) this.#drop(room);
      else this.rooms.changed.add(room);
    }
    return names.length === ROOMS_PER_PASS && this.groupCommit.fault === undefined;
  }

  #drop(room: StoredRoom): void {
    const { rooms, groupCommit } = this;
    rooms.leave(room);
    groupCommit.meta.forgotten = rooms.forgotten;
    groupCommit.drops.add(room);
  }

  /** Looks at some rooms that nobody may have asked for since their rule changed. True when there are more. */
  #step(): boolean {
    if (this.#walk === undefined) return false;
    const slice = new TickSlice(ROOMS_PER_PASS);
    for (const { id, name } of this.rooms.reader.roomsAfter(this.#walk, ROOMS_PER_PASS)) {
      if (!slice.take()) return true;
      this.rooms.known(name)?.trim(now());
      this.#walk = id;
      // Read for this alone.
      this.appender.evict();
    }
    if (slice.done < ROOMS_PER_PASS) this.#walk = undefined;
    return this.#walk !== undefined;
  }

  /** True when there may be more that are too old. */
  #keys(at: number): boolean {
    const { keys, sequence } = this.appender;
    const more = keys.trim(at);
    const upTo = keys.oldest ? keys.oldest.seq - 1 : sequence.last;
    if (upTo <= this.#keysUpTo) return more;
    // Only where there may be some.
    if (this.#keysUpTo > 0 || keys.size > 0) this.groupCommit.keysUpTo = upTo;
    this.#keysUpTo = upTo;
    return more;
  }
}
