// Revocations: tokens that are refused though they are signed and in time. Remembered as long as they could matter.
import { ThumpError } from "../protocol/codes.ts";

/** Each takes about 100 bytes. */
const MAX = 1_000_000;
/** How often those that are over are thrown out, counted in new ones. */
const SWEEP = 1000;

/** What is known of a token when it is to be refused or not. */
interface Shown {
  readonly user?: string | undefined;
  readonly token?: string | undefined;
  readonly issued?: number | undefined;
}

export class Revocations {
  readonly #users = new Map<string, { at: number; until: number }>();
  readonly #tokens = new Map<string, number>();
  #added = 0;

  /** All tokens of a user that were issued up to now: who signs in again gets a new one. */
  revokeUser(user: string, until: number): void {
    this.#makeRoom();
    this.#users.set(user, { at: Date.now(), until });
  }

  /** One token, by its `jti`. */
  revokeToken(token: string, until: number): void {
    this.#makeRoom();
    this.#tokens.set(token, until);
  }

  /** Whether a token was revoked. */
  covers({ user, token, issued }: Shown): boolean {
    if (this.#added === 0) return false;
    const now = Date.now();
    if (token !== undefined && now < (this.#tokens.get(token) ?? 0)) return true;
    const ofUser = user === undefined ? undefined : this.#users.get(user);
    // A token counts its time in seconds: one of the same second was, perhaps, issued before.
    return ofUser !== undefined && now < ofUser.until && (issued ?? 0) <= ofUser.at;
  }

  #makeRoom(): void {
    if (++this.#added % SWEEP === 0) {
      const now = Date.now();
      for (const [user, { until }] of this.#users) if (until <= now) this.#users.delete(user);
      for (const [token, until] of this.#tokens) if (until <= now) this.#tokens.delete(token);
    }
    if (this.#users.size + this.#tokens.size >= MAX) {
      throw new ThumpError("limit", `This server remembers ${MAX} revocations. Change the secret instead.`);
    }
  }
}
