// Visits everything in a collection again and again, a slice per tick: nothing on a timer takes long, however much there is.
import { TickSlice } from "../scheduling/tick-slice.ts";

export interface Pace {
  /** Between the end of a round and the next one, in ms. */
  readonly rest: number;
  /** Between two slices of a round, in ms. */
  readonly pause: number;
  /** The most items per slice. */
  readonly items?: number;
  /** Called before each slice. True if the next slice is not to wait for the rest. */
  readonly before?: () => boolean;
}

const ITEMS_PER_TICK = 2000;

export class Sweeper<T> {
  /** How many items were visited. */
  visits = 0;
  #place: Iterator<T> | undefined;
  #timer: Timer | undefined;
  #stopped = false;

  /**
   * @param items may change while a round is under way
   * @param visit if it throws, the round goes on with the next item
   */
  constructor(
    readonly items: () => Iterable<T>,
    readonly visit: (item: T) => void,
    readonly pace: Pace,
  ) {
    this.#in(pace.rest);
  }

  stop(): void {
    this.#stopped = true;
    clearTimeout(this.#timer);
  }

  #in(ms: number): void {
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
      this.#in(next);
    }
  }

  /** Visits a slice. True when the round is over. */
  #step(): boolean {
    this.#place ??= this.items()[Symbol.iterator]();
    const slice = new TickSlice(this.pace.items ?? ITEMS_PER_TICK);
    while (slice.take()) {
      const { done, value } = this.#place.next();
      if (done) {
        this.#place = undefined;
        return true;
      }
      this.visits++;
      this.visit(value);
    }
    return false;
  }
}
