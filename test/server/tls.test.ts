// TLS options: an invalid certificate or key is reported before the server listens, by `check`, and on a reload.
import { expect, test } from "bun:test";
import { chmodSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { readTls } from "../../src/server/config/tls.ts";
import { makeCertificate } from "../support/certificate.ts";
import { folder, runProcess, startProcess } from "../support/process.ts";
import { startReloadable } from "../support/reloadable.ts";
import { startServer } from "../support/server.ts";
import { isRoot, testIf } from "../support/skip.ts";

const DAY = 86_400_000;
const soon = () => Date.now() + 60_000;

test("the certificate, its expiry and the key are read", () => {
  const { cert, key, pem } = makeCertificate();
  const pair = readTls({ cert, key }, soon());
  expect(pair).toMatchObject({ files: { cert, key }, pem: { cert: pem } });
  expect(Math.abs(pair.expires - Date.now() - 2 * DAY)).toBeLessThan(DAY);
});

test("each invalid certificate or key has a specific error", () => {
  const { cert, key } = makeCertificate();
  const other = makeCertificate();
  const locked = makeCertificate("open-sesame");
  const files = folder({ "empty.pem": "", "bad.pem": "-----BEGIN CERTIFICATE-----\nAAAA\n" });
  const bad = join(files, "bad.pem");
  const refusals: [string, Parameters<typeof readTls>[0], number, string][] = [
    ["no key", { cert }, soon(), "both are required"],
    ["no certificate", { key }, soon(), "both are required"],
    ["no such file", { cert: "/nowhere/cert.pem", key }, soon(), "/nowhere/cert.pem: no such file"],
    ["a folder", { cert: files, key }, soon(), files],
    [
      "a file without a certificate",
      { cert: bad, key },
      soon(),
      `${bad}: contains no certificate in PEM format`,
    ],
    ["swapped files", { cert: key, key: cert }, soon(), `${key}: contains no certificate`],
    ["a file without a key", { cert, key: bad }, soon(), `${bad}: contains no private key in PEM format`],
    [
      "the key of a different certificate",
      { cert, key: other.key },
      soon(),
      `${other.key} is not the key of`,
    ],
    ["an encrypted key", locked, soon(), "THUMP_TLS_PASSPHRASE"],
    ["a wrong passphrase", { ...locked, passphrase: "wrong" }, soon(), "for this passphrase"],
    ["expired", { cert, key }, Date.now() + 3 * DAY, "expired on"],
    ["not yet valid", { cert, key }, Date.now() - DAY, "not valid before"],
  ];
  for (const [what, options, now, words] of refusals)
    expect([what, refusal(options, now)]).toEqual([what, expect.stringContaining(words)]);
});

function refusal(options: Parameters<typeof readTls>[0], now: number): string {
  try {
    readTls(options, now);
  } catch (error) {
    return (error as Error).message;
  }
  return "the pair was accepted";
}

// Skipped for root, who can read every file.
testIf(isRoot)("the error names a key file without read permission", () => {
  const { cert, key } = makeCertificate();
  chmodSync(key, 0);
  expect(refusal({ cert, key }, soon())).toBe(`${key}: permission denied`);
});

test("an encrypted key is opened with its passphrase", async () => {
  const { cert, key, pem } = makeCertificate("open-sesame");
  const server = startServer({ tls: { cert, key, passphrase: "open-sesame" } });
  expect((await fetch(`${server.url}/healthz`, { tls: { ca: pem } })).status).toBe(200);
});

test("with flags, the banner contains https; an incomplete pair exits with 2 and a message", async () => {
  const { cert, key, pem } = makeCertificate();
  const started = await startProcess(["--port", "0", "--tls-cert", cert, "--tls-key", key]);
  expect(started.url).toStartWith("https://127.0.0.1:");
  await started.out.until((lines) =>
    lines.some((line) => line.includes("curl -d 'hello' https://127.0.0.1:")),
  );
  expect((await fetch(`${started.url}/healthz`, { tls: { ca: pem } })).status).toBe(200);
  const { code, err } = await runProcess(["--port", "0", "--tls-cert", cert]);
  expect([code, err]).toEqual([2, expect.stringContaining("thump: tls: both are required")]);
});

test("environment and config file can be combined; thump check masks the passphrase", async () => {
  const { cert, key } = makeCertificate("open-sesame");
  const cwd = folder({ "thump.config.json": JSON.stringify({ tls: { cert } }) });
  const env = { THUMP_TLS_KEY: key, THUMP_TLS_PASSPHRASE: "open-sesame" };
  const { code, out } = await runProcess(["check"], env, cwd);
  expect(code).toBe(0);
  expect(out).not.toContain("sesame");
  expect(out).not.toContain("BEGIN");
  expect(JSON.parse(out)).toMatchObject({ tls: { cert, key, passphrase: "(not shown)" } });
  expect((await runProcess(["check"], { THUMP_TLS_KEY: key }, cwd)).code).toBe(2);
});

test("a renewed pair is logged as requiring a restart; an invalid pair changes nothing", async () => {
  const { cert, key } = makeCertificate();
  const config = (drain: number) => ({ tls: { cert, key }, drain });
  const server = await startReloadable(config(1));
  expect(await server.reload(config(2))).toMatchObject([{ changed: "drain" }]);
  makeCertificate(undefined, dirname(cert));
  expect(await server.reload(config(3))).toMatchObject([
    { changed: "drain" },
    { level: "WARN", restart: "tls" },
  ]);
  writeFileSync(key, "");
  const [line] = await server.reload(config(4));
  expect(line).toMatchObject({
    level: "ERROR",
    reason: `tls: ${key}: contains no private key in PEM format`,
  });
});

/** Connects a client that offers only these ciphers. Returns the agreed cipher, or undefined if the server refuses. */
async function agreed(port: number, ...offer: string[]): Promise<string | undefined> {
  const client = Bun.spawn(["openssl", "s_client", "-connect", `127.0.0.1:${port}`, ...offer], {
    stdin: new Uint8Array(),
    stdout: "pipe",
    stderr: "ignore",
  });
  const [, cipher] = /Cipher is (\S+)/.exec(await new Response(client.stdout).text()) ?? [];
  return cipher === "(NONE)" ? undefined : cipher;
}

test.each(["ec", "rsa"] as const)(
  "TLS 1.2 with a key of type %s: only ciphers with forward secrecy and authenticated encryption",
  async (kind) => {
    const { cert, key } = makeCertificate(undefined, undefined, kind);
    const { port } = startServer({ tls: { cert, key } });
    const suites = {
      ec: ["ECDHE-ECDSA-AES128-GCM-SHA256", "ECDHE-ECDSA-AES256-GCM-SHA384", "ECDHE-ECDSA-CHACHA20-POLY1305"],
      rsa: ["ECDHE-RSA-AES128-GCM-SHA256", "ECDHE-RSA-AES256-GCM-SHA384", "ECDHE-RSA-CHACHA20-POLY1305"],
    };
    const old = [
      "AES128-SHA",
      "AES256-SHA",
      "AES128-GCM-SHA256",
      "AES256-GCM-SHA384",
      "ECDHE-RSA-AES128-SHA",
      "ECDHE-RSA-AES256-SHA",
      "ECDHE-ECDSA-AES128-SHA",
      "ECDHE-ECDSA-AES256-SHA",
    ];
    const by12 = (cipher: string) => agreed(port, "-tls1_2", "-cipher", `${cipher}:@SECLEVEL=0`);
    for (const cipher of suites[kind]) expect(await by12(cipher)).toBe(cipher);
    for (const cipher of old) expect([cipher, await by12(cipher)]).toEqual([cipher, undefined]);
    expect(await agreed(port, "-tls1_3")).toStartWith("TLS_");
    for (const version of ["-tls1", "-tls1_1"])
      expect(await agreed(port, version, "-cipher", "ALL:@SECLEVEL=0")).toBeUndefined();
  },
);
