// How long to wait before the next attempt: exponential, with full jitter, so that many clients do not come at once.

/** The next wait in ms: anywhere from 0 to a bound that doubles with each attempt; or, after a good one, begins anew. */
export interface Backoff {
  next(): number;
  reset(): void;
}

/** @param first the most that the first wait may take, in ms @param most the most that any may */
export function newBackoff(first = 500, most = 30_000, random = Math.random): Backoff {
  let bound = first;
  return {
    next() {
      const wait = random() * Math.min(most, bound);
      bound = Math.min(most, bound * 2);
      return wait;
    },
    reset: () => void (bound = first),
  };
}
