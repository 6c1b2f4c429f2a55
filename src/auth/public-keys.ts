// The `access.keys` option: public keys that verify tokens.
import { Type } from "typebox";

/** A public key as a JSON Web Key (RFC 7517), with the fields of its type (`n`, `e`, `crv`, `x`, …). */
export interface PublicJwk {
  /**
   * Key type.
   * @example "RSA"
   */
  kty: string;
  /**
   * Key id. A token with a different key id is not verified with this key.
   * @default undefined: verifies tokens with any key id
   * @example "2026-03"
   */
  kid?: string;
  /**
   * Signature algorithm that the key is used for (RFC 7517 §4.4).
   * @default undefined: every algorithm that fits the key type
   * @example "RS256"
   */
  alg?: string;
  /**
   * Intended use (RFC 7517 §4.2). Not checked.
   * @default undefined
   * @example "sig"
   */
  use?: string;
  /**
   * Intended operations (RFC 7517 §4.3). Not checked.
   * @default undefined
   * @example ["verify"]
   */
  key_ops?: string[];
  /**
   * Modulus of an RSA key, base64url (RFC 7518 §6.3.1).
   * @default undefined: required for `kty: "RSA"`
   * @example "0vx7…"
   */
  n?: string;
  /**
   * Exponent of an RSA key, base64url.
   * @default undefined: required for `kty: "RSA"`
   * @example "AQAB"
   */
  e?: string;
  /**
   * Curve of an elliptic-curve key (RFC 7518 §6.2.1, RFC 8037).
   * @default undefined: required for `kty: "EC"` and `kty: "OKP"`
   * @example "P-256"
   */
  crv?: string;
  /**
   * X coordinate of an elliptic-curve key, base64url.
   * @default undefined: required for `kty: "EC"` and `kty: "OKP"`
   * @example "MKBC…"
   */
  x?: string;
  /**
   * Y coordinate of an elliptic-curve key, base64url.
   * @default undefined: required for `kty: "EC"`
   * @example "4Etl…"
   */
  y?: string;
}

/** A public key whose use is restricted. */
export interface RestrictedKey {
  /**
   * The key: PEM text, or a JWK.
   * @example await Bun.file("public.pem").text()
   */
  key: string | PublicJwk;
  /**
   * Key id. A token with a different key id is not verified with this key.
   * @default the JWK's key id
   * @example "2026-03"
   */
  kid?: string;
  /**
   * Signature algorithms that the key may be used for.
   * @default every algorithm that fits the key type
   * @example ["RS256"]
   */
  algorithms?: string[];
}

/** A public key that verifies tokens: PEM text, a JWK, or either with restrictions. */
export type PublicKey = string | PublicJwk | RestrictedKey;

const Text = Type.Optional(Type.String());
/** Additional members are allowed: key sets also contain certificates and provider-specific members. */
const JwkSchema = Type.Object({
  kty: Type.String(),
  kid: Text,
  alg: Text,
  use: Text,
  key_ops: Type.Optional(Type.Array(Type.String())),
  n: Text,
  e: Text,
  crv: Text,
  x: Text,
  y: Text,
});
export const PublicKeySchema = Type.Union([
  Type.String({ minLength: 1 }),
  Type.Object(
    {
      key: Type.Union([Type.String(), JwkSchema]),
      kid: Type.Optional(Type.String()),
      algorithms: Type.Optional(Type.Array(Type.String(), { minItems: 1 })),
    },
    { additionalProperties: false },
  ),
  JwkSchema,
]);
