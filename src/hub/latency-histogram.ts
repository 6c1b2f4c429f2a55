// A latency histogram with exponential buckets: each bound is twice the previous one. Recording takes a few
// instructions. Pure.

/** The exponent of the first bucket's upper bound: 2^3 µs. */
const FIRST_EXPONENT = 3;
const BUCKET_COUNT = 21;

export class LatencyHistogram {
  /**
   * The upper bound of each bucket, in seconds: 8 µs, 16 µs, … 8.4 s. Longer observations are included only in `count`.
   */
  static readonly bounds: readonly number[] = Array.from(
    { length: BUCKET_COUNT },
    (_, i) => 2 ** (i + FIRST_EXPONENT) / 1e6,
  );
  /**
   * The number of observations per bucket, not cumulative. The last element counts observations above the last bound.
   */
  readonly buckets = new Float64Array(BUCKET_COUNT + 1);
  /** The number of observations. */
  count = 0;
  /** The total of all observations, in ms. */
  sum = 0;

  /** Records one observation, in ms. */
  observe(ms: number): void {
    this.count++;
    this.sum += ms;
    // The bucket's index is the number of binary digits of the duration in units of 8 µs. Observations over 2^31 µs go
    // into the last bucket.
    const index = 32 - Math.clz32(Math.min(ms * 1000, 0x7fffffff) >> FIRST_EXPONENT);
    (this.buckets[index > BUCKET_COUNT ? BUCKET_COUNT : index] as number)++;
  }
}

/** Computes quantiles of the observations that were added to a histogram since the last call. */
export class LatencyWindow {
  #before: Float64Array;
  #count: number;

  constructor(readonly latency: LatencyHistogram) {
    this.#before = latency.buckets.slice();
    this.#count = latency.count;
  }

  /**
   * Estimates quantiles (such as 0.5 and 0.99) of the observations since the last call, in ms; null if there are none.
   */
  take(...quantiles: number[]): (number | null)[] {
    const { buckets, count } = this.latency;
    const recent = buckets.map((all, i) => all - (this.#before[i] ?? 0));
    const total = count - this.#count;
    this.#before = buckets.slice();
    this.#count = count;
    return quantiles.map((quantile) => (total === 0 ? null : interpolate(recent, total * quantile)));
  }
}

/** Estimates the observation at a rank, in ms, assuming that observations are spread evenly within each bucket. */
function interpolate(buckets: Float64Array, rank: number): number {
  let below = 0;
  for (const [i, size] of buckets.entries()) {
    if (below + size >= rank && size > 0) {
      // For observations above the last bound, use the bound itself.
      const upper = LatencyHistogram.bounds[Math.min(i, BUCKET_COUNT - 1)] as number;
      const lower = i === 0 ? 0 : (LatencyHistogram.bounds[i - 1] as number);
      return (lower + (upper - lower) * ((rank - below) / size)) * 1000;
    }
    below += size;
  }
  return (LatencyHistogram.bounds[BUCKET_COUNT - 1] as number) * 1000;
}
