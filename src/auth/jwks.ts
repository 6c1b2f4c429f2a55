// Jwks: an identity provider's public keys, refetched periodically. If a fetch fails, the cached keys stay in use.
import { createLocalJWKSet, errors, type JSONWebKeySet, type JWTVerifyGetKey } from "jose";
import type { SessionEvents } from "../hub/session-events.ts";
import { type ThumpError, unavailable } from "../protocol/codes.ts";
import { fetchJson } from "./bounded-fetch.ts";

/** Maximum age of cached keys while the provider cannot be reached. */
const MAX_AGE_MS = 24 * 3_600_000;
/** Limits on fetching the JWKS document. */
const FETCH_LIMITS = { bytes: 256 * 1024, ms: 5000 };
/** A token without a key id is verified against every key, so the number of keys is limited. */
const MAX_KEYS = 100;

export class Jwks {
  /** The URL as configured. */
  readonly url: string;
  readonly #address: URL;
  readonly #cache: number;
  readonly #cooldown: number;
  #keys: JWTVerifyGetKey | undefined;
  #fetchedAt = Number.NEGATIVE_INFINITY;
  #attemptedAt = Number.NEGATIVE_INFINITY;
  #fetching: Promise<void> | undefined;

  /** @throws Error if the URL is invalid, or uses HTTP to reach a different machine */
  constructor(
    { url, cache, cooldown }: { url: string; cache: number; cooldown: number },
    readonly events: SessionEvents,
  ) {
    this.url = url;
    const address = URL.parse(url);
    // The message omits the URL, which may contain a credential.
    if (!address) throw new Error("jwks is not a valid URL");
    this.#address = address;
    const local = /^(localhost|127\..*|\[::1\])$/.test(this.#address.hostname);
    if (this.#address.protocol !== "https:" && !(this.#address.protocol === "http:" && local))
      throw new Error(
        `${this.#address.origin}: keys must be fetched over https, because over http they could be forged`,
      );
    this.#cache = cache;
    this.#cooldown = cooldown;
  }

  /** Finds the key that verifies a token. @throws ThumpError `unavailable`, or jose's error if there is no such key */
  readonly find: JWTVerifyGetKey = async (header, token) => {
    const age = performance.now() - this.#fetchedAt;
    if (!this.#keys || age > MAX_AGE_MS) await this.#refresh();
    else if (age > this.#cache && this.#cooldownLeft <= 0) {
      // A failure is logged. Cached keys stay in use.
      this.#refresh().catch(() => {});
    }
    try {
      return await this.#select(header, token);
    } catch (error) {
      if (!(error instanceof errors.JWKSNoMatchingKey)) throw error;
      // The key may be new. Clients can name keys that do not exist, so the cooldown limits fetches.
      if (!this.#fetching && this.#cooldownLeft > 0 && this.#attemptedAt <= this.#fetchedAt) throw error;
      await this.#refresh();
      return this.#select(header, token);
    }
  };

  /** Time until the cooldown ends, in ms. Every attempt starts a new cooldown. */
  get #cooldownLeft(): number {
    return this.#attemptedAt + this.#cooldown - performance.now();
  }

  #select(...given: Parameters<JWTVerifyGetKey>): ReturnType<JWTVerifyGetKey> {
    if (!this.#keys) throw this.#unavailable();
    return this.#keys(...given);
  }

  /**
   * Fetches the keys, or waits for the fetch in progress.
   * @throws ThumpError `unavailable`, including during the cooldown
   */
  #refresh(): Promise<void> {
    if (this.#fetching) return this.#fetching;
    if (this.#cooldownLeft > 0) return Promise.reject(this.#unavailable());
    this.#attemptedAt = performance.now();
    return (this.#fetching = this.#fetch().finally(() => (this.#fetching = undefined)));
  }

  async #fetch(): Promise<void> {
    try {
      const answer = (await fetchJson(this.#address, FETCH_LIMITS)) as JSONWebKeySet;
      if (answer?.keys?.length > MAX_KEYS) throw new Error(`the response has more than ${MAX_KEYS} keys`);
      this.#keys = createLocalJWKSet(answer);
    } catch (error) {
      this.events.fault("the JWKS could not be fetched", error);
      throw this.#unavailable();
    }
    this.#fetchedAt = performance.now();
  }

  #unavailable(): ThumpError {
    return unavailable(
      "The keys that verify tokens cannot be fetched at the moment.",
      Math.max(1000, Math.ceil(this.#cooldownLeft)),
    );
  }
}
