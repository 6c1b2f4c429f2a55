// How long to wait before the next attempt: exponential, with full jitter, so that many clients do not come at once.

export class Backoff {
  #attempt = 0;

  /** @param base the most that the first wait may take, in ms @param cap the most that any may */
  constructor(
    readonly base = 500,
    readonly cap = 30_000,
    readonly random: () => number = Math.random,
  ) {}

  /** The next wait in ms: anywhere from 0 to a bound that doubles with each attempt. */
  next(): number {
    return this.random() * Math.min(this.cap, this.base * 2 ** Math.min(this.#attempt++, 30));
  }

  reset(): void {
    this.#attempt = 0;
  }
}
