// Exponential backoff with full jitter, which spreads the reconnects of many clients over time. Pure.

/** A sequence of random delays. Each delay is below a bound that doubles with every attempt. */
export interface Backoff {
  /** The next delay in ms. */
  next(): number;
  /** Resets the bound to `first`. Called after a successful attempt. */
  reset(): void;
}

/** @param first the bound of the first delay, in ms @param most the maximum bound, in ms */
export function newBackoff(first = 500, most = 30_000, random = Math.random): Backoff {
  let bound = first;
  return {
    next() {
      const delay = random() * Math.min(most, bound);
      bound = Math.min(most, bound * 2);
      return delay;
    },
    reset: () => void (bound = first),
  };
}
