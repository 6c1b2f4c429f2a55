// The turnstile: newcomers come in a few a turn of the event loop, so that nobody who is here waits behind a crowd.

/** So many a turn: each takes about as long as a publication to a hundred sockets. */
const A_TURN = 4;

export class Turnstile {
  #passed = 0;
  #waiting: (() => void)[] = [];
  #scheduled = false;

  /** Nothing where a newcomer may go on at once; else a promise for its turn. They go in the order in which they came. */
  pass(): Promise<void> | undefined {
    this.#schedule();
    if (this.#waiting.length === 0 && this.#passed < A_TURN) {
      this.#passed++;
      return undefined;
    }
    return new Promise((resolve) => this.#waiting.push(resolve));
  }

  #schedule(): void {
    if (this.#scheduled) return;
    this.#scheduled = true;
    // Between two of these the engine looks at all of its sockets.
    setImmediate(() => this.#turn());
  }

  #turn(): void {
    this.#scheduled = false;
    const next = this.#waiting.splice(0, A_TURN);
    this.#passed = next.length;
    if (next.length > 0) this.#schedule();
    for (const go of next) go();
  }
}
