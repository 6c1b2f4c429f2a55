// Allocates numbers (seqs) to publications while a transaction is running, and decides which numbers to reserve in the
// file. Pure.
import type { Sequence } from "../sequence.ts";

/**
 * The size of a block of numbers reserved in the file. After a crash, the log continues after the block, so no number
 * is used twice.
 */
const SEQS_PER_BLOCK = 1 << 22;
const MAX_HEADROOM = 1 << 20;
const MIN_HEADROOM = 16;

export class NumberAllocation {
  /**
   * The first number of the running transaction; infinite if none is running. Publications that are delivered
   * immediately get smaller numbers.
   */
  #first = Number.POSITIVE_INFINITY;
  /** The number of seqs to leave free for publications that are delivered during a transaction. */
  #headroom = 0;
  /** The number of seqs requested during the running transaction. */
  #requested = 0;

  /** @param reserved this number and all greater ones have never been used */
  constructor(
    readonly sequence: Sequence,
    public reserved: number,
  ) {}

  /** Returns true if a publication may get the next number now, without waiting for the running transaction. */
  mayNumber(): boolean {
    this.#requested++;
    return this.sequence.last + 1 < Math.min(this.#first, this.reserved);
  }

  /** The first number of a transaction that starts now. */
  get nextFirst(): number {
    return this.sequence.last + 1 + this.#headroom;
  }

  /** The first number of the running transaction. */
  get first(): number {
    return this.#first;
  }

  /** Called when a transaction starts. */
  begin(first: number): void {
    this.#first = first;
    this.#requested = 0;
  }

  /** Called when the transaction's numbers have been assigned, or the transaction has failed. */
  end(): void {
    this.#first = Number.POSITIVE_INFINITY;
  }

  /** Returns the end of a new block if less than half a block would remain after `more` further numbers. */
  nextBlock(more: number): number | undefined {
    const needed = this.sequence.last + more + SEQS_PER_BLOCK / 2;
    return needed > this.reserved ? needed + SEQS_PER_BLOCK / 2 : undefined;
  }

  /**
   * Sets the headroom for the next transaction to twice the number of seqs requested during this one. The headroom
   * shrinks by at most half per transaction, and never below a minimum once there has been a request.
   */
  adjustHeadroom(): void {
    const least = this.#headroom + this.#requested > 0 ? MIN_HEADROOM : 0;
    this.#headroom = Math.min(MAX_HEADROOM, Math.max(least, this.#headroom >> 1, this.#requested * 2));
  }
}
