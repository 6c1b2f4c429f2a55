// The `tls` option: certificate and private key, read from their files and validated.
import { createPrivateKey, X509Certificate } from "node:crypto";
import { readFileSync } from "node:fs";
import { Type } from "typebox";
import { schemaOf } from "../../protocol/exact-schema.ts";

/** Files for TLS. `cert` and `key` are both required. */
export interface TlsOptions {
  /**
   * File that contains the certificate, followed by its intermediate certificates (PEM).
   * @default none: required
   * @example "/etc/ssl/thump/cert.pem"
   */
  cert?: string;
  /**
   * File that contains the certificate's private key (PEM).
   * @default none: required
   * @example "/etc/ssl/thump/key.pem"
   */
  key?: string;
  /**
   * Passphrase of an encrypted private key.
   * @default undefined: the key is not encrypted
   * @example process.env["TLS_PASSPHRASE"]
   */
  passphrase?: string;
}

export const TlsSchema = schemaOf<TlsOptions>()(
  Type.Object(
    {
      cert: Type.Optional(Type.String({ minLength: 1 })),
      key: Type.Optional(Type.String({ minLength: 1 })),
      passphrase: Type.Optional(Type.String()),
    },
    { additionalProperties: false },
  ),
);

/**
 * Cipher suites for TLS 1.2: only those with forward secrecy and authenticated encryption (RFC 9325 §4.2). Bun's
 * default includes CBC, SHA-1 and RSA key exchange. All TLS 1.3 suites qualify, and Bun refuses versions before TLS
 * 1.2.
 */
export const CIPHERS = ["AES128-GCM-SHA256", "AES256-GCM-SHA384", "CHACHA20-POLY1305"]
  .flatMap((cipher) => [`ECDHE-ECDSA-${cipher}`, `ECDHE-RSA-${cipher}`])
  .join(":");

/** A certificate and its key, as read from their files. */
export interface TlsPair {
  readonly files: { readonly cert: string; readonly key: string };
  /** The contents, in the form that Bun's `tls` option expects. */
  readonly pem: { readonly cert: string; readonly key: string; readonly passphrase?: string };
  /** Expiry time of the certificate, in ms since 1970. */
  readonly expires: number;
}

/**
 * Reads and validates a certificate and its key.
 * @param now in ms since 1970
 * @throws Error that names the file and the reason: missing, unreadable, not PEM, key of a different certificate, expired
 */
export function readTls({ cert, key, passphrase }: TlsOptions, now: number): TlsPair {
  if (cert === undefined || key === undefined)
    throw new Error("both are required: the certificate (cert, --tls-cert) and its key (key, --tls-key)");
  const certText = read(cert);
  const keyText = read(key);
  const certificate = parse(cert, "certificate", () => new X509Certificate(certText));
  const privateKey = parseKey(key, keyText, passphrase);
  if (!certificate.checkPrivateKey(privateKey))
    throw new Error(`${key} is not the key of the first certificate in ${cert}`);
  const expires = Date.parse(certificate.validTo);
  if (now > expires) throw new Error(`${cert}: the certificate expired on ${certificate.validTo}`);
  if (now < Date.parse(certificate.validFrom))
    throw new Error(`${cert}: the certificate is not valid before ${certificate.validFrom}`);
  const pem = { cert: certText, key: keyText, ...(passphrase === undefined ? {} : { passphrase }) };
  return { files: { cert, key }, pem, expires };
}

function read(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    if (code === "ENOENT") throw new Error(`${path}: no such file`);
    if (code === "EACCES") throw new Error(`${path}: permission denied`);
    throw new Error(`${path}: ${message}`);
  }
}

function parseKey(path: string, text: string, passphrase: string | undefined) {
  // Matches PKCS #8, and the older format that names the cipher in a header.
  const encrypted = /BEGIN ENCRYPTED|Proc-Type: 4,ENCRYPTED/.test(text);
  if (encrypted && passphrase === undefined)
    throw new Error(`${path}: the key is encrypted; set its passphrase (passphrase, THUMP_TLS_PASSPHRASE)`);
  const what = encrypted ? "private key for this passphrase" : "private key";
  const options = { key: text, ...(passphrase === undefined ? {} : { passphrase }) };
  return parse(path, what, () => createPrivateKey(options));
}

function parse<T>(path: string, what: string, make: () => T): T {
  try {
    return make();
  } catch {
    // The crypto library's own message ("bad base64 decode") does not name the faulty file.
    throw new Error(`${path}: contains no ${what} in PEM format`);
  }
}
