// Tokens for tests: valid tokens of every kind, and forged tokens.
import { createHmac, generateKeyPairSync, type KeyObject, sign } from "node:crypto";

export const SECRET = "a secret for tests, long enough to be one";
/** A secret that no test server accepts. */
export const OTHER_SECRET = "another secret, which no server in the tests accepts";

export const base64url = (value: string | object): string =>
  Buffer.from(typeof value === "string" ? value : JSON.stringify(value)).toString("base64url");

export const seconds = (fromNow = 0): number => Math.floor(Date.now() / 1000) + fromNow;

/** The claims of a user with all permissions in every room, for an hour. */
export const claims = (more: object = {}): object => ({
  sub: "u7",
  iat: seconds(),
  exp: seconds(3600),
  rooms: { "*": ["join", "publish", "history", "members"] },
  ...more,
});

const HMAC = { HS256: "sha256", HS384: "sha384", HS512: "sha512" } as const;

/**
 * Signs a token with a secret.
 * @param payload the claims as text, for JSON that no serializer would produce
 */
export function token(
  payload: string | object = claims(),
  secret: string | Buffer = SECRET,
  alg: keyof typeof HMAC = "HS256",
  header: object = {},
): string {
  const signed = `${base64url({ alg, typ: "JWT", ...header })}.${base64url(payload)}`;
  return `${signed}.${createHmac(HMAC[alg], secret).update(signed).digest("base64url")}`;
}

export interface Pair {
  publicKey: KeyObject;
  privateKey: KeyObject;
  /** The public key as PEM. */
  pem: string;
}

function pair(keys: { publicKey: KeyObject; privateKey: KeyObject }): Pair {
  return { ...keys, pem: String(keys.publicKey.export({ type: "spki", format: "pem" })) };
}

export const rsa = (): Pair => pair(generateKeyPairSync("rsa", { modulusLength: 2048 }));
export const ec = (namedCurve: "P-256" | "P-384" | "P-521" = "P-256"): Pair =>
  pair(generateKeyPairSync("ec", { namedCurve }));
export const ed25519 = (): Pair => pair(generateKeyPairSync("ed25519"));

/** Signs a token with a private key and the algorithm `alg` (RFC 7518 §3.1). */
export function tokenBy(
  { privateKey: key }: Pair,
  alg: string,
  payload: object = claims(),
  header: object = {},
): string {
  const signed = `${base64url({ alg, typ: "JWT", ...header })}.${base64url(payload)}`;
  const hash = alg.startsWith("Ed") ? null : `sha${alg.slice(2)}`;
  const signature = sign(hash, Buffer.from(signed), {
    key,
    ...(alg.startsWith("PS") ? { padding: 6, saltLength: Number(alg.slice(2)) / 8 } : {}),
    ...(alg.startsWith("ES") ? { dsaEncoding: "ieee-p1363" as const } : {}),
  });
  return `${signed}.${signature.toString("base64url")}`;
}

/** The Authorization header for a token. */
export const bearer = (credential: string) => ({ authorization: `Bearer ${credential}` });
