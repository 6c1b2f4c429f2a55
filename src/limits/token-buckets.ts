// Token buckets: how much somebody may do at once, and how fast after that. Pure: no timers, the clock is handed in.

/** `burst` at once, then `rate` a second. */
export interface Rate {
  readonly rate: number;
  readonly burst: number;
}

/**
 * What is counted. `requests` are bodies of requests, and frames that ask for nothing that is counted otherwise; `joins`
 * are also reads of history and of members; `bytes` are published, `reads` are bytes read.
 */
export const RATE_KINDS = ["connects", "requests", "joins", "publishes", "bytes", "reads"] as const;
export type RateKind = (typeof RATE_KINDS)[number];

/**
 * The buckets of one somebody. Each is a single number: when it will be full again, in ms; in the past, it is full.
 * What is missing from it now follows from that, so nothing has to fill it up.
 */
export type Buckets = Record<RateKind, number>;

export function newBuckets(): Buckets {
  return { connects: 0, requests: 0, joins: 0, publishes: 0, bytes: 0, reads: 0 };
}

/** Less than this, in ms, is the rounding of numbers and nobody's haste. */
const ROUNDING = 0.001;

/** When a bucket will be full again once `cost` was taken. What is more than a whole bucket takes a whole one. */
export function fullAfter(fullAt: number, { rate, burst }: Rate, cost: number, now: number): number {
  return Math.max(fullAt, now) + (Math.min(cost, burst) * 1000) / rate;
}

/** The same for a cost that is charged after the work: all of it, which may leave the bucket in debt. */
export function owedAfter(fullAt: number, { rate }: Rate, cost: number, now: number): number {
  return Math.max(fullAt, now) + (cost * 1000) / rate;
}

/** How long it takes until `cost` is there, in ms; 0 when it is there now. */
export function waitFor(fullAt: number, rate: Rate, cost: number, now: number): number {
  const wait = fullAfter(fullAt, rate, cost, now) - now - (rate.burst * 1000) / rate.rate;
  return wait < ROUNDING ? 0 : wait;
}

/** So many are looked at whenever a new one comes. */
const ENTRIES_PER_ACCESS = 4;

/** Everybody's buckets by name. Who has full ones again need not be remembered. */
export class BucketStore {
  readonly #accounts = new Map<string, Buckets>();

  /** @param max so many are remembered; then the one that was looked at longest ago is forgotten */
  constructor(readonly max = 100_000) {}

  get size(): number {
    return this.#accounts.size;
  }

  /** The buckets of somebody; full ones for whom it does not know. */
  of(name: string, now: number): Buckets {
    const known = this.#accounts.get(name);
    if (known) return known;
    this.#forget(now);
    const buckets = newBuckets();
    this.#accounts.set(name, buckets);
    return buckets;
  }

  /** A few are looked at: that is more than come, so in time all of them are. */
  #forget(now: number): void {
    let looks = 0;
    for (const [name, buckets] of this.#accounts) {
      if (looks++ === ENTRIES_PER_ACCESS) return;
      this.#accounts.delete(name);
      // To the end of the line, unless it is full or there is no room.
      if (!isFull(buckets, now) && this.#accounts.size < this.max - 1) this.#accounts.set(name, buckets);
    }
  }
}

function isFull(buckets: Buckets, now: number): boolean {
  return RATE_KINDS.every((kind) => buckets[kind] <= now);
}
