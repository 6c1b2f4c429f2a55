// How long something took, counted into buckets that double: a few instructions an observation. Pure.

/** The upper bound of the first bucket, as a power of two of microseconds. */
const FIRST_EXPONENT = 3;
const BUCKET_COUNT = 21;

export class LatencyHistogram {
  /** The upper bound of each bucket, in seconds: 8 µs, 16 µs, … 8.4 s. What took longer is in `count` alone. */
  static readonly bounds: readonly number[] = Array.from(
    { length: BUCKET_COUNT },
    (_, i) => 2 ** (i + FIRST_EXPONENT) / 1e6,
  );
  /** How many fell into each bucket, and not into the one below. */
  readonly buckets = new Float64Array(BUCKET_COUNT + 1);
  count = 0;
  /** Of all observations, in ms. */
  sum = 0;

  /** Notes that something took so many ms. */
  observe(ms: number): void {
    this.count++;
    this.sum += ms;
    // The number of binary digits tells the bucket. Past 2^31 µs all are in the last one.
    const index = 32 - Math.clz32(Math.min(ms * 1000, 0x7fffffff) >> FIRST_EXPONENT);
    (this.buckets[index > BUCKET_COUNT ? BUCKET_COUNT : index] as number)++;
  }
}

/** What was observed since it was last looked at. */
export class LatencyWindow {
  #before: Float64Array;
  #count: number;

  constructor(readonly latency: LatencyHistogram) {
    this.#before = latency.buckets.slice();
    this.#count = latency.count;
  }

  /** The time in ms that so many (0.5, 0.99) took at most, of those since the last call; null where there are none. */
  take(...quantiles: number[]): (number | null)[] {
    const { buckets, count } = this.latency;
    const since = buckets.map((all, i) => all - (this.#before[i] ?? 0));
    const total = count - this.#count;
    this.#before = buckets.slice();
    this.#count = count;
    return quantiles.map((quantile) => (total === 0 ? null : inBuckets(since, total * quantile)));
  }
}

/** Where the `rank`th lies, in ms: within a bucket they are taken to be evenly spread. */
function inBuckets(buckets: Float64Array, rank: number): number {
  let below = 0;
  for (const [i, size] of buckets.entries()) {
    if (below + size >= rank && size > 0) {
      // What took longer than the last bound took at least that long.
      const upper = LatencyHistogram.bounds[Math.min(i, BUCKET_COUNT - 1)] as number;
      const lower = i === 0 ? 0 : (LatencyHistogram.bounds[i - 1] as number);
      return (lower + (upper - lower) * ((rank - below) / size)) * 1000;
    }
    below += size;
  }
  return (LatencyHistogram.bounds[BUCKET_COUNT - 1] as number) * 1000;
}
