// Visits all items in a collection repeatedly, one slice per tick, so that no single timer callback takes long.
import { TickSlice } from "../scheduling/tick-slice.ts";

export interface Pace {
  /** The pause between passes, in ms. */
  readonly rest: number;
  /** The pause between slices of a pass, in ms. */
  readonly pause: number;
  /** The maximum number of items per slice. */
  readonly items?: number;
  /** Called before each slice. Returns true if the next slice should run soon, without the `rest` pause. */
  readonly before?: () => boolean;
}

const ITEMS_PER_TICK = 2000;

export class Sweeper<T> {
  /** The number of items visited. */
  visits = 0;
  #iterator: Iterator<T> | undefined;
  #timer: Timer | undefined;
  #stopped = false;

  /**
   * @param items returns the collection, which may change during a pass
   * @param visit called with each item; if `visit` throws, the pass continues with the next item
   */
  constructor(
    readonly items: () => Iterable<T>,
    readonly visit: (item: T) => void,
    readonly pace: Pace,
  ) {
    this.#schedule(pace.rest);
  }

  stop(): void {
    this.#stopped = true;
    clearTimeout(this.#timer);
  }

  #schedule(ms: number): void {
    if (this.#stopped) return;
    this.#timer = setTimeout(() => this.#run(), ms);
    this.#timer.unref();
  }

  #run(): void {
    const { rest, pause, before } = this.pace;
    let next = pause;
    try {
      const more = before?.() ?? false;
      if (this.#step() && !more) next = rest;
    } finally {
      this.#schedule(next);
    }
  }

  /** Visits a slice. Returns true at the end of a pass. */
  #step(): boolean {
    this.#iterator ??= this.items()[Symbol.iterator]();
    const slice = new TickSlice(this.pace.items ?? ITEMS_PER_TICK);
    while (slice.take()) {
      const { done, value } = this.#iterator.next();
      if (done) {
        this.#iterator = undefined;
        return true;
      }
      this.visits++;
      this.visit(value);
    }
    return false;
  }
}
