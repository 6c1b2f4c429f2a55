// The memory that all room histories of a log share: counts it, and evicts the oldest messages when it is exceeded.
// Pure.
import { TickSlice } from "../scheduling/tick-slice.ts";

/** An eviction frees this share of the limit in addition, so that not every publication causes one. */
const HYSTERESIS = 0.05;
/** Maximum number of rooms per eviction. They free more than any publication needs. */
const ROOMS_PER_EVICTION = 1000;
/** Memory of a room with stored messages, without the messages, in bytes. A round figure (530 measured). */
const ROOM_OVERHEAD_BYTES = 512;

/** Memory of a room without its publications, in bytes: its objects, table entries and name. */
export function roomBytes(name: string): number {
  return ROOM_OVERHEAD_BYTES + 2 * name.length;
}

/** A room whose messages can be evicted. */
export interface EvictionCandidate {
  readonly history: {
    /** The number of stored publications. */
    readonly count: number;
    /** Drops the oldest publications, about this many bytes of them. */
    release(bytes: number): void;
  };
}

export class MemoryBudget {
  /** Memory of all stored publications, in bytes, as the histories count it. */
  bytes = 0;
  /** Memory of rooms that have stored messages and no sessions, in bytes, without the messages. */
  roomBytes = 0;
  /** Publications evicted because the limit was exceeded. */
  evicted = 0;
  /** Rooms removed because the limit was exceeded. */
  evictedRooms = 0;

  /** @param limit in bytes; may change at run time */
  constructor(public limit: number = Number.POSITIVE_INFINITY) {}

  /** Memory that counts against the limit, in bytes. */
  get taken(): number {
    return this.bytes + this.roomBytes;
  }

  get isOver(): boolean {
    return this.taken > this.limit;
  }

  /**
   * Evicts the oldest publications of rooms until the memory is below the limit, or `ROOMS_PER_EVICTION` rooms were
   * visited.
   * @param rooms rooms with stored messages, the first to evict first
   * @param onChange called for each room that lost messages; may remove the room
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
