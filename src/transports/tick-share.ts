// The share of an event-loop tick that costly commands of all sockets have together. What exceeds it waits for later ticks.
import { Ticks } from "../log/ticks.ts";

/** In ms. */
const SHARE_MS = 2;

export class TickShare {
  #spent = 0;
  #scheduled = false;
  readonly #ticks = new Ticks();

  /** @param now a monotonic clock, in ms */
  constructor(readonly now: () => number = () => performance.now()) {}

  /** Whether this tick's share has something left. */
  get open(): boolean {
    return this.#spent < SHARE_MS;
  }

  /** Does work that counts against the share of this tick. */
  run(work: () => void): void {
    const began = this.now();
    try {
      work();
    } finally {
      this.#spent += this.now() - began;
      this.#schedule();
    }
  }

  /** Resolves in a later tick: of all that wait, one continues per tick. */
  next(): Promise<unknown> {
    return this.#ticks.next();
  }

  /** A tick ends where the next immediate runs. */
  #schedule(): void {
    if (this.#scheduled) return;
    this.#scheduled = true;
    setImmediate(() => {
      this.#scheduled = false;
      this.#spent = 0;
    });
  }
}
