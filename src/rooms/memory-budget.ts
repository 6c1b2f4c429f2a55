// The memory budget that all room histories of a log share. Counts used memory, and evicts the oldest messages when the
// budget is exceeded. Pure.
import { TickSlice } from "../scheduling/tick-slice.ts";

/** An eviction frees this additional share of the limit, so that not every publication triggers an eviction. */
const HYSTERESIS = 0.05;
/**
 * The maximum number of rooms visited per eviction. Visiting this number of rooms frees more memory than any single
 * publication needs.
 */
const ROOMS_PER_EVICTION = 1000;
/**
 * The memory used by a room with stored messages, not counting the messages, in bytes. Rounded from a measured 530
 * bytes.
 */
const ROOM_OVERHEAD_BYTES = 512;

/** Returns the memory used by a room, not counting its publications, in bytes: objects, table entries and name. */
export function roomBytes(name: string): number {
  return ROOM_OVERHEAD_BYTES + 2 * name.length;
}

/** A room whose messages can be evicted. */
export interface EvictionCandidate {
  readonly history: {
    /** The number of stored publications. */
    readonly count: number;
    /** Drops the oldest publications to free about this number of bytes. */
    release(bytes: number): void;
  };
}

export class MemoryBudget {
  /** The memory used by all stored publications, as counted by the histories, in bytes. */
  bytes = 0;
  /** The memory used by rooms that have stored messages but no sessions, not counting the messages, in bytes. */
  roomBytes = 0;
  /** The number of publications evicted because the limit was exceeded. */
  evicted = 0;
  /** The number of rooms removed because the limit was exceeded. */
  evictedRooms = 0;

  /** @param limit in bytes; may change at run time */
  constructor(public limit: number = Number.POSITIVE_INFINITY) {}

  /** The memory that counts against the limit, in bytes. */
  get taken(): number {
    return this.bytes + this.roomBytes;
  }

  get isOver(): boolean {
    return this.taken > this.limit;
  }

  /**
   * Evicts the oldest publications of rooms until memory use is below the limit or `ROOMS_PER_EVICTION` rooms have been
   * visited.
   * @param rooms rooms with stored messages, in eviction order
   * @param onChange called for each room that has lost messages; may remove the room
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
