// Decides which numbers publications get while a transaction is running, and which are reserved in the file. Pure.
import type { Sequence } from "../sequence.ts";

/** Numbers are reserved in the file in blocks. After a crash the log continues after the block, so no number is used twice. */
const SEQS_PER_BLOCK = 1 << 22;
const MAX_HEADROOM = 1 << 20;
const MIN_HEADROOM = 16;

export class NumberAllocation {
  /**
   * First number of the running transaction; infinite if none is running. Publications that are delivered at once get
   * smaller ones.
   */
  #first = Number.POSITIVE_INFINITY;
  /** Amount of numbers to leave free for publications that are delivered during a transaction. */
  #headroom = 0;
  /** Numbers requested during the running transaction. */
  #requested = 0;

  /** @param reserved no number from here on was ever used */
  constructor(
    readonly sequence: Sequence,
    public reserved: number,
  ) {}

  /** True if a publication may get the next number now, without waiting for the running transaction. */
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

  /** Called when the numbers of the transaction were assigned, or it failed. */
  end(): void {
    this.#first = Number.POSITIVE_INFINITY;
  }

  /** Returns the end of a new block of numbers if less than half a block would remain after `more` numbers. */
  nextBlock(more: number): number | undefined {
    const needed = this.sequence.last + more + SEQS_PER_BLOCK / 2;
    return needed > this.reserved ? needed + SEQS_PER_BLOCK / 2 : undefined;
  }

  /**
   * Leaves twice as many numbers free during the next transaction as were requested during this one, and a minimum
   * number if there ever was a request.
   */
  adjustHeadroom(): void {
    const least = this.#headroom + this.#requested > 0 ? MIN_HEADROOM : 0;
    this.#headroom = Math.min(MAX_HEADROOM, Math.max(least, this.#headroom >> 1, this.#requested * 2));
  }
}
