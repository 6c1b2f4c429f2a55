// Authenticator: verifies a request's credential and returns the principal.
import type { SessionEvents } from "../hub/session-events.ts";
import type { Identity } from "../hub/session.ts";
import { ApiKeys, isApiKey } from "./api-keys.ts";
import { ANONYMOUS, type Principal } from "./principal.ts";
import { type Credential, readCredential } from "./credentials.ts";
import { KeyRing } from "./key-ring.ts";
import type { Origins } from "./origins.ts";
import { invalidToken, AuthError, revoked } from "./auth-error.ts";
import { Jwks } from "./jwks.ts";
import { Revocations } from "./revocations.ts";
import { type AccessSettings, hasCredentials } from "./auth-options.ts";
import { TokenVerifier } from "./tokens.ts";

export class Authenticator {
  /** Whether credentials are configured. If not, all clients are anonymous. */
  readonly isConfigured: boolean;
  readonly revocations: Revocations;
  readonly #tokens: TokenVerifier | undefined;
  readonly #remote: Jwks | undefined;
  readonly #apiKeys: ApiKeys;

  /**
   * @param events receives a fault when keys cannot be fetched
   * @param before the authenticator that this one replaces; its revocations and fetched keys carry over
   * @throws Error if a key is invalid
   */
  constructor(
    readonly settings: AccessSettings,
    events: SessionEvents,
    before?: Authenticator,
  ) {
    const { secrets, keys, jwks, apiKeys } = settings;
    this.#remote =
      before && Bun.deepEquals(jwks, before.settings.jwks) ? before.#remote : jwks && new Jwks(jwks, events);
    if (secrets.length > 0 || keys.length > 0 || this.#remote)
      this.#tokens = new TokenVerifier(new KeyRing(secrets, keys), this.#remote, settings);
    this.#apiKeys = new ApiKeys(apiKeys);
    this.revocations = before?.revocations ?? new Revocations();
    this.isConfigured = hasCredentials(settings);
  }

  /**
   * Takes over from the previous authenticator. Sessions with an API key get the key's current permissions. Returns the
   * identities whose key was removed.
   */
  inherit(before: Authenticator): Set<Identity> {
    return this.#apiKeys.inherit(before.#apiKeys);
  }

  /** Whether the server accepts tokens. If not, it accepts only API keys. */
  get takesTokens(): boolean {
    return this.#tokens !== undefined;
  }

  /**
   * Authenticates a request.
   * @throws ThumpError `unauthorized`, `revoked`, `unavailable`, `origin`
   */
  authenticate(request: Request, origins: Origins): Principal | Promise<Principal> {
    if (!this.isConfigured) return ANONYMOUS;
    const credential = readCredential(request, this.settings.cookie);
    if (!credential) return ANONYMOUS;
    // Browsers attach cookies to requests from any page, so the page's origin must be checked.
    if (credential.from === "cookie") origins.checkForCookie(request);
    return isApiKey(credential.token) ? this.#authenticateServer(credential) : this.verify(credential.token);
  }

  /** Verifies a token and returns its principal. @throws ThumpError `unauthorized`, `revoked`, `unavailable` */
  verify(token: string): Principal | Promise<Principal> {
    if (!this.#tokens) throw invalidToken("This server accepts only API keys, not tokens.");
    const principal = this.#tokens.verify(token);
    return principal instanceof Promise
      ? principal.then((it) => this.#unrevoked(it))
      : this.#unrevoked(principal);
  }

  /**
   * Throws if a principal's token or key has expired, has been revoked or is no longer accepted. Must be called after
   * every `await`, before the server acts on behalf of the principal.
   * @throws AuthError `unauthorized`, `revoked`
   */
  recheck(principal: Principal): void {
    const { kind, deadline } = principal;
    if (!this.isStillValid(principal)) throw invalidToken("The token is not signed by a known key.");
    if (deadline !== undefined && deadline <= Date.now())
      throw invalidToken(kind === "key" ? "Unknown API key." : "The token has expired.");
    this.#unrevoked(principal);
  }

  /** Whether the current settings accept a principal that earlier settings accepted. */
  isStillValid(principal: Principal): boolean {
    if (this.isConfigured && principal.kind === "token")
      return this.#tokens?.isStillValid(principal) ?? false;
    return true;
  }

  /** The principals of recently verified tokens. */
  recentPrincipals(): Iterable<Principal> {
    return this.#tokens?.recentPrincipals() ?? [];
  }

  #unrevoked(principal: Principal): Principal {
    if (this.revocations.covers(principal)) throw revoked();
    return principal;
  }

  #authenticateServer({ token, from }: Credential): Principal {
    // When the console page opens a WebSocket, it can send a credential only as a subprotocol.
    if (from === "header" || from === "protocol") return this.#apiKeys.find(token);
    // API keys are not accepted in the query or in cookies: URLs end up in logs, and browsers attach cookies
    // automatically.
    throw new AuthError(
      "unauthorized",
      "Send the API key in the Authorization header, or in a WebSocket subprotocol.",
      "invalid_token",
    );
  }
}
