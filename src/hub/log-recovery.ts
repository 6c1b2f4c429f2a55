// Rooms of a log that may be elsewhere: where its publications begin, what was missed of them, what was lost.
import { now } from "../log/clock.ts";
import type { Cursor } from "../protocol/cursor.ts";
import { formatCursor } from "../protocol/cursor.ts";
import type { Slice } from "../protocol/publication.ts";
import { Rounds } from "../scheduling/tick-slice.ts";
import type { CatchUp } from "./catch-up.ts";
import type { Hub } from "./hub.ts";
import { endMerge } from "./merge.ts";
import type { Room } from "./room.ts";

/** The most rooms that are looked at each time when all tails together take too much. */
const ROOMS_PER_EVICTION = 2000;

export class LogRecovery {
  readonly #rounds = new Rounds<Room>(() => this.hub.rooms.values());

  constructor(
    readonly hub: Hub,
    readonly catchUp: CatchUp,
  ) {}

  /**
   * From here on a room's publications are given. Who was live before reads what may have been missed, from where
   * it is: it is told of a gap where that is gone.
   */
  subscribe(room: Room, after: number): void {
    const { last } = room.history;
    const live = [...room.members].filter(({ live }) => live);
    for (const { session } of live) this.hub.fanOut.pauseLive(session, this.hub.position);
    // Those who are behind may have to read what they took for empty.
    for (const { session } of room.members) endMerge(session);
    room.start(after);
    for (const membership of live) membership.position = last;
    for (const { session } of live) this.catchUp.resume(session);
    // Those who sample wait for nothing, but are to see the newest.
    if (last > 0 && [...room.members].some(({ max }) => max !== undefined)) this.#findGap(room, last);
  }

  #findGap(room: Room, after: number): void {
    Promise.try(() => this.hub.read(room.name, after, Number.MAX_SAFE_INTEGER)).catch(() => {
      // What comes next is newer.
    });
  }

  /** The log lost what it kept, and began anew: nobody knows what was lost, so everybody is told. */
  onEpochChange(before: Cursor): void {
    const at = this.hub.at;
    this.hub.fanOut.batchers.flushAll();
    for (const room of this.hub.rooms.values()) room.forget(this.hub.log.last);
    for (const session of this.hub.sessions.values()) {
      endMerge(session);
      for (const membership of session.memberships.values()) {
        const seq = membership.live ? before.seq : membership.position;
        this.catchUp.backlog.drop(membership);
        membership.position = this.hub.log.last;
        if (membership.room.starting) continue;
        this.hub.stats.gaps++;
        session.gap({ room: membership.room.name, after: formatCursor(before.epoch, seq), at });
      }
    }
  }

  /** What is read from a log elsewhere is found in the room's tail by whoever comes next. */
  keep(name: string, slice: Slice | Promise<Slice>): Slice | Promise<Slice> {
    if (slice instanceof Promise)
      void slice.then(
        (read) => this.#extend(name, read),
        () => {},
      );
    return slice;
  }

  #extend(name: string, slice: Slice): void {
    const room = this.hub.rooms.get(name);
    if (!room || room.starting) return;
    room.history.extend(slice, now());
    this.evict();
    const newest = slice.publications.at(-1);
    if (!newest || newest.seq <= (room.newest?.seq ?? 0)) return;
    room.newest = newest;
    room.samples?.mark();
  }

  /** All tails together take too much: rooms give in turn. What they had is read from the log. */
  evict(): void {
    if (this.hub.memoryBudget?.isOver) this.hub.memoryBudget.evict(this.#givers(), () => {});
  }

  /** Rooms with something in their tails, from where it was left off. */
  *#givers(): Iterable<Room> {
    for (const room of this.#rounds.next(ROOMS_PER_EVICTION)) if (room.history.count > 0) yield room;
  }
}
