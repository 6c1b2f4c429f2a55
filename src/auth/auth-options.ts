// The `access` option: credentials that the server accepts, and the permissions of API keys.
import { Type } from "typebox";
import { schemaOf } from "../protocol/exact-schema.ts";
import { type Duration, DurationSchema } from "../rooms/rule-options.ts";
import { durationMs } from "../rooms/units.ts";
import { type PublicKey, PublicKeySchema } from "./public-keys.ts";

/** A shorter secret can be guessed (RFC 7518 §3.2). */
const MIN_SECRET_BYTES = 32;

/** The key set of a sign-in service, with caching options. */
export interface JwksOptions {
  /**
   * URL of the JSON Web Key Set. Must be HTTPS, or HTTP on this machine.
   * @example "https://login.example/.well-known/jwks.json"
   */
  url: string;
  /**
   * Time after which the cached keys are fetched again: seconds, or a string with a unit.
   * @default "10m"
   * @example "1h"
   */
  cache?: Duration;
  /**
   * Minimum time between two fetches caused by tokens with unknown key ids: seconds, or a string with a unit.
   * @default "30s"
   * @example "1m"
   */
  cooldown?: Duration;
}

/** An API key of a backend service. `thump key` prints a new key and its hash. */
export interface ApiKey {
  /**
   * Name of the service, for documentation only. The server does not use it.
   * @example "backend"
   */
  name: string;
  /**
   * SHA-256 hash of the key: 64 lowercase hexadecimal digits. The key itself does not appear in the configuration.
   * @example process.env["BACKEND_HASH"]
   */
  hash: string;
  /**
   * Permitted actions per room pattern.
   * @default all actions in all rooms if `may` is unset too, otherwise none
   * @example { "weather:*": ["publish"] }
   */
  rooms?: Record<string, ("join" | "publish" | "history" | "members" | "list" | "forget")[]>;
  /**
   * Permitted server-wide operations.
   * @default all operations if `rooms` is unset too, otherwise none
   * @example ["disconnect", "revoke"]
   */
  may?: ("disconnect" | "revoke" | "metrics" | "inspect")[];
}

/**
 * Credentials that the server accepts. If any are configured, every action requires a token or an API key that grants
 * it, unless the room's rule opens the action to anyone.
 */
export interface AccessOptions {
  /**
   * Shared secrets for tokens signed with HS256, HS384 or HS512. Each must have at least 32 bytes. To rotate a secret,
   * configure the old and the new one together.
   * @default []
   * @example [process.env["NEW_SECRET"]!, process.env["OLD_SECRET"]!]
   */
  secrets?: string | string[];
  /**
   * Public keys for tokens signed with RS, PS, ES or EdDSA algorithms.
   * @default []
   * @example [await Bun.file("public.pem").text()]
   */
  keys?: PublicKey[];
  /**
   * URL of the key set (JWKS) that a sign-in service publishes, or an object with the URL and caching options.
   * @default undefined
   * @example "https://login.example/.well-known/jwks.json"
   */
  jwks?: string | JwksOptions;
  /**
   * Accepted values of the token claim `iss`.
   * @default undefined: any issuer
   * @example "https://login.example"
   */
  issuer?: string | string[];
  /**
   * Accepted values of the token claim `aud`.
   * @default undefined: tokens with an audience are refused
   * @example "thump"
   */
  audience?: string | string[];
  /**
   * Tolerated clock difference between servers: seconds, or a string with a unit. A token is accepted for this long
   * after its `exp`.
   * @default "10s"
   * @example "1m"
   */
  leeway?: Duration;
  /**
   * Maximum remaining lifetime of a token: seconds, or a string with a unit. Revocations are stored for this long.
   * @default "30d"
   * @example "1d"
   */
  lifetime?: Duration;
  /**
   * Maximum age of the publications that a client can recover with a cursor if it may join a room but not read the
   * room's history. Seconds, or a string with a unit.
   * @default "5m"
   * @example "1m"
   */
  resume?: Duration;
  /**
   * Name of a cookie that may contain the token. The server accepts a cookie only from pages on its own host or on an
   * origin listed in `origins`.
   * @default undefined: no cookie is read
   * @example "session"
   */
  cookie?: string;
  /**
   * API keys of backend services.
   * @default []
   * @example [{ name: "backend", hash: process.env["BACKEND_HASH"]! }]
   */
  apiKeys?: ApiKey[];
}

const JwksSchema = Type.Object(
  { url: Type.String(), cache: Type.Optional(DurationSchema), cooldown: Type.Optional(DurationSchema) },
  { additionalProperties: false },
);
const NamesSchema = Type.Union([
  Type.String({ minLength: 1 }),
  Type.Array(Type.String({ minLength: 1 }), { minItems: 1 }),
]);

const ApiKeySchema = Type.Object(
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

export const AccessSchema = schemaOf<AccessOptions>()(
  Type.Object(
    {
      secrets: Type.Optional(Type.Union([Type.String(), Type.Array(Type.String())])),
      keys: Type.Optional(Type.Array(PublicKeySchema)),
      jwks: Type.Optional(Type.Union([Type.String(), JwksSchema])),
      issuer: Type.Optional(NamesSchema),
      audience: Type.Optional(NamesSchema),
      leeway: Type.Optional(DurationSchema),
      lifetime: Type.Optional(DurationSchema),
      resume: Type.Optional(DurationSchema),
      cookie: Type.Optional(Type.String({ pattern: "^[!#$%&'*+.^_`|~0-9A-Za-z-]+$" })),
      apiKeys: Type.Optional(Type.Array(ApiKeySchema)),
    },
    { additionalProperties: false },
  ),
);

/** `AccessOptions` with every default filled in; durations in ms. */
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

/** Whether any credentials are configured. */
export function hasCredentials({ secrets, keys, jwks, apiKeys }: AccessSettings): boolean {
  return secrets.length > 0 || keys.length > 0 || jwks !== undefined || apiKeys.length > 0;
}

/** Checks what the schema cannot express. Returns the error, or undefined. */
export function accessFault({ secrets }: AccessOptions): string | undefined {
  return list(secrets).some((secret) => Buffer.byteLength(secret) < MIN_SECRET_BYTES)
    ? `secrets: each secret must have at least ${MIN_SECRET_BYTES} bytes; create one with openssl rand -base64 32`
    : undefined;
}

function list<T>(value: T | T[] | undefined): T[] {
  return value === undefined ? [] : Array.isArray(value) ? value : [value];
}
