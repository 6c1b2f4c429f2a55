// The limiter: applies rate limits per session, user, address and API key. Its errors say when to retry.
import { ThumpError } from "../protocol/codes.ts";
import {
  BucketStore,
  type Buckets,
  fullAfter,
  type RateKind,
  newBuckets,
  owedAfter,
  type Rate,
  waitFor,
} from "./token-buckets.ts";
import { type Rates, type RateScope, RATE_SCOPES } from "./rate-options.ts";

/** Rate at which a session may ignore `retry` before it is closed. */
const EARLY_RETRY_RATE: Rate = { rate: 1, burst: 100 };

/**
 * The part of a `RequestContext` (auth/principal.ts) that the limiter uses. The limiter also stores a session's buckets
 * in it.
 */
export interface RateSubject {
  readonly principal: { readonly kind: string; readonly user?: string | undefined; readonly key?: string };
  readonly session?: object;
  readonly addressKey?: string | undefined;
  rateBuckets?: Buckets;
  waitUntil?: number;
  retryAllowance?: number;
}

/** Buckets that an operation is charged to. */
type ChargedBuckets = [scope: RateScope, buckets: Buckets];

/** A bucket that has too few tokens for an operation. */
interface Shortage {
  /** Time until the bucket has enough tokens, in ms. */
  wait: number;
  scope: RateScope;
  kind: RateKind;
}

export class Limiter {
  /** Number of rejected operations, per scope and kind. */
  readonly refused = Object.fromEntries(RATE_SCOPES.map((scope) => [scope, newBuckets()])) as Record<
    RateScope,
    Record<RateKind, number>
  >;
  readonly #accounts = { user: new BucketStore(), address: new BucketStore(), key: new BucketStore() };

  /** @param rates a reload may replace them @param now a monotonic clock, in ms */
  constructor(
    public rates: Rates,
    public now: () => number = () => performance.now(),
  ) {}

  /** Number of users, addresses and keys that have buckets. */
  get remembered(): number {
    return Object.values(this.#accounts).reduce((sum, { size }) => sum + size, 0);
  }

  /**
   * Charges an operation to its session, user and address, or to its API key. If any of their buckets has too few
   * tokens, nothing is charged.
   * @param bytes data size; only for `publishes`
   * @throws ThumpError `rate`
   */
  take(context: RateSubject, kind: RateKind, cost = 1, bytes = 0): void {
    if (context.principal.kind === "server") return;
    const now = this.now();
    const charged = this.#chargedBuckets(context, now);
    let short = this.#shortage(charged, kind, cost, now);
    if (bytes > 0) {
      const other = this.#shortage(charged, "bytes", bytes, now);
      if (other && !(short && short.wait > other.wait)) short = other;
    }
    if (short) throw this.#refuse(short);
    this.#spend(charged, kind, cost, now);
    if (bytes > 0) this.#spend(charged, "bytes", bytes, now);
  }

  /**
   * Charges work that is never rejected, which can leave buckets in debt. Returns how long the debt lasts, in ms.
   * Meanwhile, the caller should do no more work of this kind.
   */
  charge(context: RateSubject, kind: RateKind, cost: number): number {
    if (context.principal.kind === "server") return 0;
    const now = this.now();
    let debt = 0;
    for (const [scope, buckets] of this.#chargedBuckets(context, now)) {
      const rate = this.rates[scope][kind];
      if (!rate) continue;
      buckets[kind] = owedAfter(buckets[kind], rate, cost, now);
      debt = Math.max(debt, waitFor(buckets[kind], rate, 0, now));
    }
    return debt;
  }

  /** Throws if an operation of this kind would be rejected now. Charges nothing. @throws ThumpError `rate` */
  check(context: RateSubject, kind: RateKind): void {
    if (context.principal.kind === "server") return;
    const now = this.now();
    const short = this.#shortage(this.#chargedBuckets(context, now), kind, 1, now);
    if (short) throw this.#refuse(short);
  }

  /**
   * Records that a session received a `retry` delay, in ms. Returns whether the session has repeatedly ignored earlier
   * delays. A session that waits, tries again and is rejected again does not count.
   */
  ignoresRetry(context: RateSubject, retry: number): boolean {
    const now = this.now();
    const { waitUntil = 0, retryAllowance = 0 } = context;
    context.waitUntil = now + retry;
    if (now >= waitUntil) return false;
    context.retryAllowance = fullAfter(retryAllowance, EARLY_RETRY_RATE, 1, now);
    return waitFor(retryAllowance, EARLY_RETRY_RATE, 1, now) > 0;
  }

  /** An API key belongs to a backend with many users, so only the key itself is charged. */
  #chargedBuckets(context: RateSubject, now: number): ChargedBuckets[] {
    const { principal, session, addressKey } = context;
    const { user, address, key } = this.#accounts;
    if (principal.kind === "key") return [["key", key.of(principal.key ?? "", now)]];
    const charged: ChargedBuckets[] = [];
    if (session) charged.push(["session", (context.rateBuckets ??= newBuckets())]);
    if (principal.user !== undefined) charged.push(["user", user.of(principal.user, now)]);
    if (addressKey !== undefined) charged.push(["address", address.of(addressKey, now)]);
    return charged;
  }

  /** The shortage with the longest wait. */
  #shortage(charged: ChargedBuckets[], kind: RateKind, cost: number, now: number): Shortage | undefined {
    let longest: Shortage | undefined;
    for (const [scope, buckets] of charged) {
      const rate = this.rates[scope][kind];
      if (!rate) continue;
      const wait = waitFor(buckets[kind], rate, cost, now);
      if (wait > (longest?.wait ?? 0)) longest = { wait, scope, kind };
    }
    return longest;
  }

  #spend(charged: ChargedBuckets[], kind: RateKind, cost: number, now: number): void {
    for (const [scope, buckets] of charged) {
      const rate = this.rates[scope][kind];
      if (rate) buckets[kind] = fullAfter(buckets[kind], rate, cost, now);
    }
  }

  #refuse({ wait, scope, kind }: Shortage): ThumpError {
    this.refused[scope][kind]++;
    const retry = Math.ceil(wait);
    const { rate, burst } = this.rates[scope][kind] as Rate;
    return new ThumpError(
      "rate",
      `Too many ${kind} from this ${scope}. The limit is ${burst} at once, then ${rate} per second. Try again in ${retry} ms.`,
      undefined,
      retry,
    );
  }
}
