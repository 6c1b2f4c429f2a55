// KeyRing: the configured secrets and public keys, each with its permitted signature algorithms.
import { createHash, createPublicKey, type webcrypto } from "node:crypto";
import type { JWK } from "jose";
import type { PublicKey } from "./public-keys.ts";

/** Signature algorithms for shared secrets. */
export const SECRET_ALGORITHMS = ["HS256", "HS384", "HS512"];
const RSA = ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512"];
const CURVES = new Map([
  ["P-256", ["ES256"]],
  ["P-384", ["ES384"]],
  ["P-521", ["ES512"]],
  ["Ed25519", ["EdDSA", "Ed25519"]],
]);
/** Signature algorithms for key pairs. */
export const PUBLIC_ALGORITHMS = [...RSA, ...[...CURVES.values()].flat()];

export interface RingKey {
  /** A secret's bytes, or a public key. */
  readonly key: Uint8Array | JWK;
  readonly kid: string | undefined;
  readonly algorithms: readonly string[];
  /** Hash of the key. It stays the same across reloads. */
  readonly id: string;
}

export class KeyRing {
  readonly #keys: RingKey[];

  /** @throws Error if a key is invalid */
  constructor(secrets: readonly string[], keys: readonly PublicKey[]) {
    const encoder = new TextEncoder();
    this.#keys = [
      ...secrets.map((secret) => ({
        key: encoder.encode(secret),
        kid: undefined,
        algorithms: SECRET_ALGORITHMS,
        id: idOf(secret),
      })),
      ...keys.map(readPublicKey),
    ];
  }

  /** Whether a key is configured for an algorithm. */
  has(id: string, algorithm: string): boolean {
    return this.#keys.some((key) => key.id === id && key.algorithms.includes(algorithm));
  }

  /** The keys that may verify a token whose header contains this algorithm and key id. */
  find(algorithm: string, kid: string | undefined): RingKey[] {
    return this.#keys.filter(
      (key) =>
        key.algorithms.includes(algorithm) && (kid === undefined || key.kid === undefined || key.kid === kid),
    );
  }
}

function readPublicKey(given: PublicKey): RingKey {
  const entry = typeof given === "object" && "key" in given ? given : { key: given };
  const { key } = entry;
  const jwk = typeof key === "string" ? readPem(key) : checkJwk(key as JWK);
  const possible = algorithmsOf(jwk);
  const named = entry.algorithms ?? (jwk.alg === undefined ? possible : [jwk.alg]);
  const wrong = named.find((algorithm) => !possible.includes(algorithm));
  if (wrong !== undefined) {
    throw new Error(`a key of type ${jwk.kty} supports ${possible.join(", ")}, not ${wrong}`);
  }
  return { key: jwk, kid: entry.kid ?? jwk.kid, algorithms: named, id: idOf(jwk) };
}

function idOf(key: unknown): string {
  return createHash("sha256").update(JSON.stringify(key)).digest("hex");
}

function readPem(text: string): JWK {
  if (text.includes("PRIVATE KEY"))
    throw new Error("this is a private key; configure the public key instead");
  try {
    return createPublicKey(text).export({ format: "jwk" }) as JWK;
  } catch (error) {
    throw new Error("not a public key in PEM format (-----BEGIN PUBLIC KEY-----)", { cause: error });
  }
}

function checkJwk(jwk: JWK): JWK {
  if (jwk.kty === "oct") throw new Error("a symmetric key is a secret; put it in secrets");
  if (jwk.d !== undefined) throw new Error("this JWK is a private key; remove d");
  try {
    createPublicKey({ key: jwk as webcrypto.JsonWebKey, format: "jwk" });
  } catch (error) {
    throw new Error(`not a public key in JWK format: ${(error as Error).message}`, { cause: error });
  }
  return jwk;
}

function algorithmsOf({ kty, crv, n }: JWK): string[] {
  if (kty === "RSA") {
    // RFC 7518 §3.3 requires 2,048 bits. A Base64 character encodes six bits.
    if ((n ?? "").length * 6 < 2048) throw new Error("an RSA key must have at least 2,048 bits");
    return RSA;
  }
  const algorithms = CURVES.get(crv ?? "");
  if (!algorithms) throw new Error(`keys of type ${kty} ${crv ?? ""} are not supported`);
  return algorithms;
}
