// The limiter: who goes too fast is told so, by name and with the time after which to try again.
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

/** So often a session may go on while it was told to wait: more at once, or in the long run, and it is closed. */
const EARLY_RETRY_RATE: Rate = { rate: 1, burst: 100 };

/** The part of a RequestContext (auth/principal.ts) that the limiter reads, and where it keeps a session's buckets. */
export interface RateSubject {
  readonly principal: { readonly kind: string; readonly user?: string | undefined; readonly key?: string };
  readonly session?: object;
  readonly addressKey?: string | undefined;
  rateBuckets?: Buckets;
  waitUntil?: number;
  retryAllowance?: number;
}

/** Whose buckets something is taken from. */
type ChargedBuckets = [scope: RateScope, buckets: Buckets];

/** What is not to be had yet. */
interface Shortage {
  wait: number;
  scope: RateScope;
  kind: RateKind;
}

export class Limiter {
  /** How often something was refused, by scope and kind. */
  readonly refused = Object.fromEntries(RATE_SCOPES.map((scope) => [scope, newBuckets()])) as Record<
    RateScope,
    Record<RateKind, number>
  >;
  readonly #accounts = { user: new BucketStore(), address: new BucketStore(), key: new BucketStore() };

  /** Both may be replaced while the server runs. @param now a clock that never goes back, in ms */
  constructor(
    public rates: Rates,
    public now: () => number = () => performance.now(),
  ) {}

  /** How many users, addresses and keys are remembered. */
  get remembered(): number {
    return Object.values(this.#accounts).reduce((sum, { size }) => sum + size, 0);
  }

  /**
   * Takes what something costs from everybody in whose name it is done; from nobody when one of them has not got it.
   * @param bytes of data, for publishes
   * @throws ThumpError `rate`
   */
  take(context: RateSubject, kind: RateKind, cost = 1, bytes = 0): void {
    if (context.principal.kind === "server") return;
    const now = this.now();
    const payers = this.#chargedBuckets(context, now);
    let short = this.#shortage(payers, kind, cost, now);
    if (bytes > 0) {
      const other = this.#shortage(payers, "bytes", bytes, now);
      if (other && !(short && short.wait > other.wait)) short = other;
    }
    if (short) throw this.#refuse(short);
    this.#spend(payers, kind, cost, now);
    if (bytes > 0) this.#spend(payers, "bytes", bytes, now);
  }

  /**
   * Charges the cost of work that is not refused for it: buckets may go into debt. Returns for how long they are, in ms:
   * until then nothing more of this kind should be done.
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

  /** Whether one of a kind could be had now; nothing is taken. @throws ThumpError `rate` */
  check(context: RateSubject, kind: RateKind): void {
    if (context.principal.kind === "server") return;
    const now = this.now();
    const short = this.#shortage(this.#chargedBuckets(context, now), kind, 1, now);
    if (short) throw this.#refuse(short);
  }

  /**
   * Notes that a session was told to wait for `retry` ms. Whether it was waiting already, and goes on all the same,
   * again and again. Who waits as told, tries and is told again does no harm.
   */
  ignoresRetry(context: RateSubject, retry: number): boolean {
    const now = this.now();
    const { waitUntil = 0, retryAllowance = 0 } = context;
    context.waitUntil = now + retry;
    if (now >= waitUntil) return false;
    context.retryAllowance = fullAfter(retryAllowance, EARLY_RETRY_RATE, 1, now);
    return waitFor(retryAllowance, EARLY_RETRY_RATE, 1, now) > 0;
  }

  /** An API key is a server of one's own, with many users behind it: it is counted as itself, and as nothing else. */
  #chargedBuckets(context: RateSubject, now: number): ChargedBuckets[] {
    const { principal, session, addressKey } = context;
    const { user, address, key } = this.#accounts;
    if (principal.kind === "key") return [["key", key.of(principal.key ?? "", now)]];
    const payers: ChargedBuckets[] = [];
    if (session) payers.push(["session", (context.rateBuckets ??= newBuckets())]);
    if (principal.user !== undefined) payers.push(["user", user.of(principal.user, now)]);
    if (addressKey !== undefined) payers.push(["address", address.of(addressKey, now)]);
    return payers;
  }

  /** Who has to wait longest. */
  #shortage(payers: ChargedBuckets[], kind: RateKind, cost: number, now: number): Shortage | undefined {
    let longest: Shortage | undefined;
    for (const [scope, buckets] of payers) {
      const rate = this.rates[scope][kind];
      if (!rate) continue;
      const wait = waitFor(buckets[kind], rate, cost, now);
      if (wait > (longest?.wait ?? 0)) longest = { wait, scope, kind };
    }
    return longest;
  }

  #spend(payers: ChargedBuckets[], kind: RateKind, cost: number, now: number): void {
    for (const [scope, buckets] of payers) {
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
      `Too many ${kind} by this ${scope}: ${burst} at once and ${rate} a second are allowed. Try again in ${retry} ms.`,
      undefined,
      retry,
    );
  }
}
