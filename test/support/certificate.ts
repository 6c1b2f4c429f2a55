// A self-signed certificate for this machine, made by openssl in a folder that is deleted after the test.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { folder } from "./process.ts";

export interface TestCertificate {
  cert: string;
  key: string;
  /** The certificate as text. Clients must trust this certificate to accept the server. */
  pem: string;
}

/** The key types, as openssl arguments. */
const KEYS = { ec: "ec -pkeyopt ec_paramgen_curve:prime256v1", rsa: "rsa:2048" };

/**
 * Makes a certificate.
 * @param passphrase encrypts the key; must not contain spaces
 */
export function makeCertificate(
  passphrase?: string,
  directory = folder(),
  kind: keyof typeof KEYS = "ec",
): TestCertificate {
  const cert = join(directory, "cert.pem");
  const key = join(directory, "key.pem");
  const secret = passphrase === undefined ? "-nodes" : `-passout pass:${passphrase}`;
  const { exitCode, stderr } = Bun.spawnSync(
    `openssl req -x509 -newkey ${KEYS[kind]} -days 2 -subj /CN=localhost ${secret}
     -addext subjectAltName=DNS:localhost,IP:127.0.0.1 -keyout ${key} -out ${cert}`.split(/\s+/),
  );
  if (exitCode !== 0) throw new Error(`openssl: ${String(stderr)}`);
  return { cert, key, pem: readFileSync(cert, "utf8") };
}
