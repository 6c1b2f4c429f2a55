// The governor: background work of all sessions shares a few ms of each event-loop tick, a piece at a time.

/** Work that is done in pieces. A piece takes well under a millisecond. */
export interface Work {
  /** Does the next piece. True if there is more that can be done now. */
  piece(): boolean;
}

export interface GovernorLimits {
  /** What all pieces of one tick may take together, in ms. */
  tickMs: number;
  /** How many pieces one tick may have. */
  tickPieces: number;
}

export class Governor {
  readonly #queue = new Set<Work>();
  #spent = 0;
  #pieces = 0;
  #scheduled = false;

  /** @param limits may be changed at any time. @param now a monotonic clock, in ms */
  constructor(
    readonly limits: GovernorLimits = { tickMs: 3, tickPieces: 64 },
    readonly now: () => number = () => performance.now(),
  ) {}

  /** Whether this tick's share has something left. */
  get open(): boolean {
    return this.#spent < this.limits.tickMs && this.#pieces < this.limits.tickPieces;
  }

  /** Does a piece of the work now if the tick's share allows it, and the rest in later ticks. */
  run(work: Work): void {
    if (this.#queue.has(work)) return;
    this.#schedule();
    if (!this.open || this.#piece(work)) this.#queue.add(work);
  }

  /** True if there is more. */
  #piece(work: Work): boolean {
    const began = this.now();
    try {
      return work.piece();
    } finally {
      this.#pieces++;
      this.#spent += this.now() - began;
    }
  }

  /** A tick ends where the next immediate runs: between two of them Bun looks at its sockets. */
  #schedule(): void {
    if (this.#scheduled) return;
    this.#scheduled = true;
    setImmediate(() => this.#tick());
  }

  #tick(): void {
    this.#scheduled = false;
    this.#spent = 0;
    this.#pieces = 0;
    try {
      for (const work of this.#queue) {
        if (!this.open) break;
        // To the end of the queue: every session gets a piece before any gets a second one.
        this.#queue.delete(work);
        if (this.#piece(work)) this.#queue.add(work);
      }
    } finally {
      if (this.#queue.size > 0) this.#schedule();
    }
  }
}
