// Forged tokens in addition to those in test/auth/tokens.test.ts: headers with keys, duplicate claims, huge tokens,
// floods.
import { expect, test } from "bun:test";
import { createHash } from "node:crypto";
import { Clock } from "../support/clock.ts";
import { metricsOf } from "../support/metrics.ts";
import { startServer } from "../support/server.ts";
import {
  base64url,
  bearer,
  claims,
  ec,
  OTHER_SECRET,
  rsa,
  SECRET,
  seconds,
  token,
  tokenBy,
} from "../support/tokens.ts";
import { attempt, WAYS_IN } from "../support/ways-in.ts";
import { unharmed } from "../support/unharmed.ts";

const RSA = rsa();
const EC = ec();
const OWN = ec();
const jwk = OWN.publicKey.export({ format: "jwk" });
const der = OWN.publicKey.export({ type: "spki", format: "der" }).toString("base64");
/** A server that records requests, to detect a token that makes the server under test fetch a URL. */
const trap = () => {
  const fetched: string[] = [];
  const server = Bun.serve({
    port: 0,
    hostname: "127.0.0.1",
    fetch(request) {
      fetched.push(request.url);
      return Response.json({ keys: [{ ...jwk, kid: "own", alg: "ES256" }] });
    },
  });
  return { fetched, url: `http://127.0.0.1:${server.port}/jwks.json`, stop: () => server.stop(true) };
};

const own = (header: object) => tokenBy(OWN, "ES256", claims(), header);
const [head = "", body = "", signature = ""] = token().split(".");
const FORGED: Record<string, (url: string) => string> = {
  "its own key (jwk)": () => own({ jwk }),
  "its own key with a configured key id": () => own({ jwk: { ...jwk, kid: "2026" }, kid: "2026" }),
  "a URL of keys (jku)": (url) => own({ jku: url, kid: "own" }),
  "a URL of certificates (x5u)": (url) => own({ x5u: url }),
  "its own certificate (x5c)": () => own({ x5c: [der], x5t: "x", "x5t#S256": "x" }),
  "a URL of keys as its key id": (url) => own({ kid: url }),
  ...Object.fromEntries(
    [
      "../../../../dev/null",
      "/dev/null",
      "' OR 1=1 --",
      "$(id)",
      "__proto__",
      "constructor",
      "",
      "\0",
      "2026\n",
      "x".repeat(2000),
    ].map((kid) => [
      `the key id ${JSON.stringify(kid).slice(0, 30)} with an empty secret`,
      () => token(claims(), "", "HS256", { kid }),
    ]),
  ),
  "a configured key id, signed with its own key": () => own({ kid: "2026" }),
  "the configured RSA key as a secret, with its key id": () =>
    token(claims(), RSA.pem, "HS256", { kid: "2026" }),
  "the configured EC key as a secret": () => token(claims(), EC.pem),
  "the JWK of the configured RSA key as a secret": () =>
    token(claims(), JSON.stringify(RSA.publicKey.export({ format: "jwk" }))),
  "an RSA signature with a PS algorithm": () =>
    tokenBy(RSA, "RS256").replace(/^[^.]+/, base64url({ alg: "PS256" })),
  "a signature of zeros": () =>
    `${base64url({ alg: "ES256" })}.${body}.${Buffer.alloc(64).toString("base64url")}`,
  "the algorithm twice, none last": () => `${base64url('{"alg":"HS256","alg":"none"}')}.${body}.`,
  "the algorithm twice, none first": () => `${base64url('{"alg":"none","alg":"HS256"}')}.${body}.`,
  "an algorithm in lower case": () => `${base64url({ alg: "hs256" })}.${body}.${signature}`,
  "an algorithm with a blank": () => `${base64url({ alg: "none " })}.${body}.`,
  "an algorithm of a prototype": () => `${base64url('{"__proto__":{"alg":"none"}}')}.${body}.`,
  "a payload that is not encoded (b64)": () =>
    token(claims(), SECRET, "HS256", { b64: false, crit: ["b64"] }),
  "a compressed payload (zip)": () => token(claims(), OTHER_SECRET, "HS256", { zip: "DEF" }),
  "an encrypted token of five parts": () => `${base64url({ alg: "dir", enc: "A128GCM" })}..aaaa.bbbb.cccc`,
  "exp twice, the past one last": () => token(`{"exp":${seconds(60)},"exp":${seconds(-60)},"sub":"u7"}`),
  "nbf twice": () => token(`{"exp":${seconds(60)},"nbf":${seconds(-60)},"nbf":${seconds(50)}}`),
  "an expiry that is not a number": () => token('{"sub":"u7","exp":null}'),
  "an expiry below zero": () => token('{"sub":"u7","exp":-1}'),
  "an expiry as a list": () => token(`{"exp":[${seconds(60)}]}`),
  "a huge header": () => token(claims(), SECRET, "HS256", { x: "x".repeat(9000) }),
  "ten thousand dots": () => ".".repeat(7000),
  "characters outside base64": () => `${head}.${body}.${"*".repeat(43)}`,
  "very deeply nested claims": () =>
    token(`{"exp":${seconds(60)},"rooms":${"[".repeat(2500)}${"]".repeat(2500)}}`),
  "an audience in a list": () => token(claims({ aud: ["https://other.example"] })),
  "a signature with padding": () => `${token(claims(), OTHER_SECRET)}==`,
};

test.each(Object.entries(FORGED))("a token is rejected on every route with %s", async (_, forge) => {
  const { fetched, url, stop } = trap();
  const server = startServer({ access: { secrets: SECRET, keys: [{ key: RSA.pem, kid: "2026" }, EC.pem] } });
  const forged = forge(url);
  for (const [name, way] of Object.entries(WAYS_IN)) {
    const { status, code } = await way(server, bearer(forged));
    expect([name, status, code]).toEqual([name, 401, "unauthorized"]);
  }
  expect(server.thump.hub.sessions.size).toBe(0);
  expect(fetched).toEqual([]);
  await stop();
});

test("a token of the maximum header length is rejected, with or without a specific error", async () => {
  const server = startServer({ access: { secrets: SECRET } });
  for (const length of [6200, 10_000]) {
    const huge = token(claims({ info: "x".repeat(length) }));
    expect((await attempt(server.room("r"), { headers: bearer(huge) })).status).toBe(401);
    expect((await attempt(server.room("r", `?token=${huge}`))).status).toBe(401);
  }
  const response = await fetch(server.room("r"), { headers: bearer("x".repeat(100_000)) });
  expect(response.status).toBe(431);
});

const ADDRESS = { "x-forwarded-for": "203.0.113.9" };
const LIMITED = {
  proxies: ["loopback"],
  limits: { rates: { address: { connects: { rate: 1, burst: 3 } } } },
};

test("every request with an invalid token or key is charged as a connect, and at the limit nothing is verified", async () => {
  const apiKeys = [{ name: "backend", hash: createHash("sha256").update("thump_backend").digest("hex") }];
  for (const bad of [bearer(token(claims(), OTHER_SECRET)), bearer("thump_guessed"), bearer("x")]) {
    const server = startServer({ ...LIMITED, access: { secrets: SECRET, apiKeys } });
    const clock = new Clock(server);
    const statusOf = async (path: string, method: string, headers: object) =>
      (await attempt(server.url + path, { method, body: "x", headers: { ...ADDRESS, ...headers } })).status;
    expect(await statusOf("/rooms/r", "POST", bad)).toBe(401);
    expect(await statusOf("/publish", "POST", bad)).toBe(401);
    expect(await statusOf("/rooms/r/history", "DELETE", bad)).toBe(401);
    for (const path of ["/rooms/r", "/publish", "/revoke"])
      expect(await statusOf(path, "POST", bad)).toBe(429);
    // Valid tokens are rejected too, because the server verifies no tokens while the address is at its limit.
    expect(await statusOf("/rooms/r", "POST", bearer(token()))).toBe(429);
    expect((await server.publish("r", "x", bearer(token()))).status).toBe(201);
    clock.pass(1000);
    for (let i = 0; i < 5; i++) expect(await statusOf("/rooms/r", "POST", bearer(token()))).toBe(201);
    const metrics = await metricsOf(server);
    expect(metrics.of("thump_rate_limited_total", { scope: "address", kind: "connects" })).toBe(4);
  }
});

test("a flood of different invalid tokens is rejected, and none of them is cached", async () => {
  const rooms = { bystander: { join: "anyone", publish: "anyone" } } as const;
  const server = startServer({ access: { secrets: SECRET, keys: [RSA.pem] }, rooms });
  await unharmed(server, async () => {
    for (let round = 0; round < 20; round++) {
      const flood = Array.from({ length: 50 }, (_, i) => {
        const forged =
          i % 2
            ? token(claims({ jti: `${round} ${i}` }), OTHER_SECRET)
            : `${base64url({ alg: "RS256" })}.${body}.${"A".repeat(342)}`;
        return server.publish("r", "x", bearer(forged));
      });
      for (const { status } of await Promise.all(flood)) expect(status).toBe(401);
    }
  });
});
