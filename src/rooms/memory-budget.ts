// What all tails of a log may take together, with the rooms themselves. Pure: it counts, and says which rooms are to let
// go of something.
import { TickSlice } from "../scheduling/tick-slice.ts";

/** So much of the limit is free after something was let go of: it is not to be looked for at every publication. */
const HYSTERESIS = 0.05;
/** The most rooms that let go of something at a time: they free more than any publication takes. */
const ROOMS_PER_EVICTION = 1000;
/** What a room of which something is kept costs beside its publications, in bytes. A round, safe figure (measured: 530). */
const ROOM_OVERHEAD_BYTES = 512;

/** The memory that a room takes beside its publications, in bytes: its objects, its places in tables, its name. */
export function roomBytes(name: string): number {
  return ROOM_OVERHEAD_BYTES + 2 * name.length;
}

/** A room as it is weighed against the others. */
export interface EvictionCandidate {
  readonly history: {
    /** The number of stored publications. */
    readonly count: number;
    /** Drops the oldest publications, about this many bytes of them. */
    release(bytes: number): void;
  };
}

export class MemoryBudget {
  /** What the kept publications take now, in bytes, as tails count them. */
  bytes = 0;
  /** What the rooms themselves take that nobody is in and of which something is kept, in bytes. */
  roomBytes = 0;
  /** Publications that were let go of because all of them together took too much. */
  evicted = 0;
  /** Rooms that were forgotten with them. */
  evictedRooms = 0;

  /** @param limit in bytes; it may be replaced while the server runs */
  constructor(public limit: number = Number.POSITIVE_INFINITY) {}

  /** What counts against the limit. */
  get taken(): number {
    return this.bytes + this.roomBytes;
  }

  get isOver(): boolean {
    return this.taken > this.limit;
  }

  /**
   * Lets go of the oldest publications of the rooms that are used least, until it fits again or many rooms have given.
   * @param rooms those that are to give first, first; each has something kept
   * @param onChange told of each room that has lost something; it may take it out
   */
  evict<T extends EvictionCandidate>(rooms: Iterable<T>, onChange: (room: T) => void): void {
    const target = this.limit * (1 - HYSTERESIS);
    const slice = new TickSlice(ROOMS_PER_EVICTION, () => 0);
    for (const room of rooms) {
      if (this.taken <= target || !slice.take()) return;
      const before = room.history.count;
      room.history.release(this.taken - target);
      const released = before - room.history.count;
      this.evicted += released;
      if (released > 0) onChange(room);
    }
  }
}
