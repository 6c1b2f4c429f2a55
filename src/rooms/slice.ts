// Bounds how much of a long piece of work is done in one event-loop tick. Pure: the clock is handed in.

/** The most that one slice of background work takes, in ms. */
const SLICE_MS = 2;
/** The clock is read once per this number of items. */
const ITEMS_PER_LOOK = 16;

export class Slice {
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
    ms = SLICE_MS,
  ) {
    this.#end = now() + ms;
  }

  /** True if one more item fits into this slice; counts it. */
  take(): boolean {
    if (this.done >= this.items) return false;
    if (this.done > 0 && this.done % ITEMS_PER_LOOK === 0 && this.now() >= this.#end) return false;
    this.done++;
    return true;
  }
}
