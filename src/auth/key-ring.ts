// The keys that tokens may be signed with, each with the algorithms that it is good for and no others.
import { createHash, createPublicKey, type webcrypto } from "node:crypto";
import type { JWK } from "jose";
import type { PublicKey } from "./auth-options.ts";

/** Signatures by a shared secret. */
export const SECRET_ALGORITHMS = ["HS256", "HS384", "HS512"];
const RSA = ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512"];
const CURVES = new Map([
  ["P-256", ["ES256"]],
  ["P-384", ["ES384"]],
  ["P-521", ["ES512"]],
  ["Ed25519", ["EdDSA", "Ed25519"]],
]);
/** Signatures by a key pair. */
export const PUBLIC_ALGORITHMS = [...RSA, ...[...CURVES.values()].flat()];

export interface RingKey {
  /** A secret's bytes, or a public key. */
  readonly key: Uint8Array | JWK;
  readonly kid: string | undefined;
  readonly algorithms: readonly string[];
  /** Tells it from other keys, also from those of other settings. */
  readonly id: string;
}

export class KeyRing {
  readonly #keys: RingKey[];

  /** @throws Error that says what is wrong with a key */
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

  /** Whether a key is among them, for an algorithm. */
  has(id: string, algorithm: string): boolean {
    return this.#keys.some((key) => key.id === id && key.algorithms.includes(algorithm));
  }

  /** The keys that a token with this header may have been signed with. */
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
    throw new Error(`a key of type ${jwk.kty} is for ${possible.join(", ")}, not for ${wrong}`);
  }
  return { key: jwk, kid: entry.kid ?? jwk.kid, algorithms: named, id: idOf(jwk) };
}

function idOf(key: unknown): string {
  return createHash("sha256").update(JSON.stringify(key)).digest("hex");
}

function readPem(text: string): JWK {
  if (text.includes("PRIVATE KEY"))
    throw new Error("this is a private key: it stays with whoever signs tokens; give the public one");
  try {
    return createPublicKey(text).export({ format: "jwk" }) as JWK;
  } catch (error) {
    throw new Error("this is not a public key in PEM form (-----BEGIN PUBLIC KEY-----)", { cause: error });
  }
}

function checkJwk(jwk: JWK): JWK {
  if (jwk.kty === "oct") throw new Error("a symmetric key is a secret: give it in secrets");
  if (jwk.d !== undefined) throw new Error("this JWK is a private key; leave d out");
  try {
    createPublicKey({ key: jwk as webcrypto.JsonWebKey, format: "jwk" });
  } catch (error) {
    throw new Error(`this is not a public key as JWK: ${(error as Error).message}`, { cause: error });
  }
  return jwk;
}

function algorithmsOf({ kty, crv, n }: JWK): string[] {
  if (kty === "RSA") {
    // Six bits a character. (RFC 7518 §3.3)
    if ((n ?? "").length * 6 < 2048) throw new Error("an RSA key must have 2,048 bits or more");
    return RSA;
  }
  const algorithms = CURVES.get(crv ?? "");
  if (!algorithms) throw new Error(`there is no algorithm for a key of type ${kty} ${crv ?? ""}`);
  return algorithms;
}
