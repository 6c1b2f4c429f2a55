// Tokens: valid tokens of every algorithm are accepted on every route, and forged tokens are rejected on every route.
import { expect, test } from "bun:test";
import type { AccessOptions } from "../../src/index.ts";
import { startServer, type TestServer } from "../support/server.ts";
import {
  base64url,
  bearer,
  claims,
  ec,
  ed25519,
  OTHER_SECRET,
  rsa,
  seconds,
  SECRET,
  token,
  tokenBy,
} from "../support/tokens.ts";
import { attempt, WAYS_IN } from "../support/ways-in.ts";

const RSA = rsa();
const EC = ec();

const secured = (access: AccessOptions = {}): TestServer =>
  startServer({ access: { secrets: SECRET, ...access } });
const outcomeOf = (server: TestServer, credential: string) =>
  attempt(server.room("r"), { headers: bearer(credential) });

test.each(Object.entries(WAYS_IN))(
  "%s: a valid token is accepted, a missing token is rejected",
  async (_, way) => {
    const server = secured();
    expect((await way(server, bearer(token()))).status).toBeLessThan(300);
    expect(await way(server, {})).toEqual({
      status: 401,
      code: "unauthorized",
      challenge: 'Bearer realm="thump"',
    });
  },
);

const [head = "", body = "", signature = ""] = token().split(".");
const FORGERIES: Record<string, () => string> = {
  "no algorithm": () => `${base64url({ alg: "none" })}.${base64url(claims())}.`,
  "no algorithm, in capitals": () => `${base64url({ alg: "NONE" })}.${base64url(claims())}.${signature}`,
  "an algorithm that is not a string": () => `${base64url({ alg: ["HS256"] })}.${body}.${signature}`,
  "another secret": () => token(claims(), OTHER_SECRET),
  "no secret at all": () => token(claims(), ""),
  // A server that uses a public key as a secret would accept this token.
  "the public key as a secret": () => token(claims(), RSA.pem),
  "the public key's bytes as a secret": () =>
    token(claims(), RSA.publicKey.export({ type: "spki", format: "der" })),
  "the algorithm swapped after signing": () => `${base64url({ alg: "RS256" })}.${body}.${signature}`,
  "its own key in the header": () =>
    tokenBy(EC, "ES256", claims(), { jwk: EC.publicKey.export({ format: "jwk" }) }),
  "the URL of its own key": () =>
    tokenBy(EC, "ES256", claims(), { jku: "http://127.0.0.1:1/keys", kid: "../../dev/null" }),
  "another key pair": () => tokenBy(rsa(), "RS256"),
  "other claims under the same signature": () =>
    `${head}.${base64url(claims({ sub: "admin" }))}.${signature}`,
  expired: () => token(claims({ exp: seconds(-60) })),
  "not valid yet": () => token(claims({ nbf: seconds(60) })),
  "issued in the future": () => token(claims({ iat: seconds(60) })),
  "without an expiry": () => token({ ...claims(), exp: undefined }),
  "an expiry in words": () => token(claims({ exp: "tomorrow" })),
  "valid for a hundred years": () => token(claims({ exp: seconds(100 * 365 * 86_400) })),
  "valid forever": () => token(JSON.stringify(claims()).replace(/"exp":[0-9]+/, '"exp":1e308')),
  "for another audience": () => token(claims({ aud: "https://other.example" })),
  "truncated in its claims": () => `${head}.${body.slice(0, -5)}.${signature}`,
  "truncated in its signature": () => `${head}.${body}.${signature.slice(0, -5)}`,
  "without a signature": () => `${head}.${body}`,
  "with an empty signature": () => `${head}.${body}.`,
  "with a fourth part": () => `${head}.${body}.${signature}.x`,
  "claims that are not JSON": () => token("{"),
  "claims that are a list": () => token("[]"),
  "no token": () => "hello",
  "dots alone": () => "..",
  huge: () => token(claims({ info: "x".repeat(9000) })),
  "an unknown extension that must be understood": () =>
    token(claims(), SECRET, "HS256", { crit: ["x"], x: 1 }),
  "a user that is a number": () => token(claims({ sub: 7 })),
  "a user without a name": () => token(claims({ sub: "" })),
  "a user with a line break": () => token(claims({ sub: "u7\nid: x" })),
  "grants that are a list": () => token(claims({ rooms: ["*"] })),
  "grants that are text": () => token(claims({ rooms: { "*": "join" } })),
  "very many grants": () =>
    token(claims({ rooms: Object.fromEntries(Array.from({ length: 300 }, (_, i) => [`r${i}`, ["join"]])) })),
};

test.each(Object.entries(FORGERIES))("an invalid token is rejected on every route: %s", async (_, forge) => {
  const server = secured({ keys: [RSA.pem] });
  const forged = forge();
  for (const [name, way] of Object.entries(WAYS_IN)) {
    const { status, code, challenge } = await way(server, bearer(forged));
    expect([name, status, code]).toEqual([name, 401, "unauthorized"]);
    expect(challenge).toContain('error="invalid_token"');
  }
  expect(server.thump.hub.sessions.size).toBe(0);
});

/** An algorithm, and a function that returns server options and a token that is valid with these options. */
type Signing = [alg: string, make: () => [AccessOptions, string]];
const KEYS: Signing[] = [
  ...(["HS256", "HS384", "HS512"] as const).map((alg): Signing => [
    alg,
    () => [{ secrets: SECRET }, token(claims(), SECRET, alg)],
  ]),
  ...["RS256", "RS384", "RS512", "PS256", "PS384", "PS512"].map((alg): Signing => [
    alg,
    () => [{ keys: [RSA.pem] }, tokenBy(RSA, alg)],
  ]),
  ...(["P-256", "P-384", "P-521"] as const).map((curve, i): Signing => {
    const alg = ["ES256", "ES384", "ES512"][i] as string;
    const pair = ec(curve);
    return [alg, () => [{ keys: [pair.pem] }, tokenBy(pair, alg)]];
  }),
  ...["EdDSA", "Ed25519"].map((alg): Signing => {
    const pair = ed25519();
    return [
      alg,
      () => [{ keys: [pair.publicKey.export({ format: "jwk" }) as { kty: string }] }, tokenBy(pair, alg)],
    ];
  }),
];

test.each(KEYS)("%s: a signature is valid only for the signed content", async (_, make) => {
  const [options, good] = make();
  const server = startServer({ access: options });
  expect(await outcomeOf(server, good)).toEqual({ status: 200 });
  const [header, , signed] = good.split(".");
  const forged = `${header}.${base64url(claims({ sub: "admin" }))}.${signed}`;
  expect((await outcomeOf(server, forged)).code).toBe("unauthorized");
});

test("several secrets and keys can be configured, each for its own algorithms", async () => {
  const server = startServer({ access: { secrets: [OTHER_SECRET, SECRET], keys: [RSA.pem, EC.pem] } });
  for (const good of [token(), token(claims(), OTHER_SECRET), tokenBy(RSA, "PS256"), tokenBy(EC, "ES256")])
    expect((await outcomeOf(server, good)).status).toBe(200);
});

test("a key for one algorithm is rejected for others", async () => {
  const server = startServer({ access: { keys: [{ key: RSA.pem, algorithms: ["PS256"] }] } });
  expect((await outcomeOf(server, tokenBy(RSA, "PS256"))).status).toBe(200);
  expect((await outcomeOf(server, tokenBy(RSA, "RS256"))).status).toBe(401);
});

test("a key with an id verifies only tokens with this id or without an id", async () => {
  const server = startServer({ access: { keys: [{ key: RSA.pem, kid: "2026" }] } });
  const outcome = async (header: object) =>
    (await outcomeOf(server, tokenBy(RSA, "RS256", claims(), header))).status;
  expect(await Promise.all([outcome({ kid: "2026" }), outcome({}), outcome({ kid: "2025" })])).toEqual([
    200, 200, 401,
  ]);
});

test("issuer and audience must match the config", async () => {
  const server = secured({
    issuer: ["https://a.example", "https://b.example"],
    audience: "https://thump.example",
  });
  const statusOf = async (more: object) => (await outcomeOf(server, token(claims(more)))).status;
  const iss = "https://b.example";
  const aud = "https://thump.example";
  expect(await statusOf({ iss, aud })).toBe(200);
  expect(await statusOf({ iss, aud: ["https://x.example", aud] })).toBe(200);
  for (const wrong of [
    {},
    { iss },
    { aud },
    { iss: "https://c.example", aud },
    { iss, aud: "https://x.example" },
  ])
    expect(await statusOf(wrong)).toBe(401);
});

test("clocks may differ by at most the leeway", async () => {
  const server = secured({ leeway: "30s" });
  const statusOf = async (more: object) => (await outcomeOf(server, token(claims(more)))).status;
  expect(await statusOf({ exp: seconds(-20) })).toBe(200);
  expect(await statusOf({ nbf: seconds(20) })).toBe(200);
  expect(await statusOf({ exp: seconds(-40) })).toBe(401);
  expect(await statusOf({ nbf: seconds(40) })).toBe(401);
});

test("a token is rejected after it expires", async () => {
  const server = secured({ leeway: 0 });
  const short = token(claims({ exp: seconds(3) }));
  expect((await outcomeOf(server, short)).status).toBe(200);
  let last = 200;
  // The status may be 429, because these requests exceed the user's rate limit.
  while (last === 200 || last === 429) last = (await outcomeOf(server, short)).status;
  expect(last).toBe(401);
});

test("names of prototype properties in claims and grants have no special effect", async () => {
  const server = secured();
  const rights = '{"*":["join","publish","history","members"]}';
  const time = `"iat":${seconds()},"exp":${seconds(60)}`;
  for (const payload of [
    `{${time},"__proto__":{"rooms":${rights},"sub":"admin"}}`,
    `{${time},"constructor":{"prototype":{"rooms":${rights}}}}`,
    `{${time},"rooms":{"__proto__":${rights}}}`,
    `{${time},"rooms":{"__proto__":["publish","history"],"constructor":["history"]}}`,
  ]) {
    const { status } = await outcomeOf(server, token(payload));
    expect([401, 403]).toContain(status);
  }
  const named = token(`{${time},"rooms":{"__proto__":["publish","history"]}}`);
  expect((await server.publish("__proto__", "x", bearer(named))).status).toBe(201);
  expect((await server.publish("toString", "x", bearer(named))).status).toBe(403);
  expect(({} as Record<string, unknown>)["rooms"]).toBeUndefined();
});

test.each<[what: string, access: object, part: string]>([
  ["a missing secret", { secrets: undefined }, "no credentials"],
  ["access without credentials", { issuer: "https://a.example" }, "no credentials"],
  ["a short secret", { secrets: "short" }, "32 bytes"],
  ["a private key", { keys: [String(RSA.privateKey.export({ type: "pkcs8", format: "pem" }))] }, "private"],
  ["a private JWK", { keys: [EC.privateKey.export({ format: "jwk" })] }, "private"],
  ["a secret as JWK", { keys: [{ kty: "oct", k: "AAAA" }] }, "secrets"],
  ["text that is not a key", { keys: ["hello"] }, "PEM"],
  ["an algorithm of a different key type", { keys: [{ key: RSA.pem, algorithms: ["HS256"] }] }, "HS256"],
  ["keys over plain HTTP", { jwks: "http://keys.example/jwks.json" }, "https"],
  ["an API key instead of its hash", { apiKeys: [{ name: "a", hash: "thump_x" }] }, "hash"],
  [
    "an action that does not exist",
    { apiKeys: [{ name: "a", hash: "0".repeat(64), rooms: { a: ["shout"] } }] },
    "rooms",
  ],
])("%s is rejected at startup with a specific message", (_, options, part) => {
  expect(() => startServer({ access: options as AccessOptions })).toThrow(part);
});
