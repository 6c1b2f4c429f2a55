// How long something took, counted into buckets that double: a few instructions an observation. Pure.

/** The upper bound of the first bucket, as a power of two of microseconds. */
const FIRST = 3;
const COUNT = 21;

export class Latency {
  /** The upper bound of each bucket, in seconds: 8 µs, 16 µs, … 8.4 s. What took longer is in `count` alone. */
  static readonly bounds: readonly number[] = Array.from({ length: COUNT }, (_, i) => 2 ** (i + FIRST) / 1e6);
  /** How many fell into each bucket, and not into the one below. */
  readonly buckets = new Float64Array(COUNT + 1);
  count = 0;
  /** Of all observations, in ms. */
  sum = 0;

  /** Notes that something took so many ms. */
  observe(ms: number): void {
    this.count++;
    this.sum += ms;
    // The number of binary digits tells the bucket. Past 2^31 µs all are in the last one.
    const index = 32 - Math.clz32(Math.min(ms * 1000, 0x7fffffff) >> FIRST);
    (this.buckets[index > COUNT ? COUNT : index] as number)++;
  }
}
