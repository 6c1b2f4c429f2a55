// Revocations: revoked tokens and users, stored until the tokens expire.
import { surelyPast } from "../log/clock.ts";
import type { Revocation } from "../log/peers.ts";
import { ThumpError } from "../protocol/codes.ts";
import { Rounds } from "../scheduling/tick-slice.ts";

/** Each revocation takes about 100 bytes. */
const MAX_REVOCATIONS = 1_000_000;
/** Number of entries checked for expiry in each table when a revocation is added. */
const CHECKED_PER_ADD = 4;

/** The properties of a token that a revocation can refer to. */
interface TokenIdentity {
  readonly user?: string | undefined;
  readonly token?: string | undefined;
  readonly hash?: string | undefined;
  readonly issued?: number | undefined;
}

export class Revocations {
  readonly #users = new Map<string, { at: number; until: number }>();
  readonly #tokens = new Map<string, number>();
  readonly #userRounds = new Rounds(() => this.#users);
  readonly #tokenRounds = new Rounds(() => this.#tokens);
  #added = 0;

  /** Adds a revocation from this node or a different one. Returns false if it is already known. */
  add({ user, token, at, until }: Revocation): boolean {
    if (user !== undefined) {
      const known = this.#users.get(user);
      if (known && known.at >= at && known.until >= until) return false;
      this.revokeUser(user, Math.max(until, known?.until ?? 0), Math.max(at, known?.at ?? 0));
    } else if (token !== undefined) {
      if ((this.#tokens.get(token) ?? 0) >= until) return false;
      this.revokeToken(token, until);
    }
    return true;
  }

  /** All stored revocations. */
  *all(): Iterable<Revocation> {
    for (const [user, { at, until }] of this.#users) yield { user, at, until };
    for (const [token, until] of this.#tokens) yield { token, at: 0, until };
  }

  /** Revokes all tokens that were issued to a user up to `at`. Tokens issued later are not affected. */
  revokeUser(user: string, until: number, at = Date.now()): void {
    this.#reserve();
    this.#users.set(user, { at, until });
  }

  /** Revokes one token, by its `jti` or its hash. */
  revokeToken(token: string, until: number): void {
    this.#reserve();
    this.#tokens.set(token, until);
  }

  /** Whether a token was revoked. */
  covers({ user, token, hash, issued }: TokenIdentity): boolean {
    if (this.#added === 0) return false;
    const past = surelyPast();
    if (token !== undefined && past < (this.#tokens.get(token) ?? 0)) return true;
    if (hash !== undefined && past < (this.#tokens.get(hash) ?? 0)) return true;
    const ofUser = user === undefined ? undefined : this.#users.get(user);
    // Token times are in whole seconds. A token issued in the same second may be older than the revocation.
    return ofUser !== undefined && past < ofUser.until && secondOf(issued ?? 0) <= secondOf(ofUser.at);
  }

  /** Drops some expired revocations and checks that there is room for one more. @throws ThumpError `limit` */
  #reserve(): void {
    this.#added++;
    const past = surelyPast();
    for (const [user, { until }] of this.#userRounds.next(CHECKED_PER_ADD))
      if (until <= past) this.#users.delete(user);
    for (const [token, until] of this.#tokenRounds.next(CHECKED_PER_ADD))
      if (until <= past) this.#tokens.delete(token);
    if (this.#users.size + this.#tokens.size >= MAX_REVOCATIONS) {
      throw new ThumpError(
        "limit",
        `The server has reached its limit of ${MAX_REVOCATIONS} revocations. Change the secret instead.`,
      );
    }
  }
}

function secondOf(ms: number): number {
  return Math.floor(ms / 1000);
}
