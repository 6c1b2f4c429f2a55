// The limiter: who goes too fast is told so, by name and with the time after which to try again.
import { ThumpError } from "../protocol/codes.ts";
import {
  Accounts,
  type Buckets,
  fullAfter,
  type Kind,
  newBuckets,
  owedAfter,
  type Rate,
  waitFor,
} from "./token-buckets.ts";
import { type Rates, type Scope, SCOPES } from "./rate-options.ts";

/** So often a session may go on while it was told to wait: more at once, or in the long run, and it is closed. */
const PATIENCE: Rate = { rate: 1, burst: 100 };

/** The part of a RequestContext (auth/principal.ts) that the limiter reads, and where it keeps a session's buckets. */
export interface RateSubject {
  readonly caller: { readonly kind: string; readonly user?: string | undefined; readonly key?: string };
  readonly session?: object;
  readonly network?: string | undefined;
  buckets?: Buckets;
  waitUntil?: number;
  patience?: number;
}

/** Whose buckets something is taken from. */
type Payer = [scope: Scope, buckets: Buckets];

/** What is not to be had yet. */
interface Short {
  wait: number;
  scope: Scope;
  kind: Kind;
}

export class Limiter {
  /** How often something was refused, by scope and kind. */
  readonly refused = Object.fromEntries(SCOPES.map((scope) => [scope, newBuckets()])) as Record<
    Scope,
    Record<Kind, number>
  >;
  readonly #accounts = { user: new Accounts(), address: new Accounts(), key: new Accounts() };

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
  take(asker: RateSubject, kind: Kind, cost = 1, bytes = 0): void {
    if (asker.caller.kind === "server") return;
    const now = this.now();
    const payers = this.#payers(asker, now);
    let short = this.#short(payers, kind, cost, now);
    if (bytes > 0) {
      const other = this.#short(payers, "bytes", bytes, now);
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
  charge(asker: RateSubject, kind: Kind, cost: number): number {
    if (asker.caller.kind === "server") return 0;
    const now = this.now();
    let debt = 0;
    for (const [scope, buckets] of this.#payers(asker, now)) {
      const rate = this.rates[scope][kind];
      if (!rate) continue;
      buckets[kind] = owedAfter(buckets[kind], rate, cost, now);
      debt = Math.max(debt, waitFor(buckets[kind], rate, 0, now));
    }
    return debt;
  }

  /** Whether one of a kind could be had now; nothing is taken. @throws ThumpError `rate` */
  ask(asker: RateSubject, kind: Kind): void {
    if (asker.caller.kind === "server") return;
    const now = this.now();
    const short = this.#short(this.#payers(asker, now), kind, 1, now);
    if (short) throw this.#refuse(short);
  }

  /**
   * Notes that a session was told to wait for `retry` ms. Whether it was waiting already, and goes on all the same,
   * again and again. Who waits as told, tries and is told again does no harm.
   */
  goesOn(asker: RateSubject, retry: number): boolean {
    const now = this.now();
    const { waitUntil = 0, patience = 0 } = asker;
    asker.waitUntil = now + retry;
    if (now >= waitUntil) return false;
    asker.patience = fullAfter(patience, PATIENCE, 1, now);
    return waitFor(patience, PATIENCE, 1, now) > 0;
  }

  /** An API key is a server of one's own, with many users behind it: it is counted as itself, and as nothing else. */
  #payers(asker: RateSubject, now: number): Payer[] {
    const { caller, session, network } = asker;
    const { user, address, key } = this.#accounts;
    if (caller.kind === "key") return [["key", key.of(caller.key ?? "", now)]];
    const payers: Payer[] = [];
    if (session) payers.push(["session", (asker.buckets ??= newBuckets())]);
    if (caller.user !== undefined) payers.push(["user", user.of(caller.user, now)]);
    if (network !== undefined) payers.push(["address", address.of(network, now)]);
    return payers;
  }

  /** Who has to wait longest. */
  #short(payers: Payer[], kind: Kind, cost: number, now: number): Short | undefined {
    let longest: Short | undefined;
    for (const [scope, buckets] of payers) {
      const rate = this.rates[scope][kind];
      if (!rate) continue;
      const wait = waitFor(buckets[kind], rate, cost, now);
      if (wait > (longest?.wait ?? 0)) longest = { wait, scope, kind };
    }
    return longest;
  }

  #spend(payers: Payer[], kind: Kind, cost: number, now: number): void {
    for (const [scope, buckets] of payers) {
      const rate = this.rates[scope][kind];
      if (rate) buckets[kind] = fullAfter(buckets[kind], rate, cost, now);
    }
  }

  #refuse({ wait, scope, kind }: Short): ThumpError {
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
