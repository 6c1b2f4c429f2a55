// TokenVerifier: verifies tokens (JWT, RFC 7519) and reads the user and the grants from their claims.
import { createHash } from "node:crypto";
import { decodeProtectedHeader, errors, type JWTPayload, type JWTVerifyOptions, jwtVerify } from "jose";
import { TOKEN_ACTIONS } from "./actions.ts";
import { type Principal, NO_OPERATIONS, type Proof } from "./principal.ts";
import { Grants } from "./grants.ts";
import { type KeyRing, PUBLIC_ALGORITHMS, SECRET_ALGORITHMS } from "./key-ring.ts";
import { invalidToken } from "./auth-error.ts";
import type { Jwks } from "./jwks.ts";
import { checkSubject } from "./user-name.ts";

const MAX_TOKEN_LENGTH = 8192;
const MAX_ROOM_PATTERNS = 256;
/** Lifetime of a cached token. */
const CACHE_TTL_MS = 60_000;
const MAX_CACHED_TOKENS = 4096;

export interface TokenSettings {
  issuer: string[];
  audience: string[];
  leeway: number;
  lifetime: number;
}

/** A token with a valid signature and valid times. */
interface Verified extends Pick<Proof, "key" | "algorithm"> {
  claims: JWTPayload;
}

export class TokenVerifier {
  readonly #known = new Map<string, { principal: Principal; at: number }>();
  readonly #options: JWTVerifyOptions;

  constructor(
    readonly ring: KeyRing,
    readonly remote: Jwks | undefined,
    readonly settings: TokenSettings,
  ) {
    const { issuer, audience, leeway } = settings;
    this.#options = {
      clockTolerance: leeway / 1000,
      requiredClaims: ["exp"],
      ...(issuer.length > 0 ? { issuer } : {}),
      ...(audience.length > 0 ? { audience } : {}),
    };
  }

  /** Verifies a token. @throws ThumpError `unauthorized`, `unavailable` */
  verify(token: string): Principal | Promise<Principal> {
    const known = this.#known.get(token);
    if (known && performance.now() - known.at < CACHE_TTL_MS && Date.now() < (known.principal.deadline ?? 0))
      return known.principal;
    this.#known.delete(token);
    return this.#verify(token);
  }

  /** The principals of the cached tokens. */
  *recentPrincipals(): Iterable<Principal> {
    for (const { principal } of this.#known.values()) yield principal;
  }

  async #verify(token: string): Promise<Principal> {
    if (token.length > MAX_TOKEN_LENGTH)
      throw invalidToken(`The token has more than ${MAX_TOKEN_LENGTH} characters.`);
    const { claims, key, algorithm } = await this.#claims(token);
    const principal = this.#principalOf(token, claims, key, algorithm);
    if (this.#known.size >= MAX_CACHED_TOKENS) this.#known.delete(this.#known.keys().next().value as string);
    this.#known.set(token, { principal, at: performance.now() });
    return principal;
  }

  /**
   * Verifies the signature and the times. The token's header only selects a key; the key determines which algorithms
   * are accepted.
   */
  async #claims(token: string): Promise<Verified> {
    const { alg, kid } = readHeader(token);
    for (const { key, algorithms, id } of this.ring.find(alg, kid)) {
      try {
        // Here a token's signature, times, issuer and audience are verified.
        const { payload } = await jwtVerify(token, key, { ...this.#options, algorithms: [...algorithms] });
        return { claims: payload, key: id, algorithm: alg };
      } catch (error) {
        if (!(error instanceof errors.JWSSignatureVerificationFailed)) throw explain(error);
      }
    }
    if (this.remote && PUBLIC_ALGORITHMS.includes(alg))
      return {
        claims: await this.#remoteClaims(token, this.remote),
        key: this.remote.url,
        algorithm: alg,
      };
    if (![...SECRET_ALGORITHMS, ...PUBLIC_ALGORITHMS].includes(alg))
      throw invalidToken(`Tokens with alg ${JSON.stringify(alg).slice(0, 32)} are not accepted.`);
    throw invalidToken("The token is not signed by a known key.");
  }

  async #remoteClaims(token: string, remote: Jwks): Promise<JWTPayload> {
    const options = { ...this.#options, algorithms: PUBLIC_ALGORITHMS };
    try {
      return (await jwtVerify(token, remote.find, options)).payload;
    } catch (error) {
      if (!(error instanceof errors.JWKSMultipleMatchingKeys)) throw explain(error);
      // The token has no key id, so any of several keys may have signed it.
      for await (const key of error) {
        try {
          return (await jwtVerify(token, key, options)).payload;
        } catch (failed) {
          if (!(failed instanceof errors.JWSSignatureVerificationFailed)) throw explain(failed);
        }
      }
      throw invalidToken("The token is not signed by a known key.");
    }
  }

  /** Whether these settings accept a principal whose token was verified with earlier settings. */
  isStillValid({ proof, expires = 0 }: Principal): boolean {
    if (!proof || !this.#isShortEnough(expires)) return false;
    const { key, algorithm, issuer, audience } = proof;
    const { issuer: issuers, audience: audiences } = this.settings;
    const meant = typeof audience === "string" ? [audience] : (audience ?? []);
    return (
      (this.ring.has(key, algorithm) || key === this.remote?.url) &&
      (issuers.length === 0 || (issuer !== undefined && issuers.includes(issuer))) &&
      (audience === undefined ? audiences.length === 0 : meant.some((one) => audiences.includes(one)))
    );
  }

  #isShortEnough(expires: number): boolean {
    const { leeway, lifetime } = this.settings;
    return expires <= Date.now() + lifetime + leeway;
  }

  #principalOf(token: string, claims: JWTPayload, key: string, algorithm: string): Principal {
    const { leeway, lifetime, audience } = this.settings;
    const expires = Number(claims.exp) * 1000;
    if (!this.#isShortEnough(expires)) {
      throw invalidToken(
        `The token is valid for more than ${lifetime / 1000} s, the maximum lifetime that this server accepts.`,
      );
    }
    if (claims.iat !== undefined && claims.iat * 1000 > Date.now() + leeway)
      throw invalidToken("The token was issued in the future.");
    if (claims.aud !== undefined && audience.length === 0)
      throw invalidToken("The token has an audience (aud), but this server has none configured.");
    const hash = fingerprint(token);
    return {
      kind: "token",
      user: claims.sub === undefined ? undefined : checkSubject(claims.sub),
      info: own(claims, "info"),
      token: claims.jti === undefined ? hash : String(claims.jti),
      hash,
      issued: claims.iat === undefined ? undefined : claims.iat * 1000,
      expires,
      deadline: expires + leeway,
      grants: new Grants(readRooms(own(claims, "rooms")), TOKEN_ACTIONS),
      operations: NO_OPERATIONS,
      proof: { key, algorithm, issuer: claims.iss, audience: claims.aud },
    };
  }
}

/** Returns a claim that the token itself contains. Ignores properties inherited from the object's prototype. */
function own(claims: JWTPayload, name: string): unknown {
  return Object.hasOwn(claims, name) ? claims[name] : undefined;
}

/** The hash of a token. It identifies tokens even if they have no `jti`. */
function fingerprint(token: string): string {
  return `sha256:${createHash("sha256").update(token).digest("hex")}`;
}

function readHeader(token: string): { alg: string; kid: string | undefined } {
  try {
    const { alg, kid } = decodeProtectedHeader(token);
    if (typeof alg === "string" && (kid === undefined || typeof kid === "string")) return { alg, kid };
  } catch {
    // Not a JWT: the error is thrown below.
  }
  throw invalidToken("Not a token: expected a JWT, which has three parts separated by dots.");
}

function readRooms(rooms: unknown): Record<string, string[]> {
  if (rooms === undefined) return {};
  const entries =
    typeof rooms === "object" && rooms !== null && !Array.isArray(rooms) ? Object.entries(rooms) : undefined;
  const fits = entries?.every(
    ([pattern, actions]) =>
      pattern !== "" && Array.isArray(actions) && actions.every((action) => typeof action === "string"),
  );
  if (!entries || !fits)
    throw invalidToken('The token\'s rooms must be {"pattern":["join","publish","history","members"]}.');
  if (entries.length > MAX_ROOM_PATTERNS)
    throw invalidToken(`The token grants more than ${MAX_ROOM_PATTERNS} room patterns.`);
  return rooms as Record<string, string[]>;
}

/** Translates jose's errors into messages for the token's issuer. */
function explain(error: unknown): unknown {
  if (error instanceof errors.JWTExpired) return invalidToken("The token has expired.");
  if (error instanceof errors.JWTClaimValidationFailed) {
    const { claim, reason } = error;
    if (claim === "nbf" && reason === "check_failed")
      return invalidToken("The token is not valid yet (nbf).");
    if (reason === "missing") return invalidToken(`The token lacks ${claim}.`);
    return invalidToken(`This server does not accept the token's ${claim}.`);
  }
  if (error instanceof errors.JWKSNoMatchingKey)
    return invalidToken("The token is not signed by a known key.");
  if (error instanceof errors.JOSEError) return invalidToken("The token is malformed.");
  return error;
}
