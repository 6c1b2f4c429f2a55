// The keys that a sign-in service publishes (JWKS): fetched, kept, fetched again, and kept when that fails.
import { createLocalJWKSet, errors, type JSONWebKeySet, type JWTVerifyGetKey } from "jose";
import type { SessionEvents } from "../hub/session-events.ts";
import { type ThumpError, unavailable } from "../protocol/codes.ts";
import { fetchJson } from "./bounded-fetch.ts";

/** Keys older than this are not believed any more, when the service cannot be reached. In ms. */
const MAX_AGE_MS = 24 * 3_600_000;
/** What a service may answer. */
const FETCH_LIMITS = { bytes: 256 * 1024, ms: 5000 };
/** A token that names no key is tried with all of them. */
const MAX_KEYS = 100;

export class Jwks {
  /** Where they come from. */
  readonly url: string;
  readonly #address: URL;
  readonly #cache: number;
  readonly #cooldown: number;
  #keys: JWTVerifyGetKey | undefined;
  #fetched = Number.NEGATIVE_INFINITY;
  #tried = Number.NEGATIVE_INFINITY;
  #fetching: Promise<void> | undefined;

  /** @throws Error when the address is none that keys may come from */
  constructor(
    { url, cache, cooldown }: { url: string; cache: number; cooldown: number },
    readonly events: SessionEvents,
  ) {
    this.url = url;
    const address = URL.parse(url);
    // Not what it is: it may hold a credential.
    if (!address) throw new Error("jwks is not an address");
    this.#address = address;
    const local = /^(localhost|127\..*|\[::1\])$/.test(this.#address.hostname);
    if (this.#address.protocol !== "https:" && !(this.#address.protocol === "http:" && local))
      throw new Error(
        `${this.#address.origin}: keys are fetched over https only, or they could be anybody's`,
      );
    this.#cache = cache;
    this.#cooldown = cooldown;
  }

  /** The key that a token names. @throws ThumpError `unavailable`, or jose's error when there is no such key */
  readonly find: JWTVerifyGetKey = async (header, token) => {
    const age = performance.now() - this.#fetched;
    if (!this.#keys || age > MAX_AGE_MS) await this.#refresh();
    else if (age > this.#cache && this.#wait <= 0) {
      // That it failed is logged: the keys at hand still count.
      this.#refresh().catch(() => {});
    }
    try {
      return await this.#look(header, token);
    } catch (error) {
      if (!(error instanceof errors.JWKSNoMatchingKey)) throw error;
      // It may be a new one. Anybody can name keys that do not exist: not every one is asked for.
      if (!this.#fetching && this.#wait > 0 && this.#tried <= this.#fetched) throw error;
      await this.#refresh();
      return this.#look(header, token);
    }
  };

  /** For how long the service is not to be asked again, in ms: from when it was asked, whatever came of it. */
  get #wait(): number {
    return this.#tried + this.#cooldown - performance.now();
  }

  #look(...given: Parameters<JWTVerifyGetKey>): ReturnType<JWTVerifyGetKey> {
    if (!this.#keys) throw this.#unavailable();
    return this.#keys(...given);
  }

  /** Asks the service, unless that is under way or was lately. @throws ThumpError `unavailable` */
  #refresh(): Promise<void> {
    if (this.#fetching) return this.#fetching;
    if (this.#wait > 0) return Promise.reject(this.#unavailable());
    this.#tried = performance.now();
    return (this.#fetching = this.#fetch().finally(() => (this.#fetching = undefined)));
  }

  async #fetch(): Promise<void> {
    try {
      const answer = (await fetchJson(this.#address, FETCH_LIMITS)) as JSONWebKeySet;
      if (answer?.keys?.length > MAX_KEYS) throw new Error(`the answer has over ${MAX_KEYS} keys`);
      this.#keys = createLocalJWKSet(answer);
    } catch (error) {
      this.events.fault("the keys of tokens could not be fetched", error);
      throw this.#unavailable();
    }
    this.#fetched = performance.now();
  }

  #unavailable(): ThumpError {
    return unavailable(
      "The keys that tokens are checked with cannot be fetched just now.",
      Math.max(1000, Math.ceil(this.#wait)),
    );
  }
}
