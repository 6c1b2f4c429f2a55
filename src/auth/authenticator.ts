// The Authenticator: who a client is. Settled before an upgrade or the first byte of a stream.
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
  /** It knows secrets, keys or API keys: without one of them, everybody who reaches the server may use it. */
  readonly isConfigured: boolean;
  readonly revocations: Revocations;
  readonly #tokens: TokenVerifier | undefined;
  readonly #remote: Jwks | undefined;
  readonly #apiKeys: ApiKeys;

  /**
   * @param events told when keys cannot be fetched
   * @param before what these settings replace: what was revoked stays so, and keys that were fetched stay known
   * @throws Error that says what is wrong with a key
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
   * Takes the place of another one. Who is here by an API key may from now on do what that key may do now; returned
   * are those whose key is gone.
   */
  inherit(before: Authenticator): Set<Identity> {
    return this.#apiKeys.inherit(before.#apiKeys);
  }

  /** Whether it takes tokens; else API keys are all that it knows. */
  get takesTokens(): boolean {
    return this.#tokens !== undefined;
  }

  /**
   * Who sends a request.
   * @throws ThumpError `unauthorized`, `revoked`, `unavailable`, `origin`
   */
  authenticate(request: Request, origins: Origins): Principal | Promise<Principal> {
    if (!this.isConfigured) return ANONYMOUS;
    const credential = readCredential(request, this.settings.cookie);
    if (!credential) return ANONYMOUS;
    // Browsers send cookies along by themselves: whose page it is must be sure.
    if (credential.from === "cookie") origins.checkForCookie(request);
    return isApiKey(credential.token) ? this.#authenticateServer(credential) : this.verify(credential.token);
  }

  /** Who a token says that its bearer is, if it is good and was not revoked. @throws ThumpError */
  verify(token: string): Principal | Promise<Principal> {
    if (!this.#tokens) throw invalidToken("This server takes API keys, and no tokens.");
    const principal = this.#tokens.verify(token);
    return principal instanceof Promise
      ? principal.then((it) => this.#unrevoked(it))
      : this.#unrevoked(principal);
  }

  /**
   * Refuses a caller whose token or key has ended, was revoked or is no longer good since it was identified: to be called after every wait,
   * before anything is done in its name.
   * @throws AuthError `unauthorized`, `revoked`
   */
  recheck(principal: Principal): void {
    const { kind, deadline } = principal;
    if (!this.isStillValid(principal))
      throw invalidToken("The token is not signed by a key that this server knows.");
    if (deadline !== undefined && deadline <= Date.now())
      throw invalidToken(
        kind === "key" ? "This server does not know this API key." : "The token has expired.",
      );
    this.#unrevoked(principal);
  }

  /** Whether a caller who was believed before would be by what is in force now. */
  isStillValid(principal: Principal): boolean {
    if (this.isConfigured && principal.kind === "token")
      return this.#tokens?.isStillValid(principal) ?? false;
    return true;
  }

  /** Whoever showed a good token lately. */
  recentPrincipals(): Iterable<Principal> {
    return this.#tokens?.shown() ?? [];
  }

  #unrevoked(principal: Principal): Principal {
    if (this.revocations.covers(principal)) throw revoked();
    return principal;
  }

  #authenticateServer({ token, from }: Credential): Principal {
    // A subprotocol is a header too: the only one that the console's page can send with a WebSocket.
    if (from === "header" || from === "protocol") return this.#apiKeys.find(token);
    // Addresses, cookies and logs are no place for one.
    throw new AuthError(
      "unauthorized",
      "An API key goes in the Authorization header, or in a WebSocket's subprotocol.",
      "invalid_token",
    );
  }
}
