// Token buckets (GCRA): allow a burst, then a steady rate. Pure, and without timers: the caller passes the time.

/** Allows `burst` operations at once, then `rate` per second. */
export interface Rate {
  readonly rate: number;
  readonly burst: number;
}

/**
 * The kinds of rate-limited operations. `requests` counts request bodies, and frames that belong to no other kind.
 * `joins` includes reads of history and members. `bytes` counts published bytes, and `reads` bytes read.
 */
export const RATE_KINDS = ["connects", "requests", "joins", "publishes", "bytes", "reads"] as const;
export type RateKind = (typeof RATE_KINDS)[number];

/**
 * The buckets of one session, user, address or key. Each bucket is a single number: the time at which it will be full
 * again, in ms. If that time is in the past, the bucket is full. The current number of tokens follows from the time, so
 * no timer refills the bucket.
 */
export type Buckets = Record<RateKind, number>;

export function newBuckets(): Buckets {
  return { connects: 0, requests: 0, joins: 0, publishes: 0, bytes: 0, reads: 0 };
}

/** Shorter waits are rounding errors. */
const MIN_WAIT_MS = 0.001;

/** The time at which a bucket will be full again after `cost` is taken. A cost above `burst` empties the bucket. */
export function fullAfter(fullAt: number, { rate, burst }: Rate, cost: number, now: number): number {
  return Math.max(fullAt, now) + (Math.min(cost, burst) * 1000) / rate;
}

/**
 * A variant of `fullAfter` for a cost that is charged after the work. The whole cost is taken, which can leave the
 * bucket in debt.
 */
export function owedAfter(fullAt: number, { rate }: Rate, cost: number, now: number): number {
  return Math.max(fullAt, now) + (cost * 1000) / rate;
}

/** Time until a bucket holds `cost` tokens, in ms; 0 if it already does. */
export function waitFor(fullAt: number, rate: Rate, cost: number, now: number): number {
  const wait = fullAfter(fullAt, rate, cost, now) - now - (rate.burst * 1000) / rate.rate;
  return wait < MIN_WAIT_MS ? 0 : wait;
}

/** Number of entries that are checked for expiry when an entry is added. */
const CHECKED_PER_INSERT = 4;

/** Stores buckets by name. Full buckets need not be stored, because new ones are full too. */
export class BucketStore {
  readonly #accounts = new Map<string, Buckets>();

  /** @param max maximum number of entries; beyond it, the least recently checked entry is dropped */
  constructor(readonly max = 100_000) {}

  get size(): number {
    return this.#accounts.size;
  }

  /** Returns the buckets of a name. Creates full buckets if the name is unknown. */
  of(name: string, now: number): Buckets {
    const known = this.#accounts.get(name);
    if (known) return known;
    this.#dropFull(now);
    const buckets = newBuckets();
    this.#accounts.set(name, buckets);
    return buckets;
  }

  /**
   * Checks the next few entries and drops full ones. More entries are checked than added, so every entry is checked
   * eventually.
   */
  #dropFull(now: number): void {
    let checks = 0;
    for (const [name, buckets] of this.#accounts) {
      if (checks++ === CHECKED_PER_INSERT) return;
      this.#accounts.delete(name);
      // Moves the entry to the end of the map, unless its buckets are full or the map is at its limit.
      if (!isFull(buckets, now) && this.#accounts.size < this.max - 1) this.#accounts.set(name, buckets);
    }
  }
}

function isFull(buckets: Buckets, now: number): boolean {
  return RATE_KINDS.every((kind) => buckets[kind] <= now);
}
