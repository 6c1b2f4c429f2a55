// The options of access: whom the server believes, and what API keys may do.
import { type Static, Type } from "typebox";
import { Duration } from "../rooms/rule.ts";
import { durationMs } from "../rooms/units.ts";

/** In bytes. A shorter secret can be guessed (RFC 7518 §3.2). */
const MIN_SECRET_BYTES = 32;
const Jwk = Type.Object({ kty: Type.String(), kid: Type.Optional(Type.String()) });
const PublicKey = Type.Union([
  Type.String({ minLength: 1 }),
  Type.Object(
    {
      key: Type.Union([Type.String(), Jwk]),
      kid: Type.Optional(Type.String()),
      algorithms: Type.Optional(Type.Array(Type.String(), { minItems: 1 })),
    },
    { additionalProperties: false },
  ),
  Jwk,
]);
const JwksOptions = Type.Object(
  { url: Type.String(), cache: Type.Optional(Duration), cooldown: Type.Optional(Duration) },
  { additionalProperties: false },
);
const Names = Type.Union([
  Type.String({ minLength: 1 }),
  Type.Array(Type.String({ minLength: 1 }), { minItems: 1 }),
]);

const ApiKey = Type.Object(
  {
    name: Type.String({ minLength: 1 }),
    hash: Type.String({ pattern: "^[0-9a-f]{64}$" }),
    rooms: Type.Optional(
      Type.Record(
        Type.String({ minLength: 1 }),
        Type.Array(
          Type.Union([
            Type.Literal("join"),
            Type.Literal("publish"),
            Type.Literal("history"),
            Type.Literal("members"),
            Type.Literal("list"),
            Type.Literal("forget"),
          ]),
        ),
      ),
    ),
    may: Type.Optional(
      Type.Array(
        Type.Union([
          Type.Literal("disconnect"),
          Type.Literal("revoke"),
          Type.Literal("metrics"),
          Type.Literal("inspect"),
        ]),
      ),
    ),
  },
  { additionalProperties: false },
);
export type ApiKey = Static<typeof ApiKey>;
export type PublicKey = Static<typeof PublicKey>;

export const AccessOptions = Type.Object(
  {
    secrets: Type.Optional(Type.Union([Type.String(), Type.Array(Type.String())])),
    keys: Type.Optional(Type.Array(PublicKey)),
    jwks: Type.Optional(Type.Union([Type.String(), JwksOptions])),
    issuer: Type.Optional(Names),
    audience: Type.Optional(Names),
    leeway: Type.Optional(Duration),
    lifetime: Type.Optional(Duration),
    resume: Type.Optional(Duration),
    cookie: Type.Optional(Type.String({ pattern: "^[!#$%&'*+.^_`|~0-9A-Za-z-]+$" })),
    apiKeys: Type.Optional(Type.Array(ApiKey)),
  },
  { additionalProperties: false },
);

/**
 * - `secrets`: for tokens by HS256, HS384 or HS512; several at once while one replaces another.
 * - `keys`: public keys as PEM or JWK, for RS, PS, ES and EdDSA; `{ key, kid, algorithms }` narrows one.
 * - `jwks`: where a sign-in service publishes its keys; `{ url, cache, cooldown }`: fetched again after `cache`
 *   (10m), and for a key that is not known, but not within `cooldown` (30s) of the last time.
 * - `issuer`, `audience`: what tokens must say in `iss` and `aud`. A token with an `aud` needs `audience`.
 * - `leeway`: by how much clocks may differ (10s): how long after its `exp` a token still counts.
 * - `lifetime`: the longest that a token may still be good for (30d): so long are revocations remembered.
 * - `resume`: how far back a cursor reaches for somebody who may join a room but not read its history (5m).
 * - `cookie`: the name of a cookie that may hold the token. Then the page's origin must be allowed.
 * - `apiKeys`: of servers: `hash` is the SHA-256 of the key in hex (`thump key` makes both). `rooms` says what it
 *   may do where, `may` what else; one that says neither may do everything.
 */
export type AccessOptions = Static<typeof AccessOptions>;

/** With every default filled in; durations in ms. */
export interface AccessSettings {
  secrets: string[];
  keys: PublicKey[];
  jwks: { url: string; cache: number; cooldown: number } | undefined;
  issuer: string[];
  audience: string[];
  leeway: number;
  lifetime: number;
  resume: number;
  cookie: string | undefined;
  apiKeys: ApiKey[];
}

/** Fills in the defaults. */
export function resolveAccess(given: AccessOptions = {}): AccessSettings {
  const jwks = typeof given.jwks === "string" ? { url: given.jwks } : given.jwks;
  return {
    secrets: list(given.secrets),
    keys: given.keys ?? [],
    jwks: jwks && {
      url: jwks.url,
      cache: durationMs(jwks.cache ?? "10m"),
      cooldown: durationMs(jwks.cooldown ?? "30s"),
    },
    issuer: list(given.issuer),
    audience: list(given.audience),
    leeway: durationMs(given.leeway ?? "10s"),
    lifetime: durationMs(given.lifetime ?? "30d"),
    resume: durationMs(given.resume ?? "5m"),
    cookie: given.cookie,
    apiKeys: given.apiKeys ?? [],
  };
}

/** Whether there is anything by which to tell people apart. */
export function hasCredentials({ secrets, keys, jwks, apiKeys }: AccessSettings): boolean {
  return secrets.length > 0 || keys.length > 0 || jwks !== undefined || apiKeys.length > 0;
}

/** What is wrong with the options that their schema cannot see. */
export function accessFault({ secrets }: AccessOptions): string | undefined {
  return list(secrets).some((secret) => Buffer.byteLength(secret) < MIN_SECRET_BYTES)
    ? `secrets: a secret must have ${MIN_SECRET_BYTES} bytes or more, e.g. what openssl rand -base64 32 prints`
    : undefined;
}

function list<T>(value: T | T[] | undefined): T[] {
  return value === undefined ? [] : Array.isArray(value) ? value : [value];
}
