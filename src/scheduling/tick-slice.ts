// Bounds how much of a long piece of work is done in one event-loop tick. Pure: the clock is handed in.

/** The most that one slice of background work takes, in ms. */
const MAX_SLICE_MS = 1;
/** The clock is read once per this number of items. */
const ITEMS_PER_CLOCK_READ = 16;

export class TickSlice {
  readonly #end: number;
  /** How many items it has had. */
  done = 0;

  /**
   * @param items the most items per slice
   * @param now a monotonic clock, in ms
   */
  constructor(
    readonly items: number,
    readonly now: () => number = () => performance.now(),
    ms = MAX_SLICE_MS,
  ) {
    this.#end = now() + ms;
  }

  /** True if one more item fits into this slice; counts it. */
  take(): boolean {
    if (this.done >= this.items) return false;
    if (this.done > 0 && this.done % ITEMS_PER_CLOCK_READ === 0 && this.now() >= this.#end) return false;
    this.done++;
    return true;
  }
}

/** Goes round a collection, a few items at a time. */
export class Rounds<T> {
  #place: Iterator<T> | undefined;

  /** @param items may change meanwhile */
  constructor(readonly items: () => Iterable<T>) {}

  /** The next items, at most `most` of them: from where it was left off, and after the last one the first. */
  *next(most: number): Iterable<T> {
    let rounds = 0;
    for (let i = 0; i < most && rounds < 2;) {
      this.#place ??= this.items()[Symbol.iterator]();
      const { done, value } = this.#place.next();
      if (done) {
        this.#place = undefined;
        rounds++;
        continue;
      }
      i++;
      yield value;
    }
  }
}
