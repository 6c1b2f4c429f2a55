// What all tails of a log may take together. Pure: it counts, and says which rooms are to let go of something.
import type { Tail } from "./tail.ts";

/** So much of the limit is free after something was let go of: it is not to be looked for at every publication. */
const SLACK = 0.05;

/** A room as it is weighed against the others. */
export interface Candidate {
  readonly tail: Tail;
  /** Somebody is in it. */
  readonly inUse: boolean;
  /** When something was last published to it, or read from it; any number that grows. */
  readonly used: number;
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
   * @param onChange told of each room that has lost something
   */
  relieve<T extends Candidate>(candidates: Iterable<T>, onChange: (candidate: T) => void): void {
    const target = this.limit * (1 - SLACK);
    const inOrder = [...candidates].sort((a, b) => Number(a.inUse) - Number(b.inUse) || a.used - b.used);
    for (const candidate of inOrder) {
      if (this.bytes <= target) return;
      const before = candidate.tail.count;
      candidate.tail.release(this.bytes - target);
      const released = before - candidate.tail.count;
      this.evicted += released;
      if (released > 0) onChange(candidate);
    }
  }
}
