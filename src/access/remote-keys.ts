// The keys that a sign-in service publishes (JWKS): fetched, kept, fetched again, and kept when that fails.
import { createRemoteJWKSet, errors, type JWTVerifyGetKey } from "jose";
import type { Journal } from "../hub/journal.ts";
import { ThumpError } from "../protocol/codes.ts";

/** Keys older than this are not believed any more, when the service cannot be reached. In ms. */
const TOO_OLD = 24 * 3_600_000;
const TIMEOUT = 5000;

export class RemoteKeys {
  /** Where they come from. */
  readonly url: string;
  readonly #keys: ReturnType<typeof createRemoteJWKSet>;
  readonly #cache: number;
  readonly #cooldown: number;
  #fetched = Number.NEGATIVE_INFINITY;
  #tried = Number.NEGATIVE_INFINITY;

  /** @throws Error when the address is none that keys may come from */
  constructor(
    { url, cache, cooldown }: { url: string; cache: number; cooldown: number },
    readonly journal: Journal,
  ) {
    this.url = url;
    const address = new URL(url);
    const local = /^(localhost|127\..*|\[::1\])$/.test(address.hostname);
    if (address.protocol !== "https:" && !(address.protocol === "http:" && local))
      throw new Error(`${url}: keys are fetched over https only, or they could be anybody's`);
    this.#cache = cache;
    this.#cooldown = cooldown;
    // When to fetch again is decided here: a service that is down for a while must lock nobody out.
    this.#keys = createRemoteJWKSet(address, {
      cacheMaxAge: Number.POSITIVE_INFINITY,
      cooldownDuration: Number.POSITIVE_INFINITY,
      timeoutDuration: TIMEOUT,
    });
  }

  /** The key that a token names. @throws ThumpError `unavailable`, or jose's error when there is no such key */
  readonly find: JWTVerifyGetKey = async (header, token) => {
    const now = performance.now();
    const age = now - this.#fetched;
    if (age > TOO_OLD) await this.#refresh();
    else if (age > this.#cache && this.#mayTry(now)) {
      // That it failed is in the journal: the keys at hand still count.
      this.#refresh().catch(() => {});
    }
    try {
      return await this.#keys(header, token);
    } catch (error) {
      if (!(error instanceof errors.JWKSNoMatchingKey)) throw error;
      // It may be a new one. Anybody can name keys that do not exist: not every one is asked for.
      if (this.#mayTry(now)) await this.#refresh();
      else if (this.#tried > this.#fetched) throw unavailable();
      else throw error;
      return this.#keys(header, token);
    }
  };

  #mayTry(now: number): boolean {
    return now - this.#tried >= this.#cooldown;
  }

  async #refresh(): Promise<void> {
    this.#tried = performance.now();
    try {
      await this.#keys.reload();
    } catch (error) {
      this.journal.fault("the keys of tokens could not be fetched", error);
      throw unavailable();
    }
    this.#fetched = performance.now();
  }
}

function unavailable(): ThumpError {
  return new ThumpError("unavailable", "The keys that tokens are checked with cannot be fetched just now.");
}
