// What all tails of a log may take together. Pure: it counts, and says which rooms are to let go of something.
import type { Tail } from "./tail.ts";

/** So much of the limit is free after something was let go of: it is not to be looked for at every publication. */
const SLACK = 0.05;

/** A room as it is weighed against the others. */
export interface Candidate {
  readonly tail: Tail;
  /** Somebody is in it. */
  readonly inUse: boolean;
}

export class Memory {
  /** What is kept now, in bytes, as tails count them. */
  bytes = 0;
  /** Publications that were let go of because all of them together took too much. */
  evicted = 0;

  /** @param limit in bytes; it may be replaced while the server runs */
  constructor(public limit: number = Number.POSITIVE_INFINITY) {}

  get isOver(): boolean {
    return this.bytes > this.limit;
  }

  /**
   * Lets go of the oldest publications of the rooms that are used least, until it fits again: rooms that nobody is in
   * first, of those the ones in which nothing has happened for the longest.
   * @param rooms by when something was last published to them, or read from them: those of long ago first.
   *   It is gone through twice
   * @param onChange told of each room that has lost something; it may take it out
   */
  relieve<T extends Candidate>(rooms: Iterable<T>, onChange: (room: T) => void): void {
    const target = this.limit * (1 - SLACK);
    for (const inUse of [false, true]) {
      for (const room of rooms) {
        if (this.bytes <= target) return;
        if (room.inUse !== inUse) continue;
        const before = room.tail.count;
        room.tail.release(this.bytes - target);
        const released = before - room.tail.count;
        this.evicted += released;
        if (released > 0) onChange(room);
      }
    }
  }
}
