// Slices of long work: limit the work done per event-loop tick. Pure: the clock is a parameter.

/** The maximum duration of a slice of background work. */
const MAX_SLICE_MS = 1;
/** The clock is read once per this number of items. */
const ITEMS_PER_CLOCK_READ = 16;

export class TickSlice {
  readonly #end: number;
  /** The number of items taken. */
  done = 0;

  /**
   * @param items the maximum number of items per slice
   * @param now a monotonic clock, in ms
   * @param ms the maximum duration of the slice
   */
  constructor(
    readonly items: number,
    readonly now: () => number = () => performance.now(),
    ms = MAX_SLICE_MS,
  ) {
    this.#end = now() + ms;
  }

  /** Counts one more item. Returns false if the slice has ended. */
  take(): boolean {
    if (this.done >= this.items) return false;
    if (this.done > 0 && this.done % ITEMS_PER_CLOCK_READ === 0 && this.now() >= this.#end) return false;
    this.done++;
    return true;
  }
}

/** Visits a collection repeatedly, a few items at a time. */
export class Rounds<T> {
  #iterator: Iterator<T> | undefined;

  /** @param items returns the collection, which may change between calls of `next` */
  constructor(readonly items: () => Iterable<T>) {}

  /** Returns up to `max` items, starting where the last call stopped. Wraps around after the last item. */
  *next(max: number): Iterable<T> {
    let rounds = 0;
    for (let i = 0; i < max && rounds < 2;) {
      this.#iterator ??= this.items()[Symbol.iterator]();
      const { done, value } = this.#iterator.next();
      if (done) {
        this.#iterator = undefined;
        rounds++;
        continue;
      }
      i++;
      yield value;
    }
  }
}
