// An identity provider's JWKS is fetched once, fetched again when a new key appears, and kept while the provider is
// down.
import { expect, spyOn, test } from "bun:test";
import { attempt } from "../support/ways-in.ts";
import { cleanup } from "../support/cleanup.ts";
import { until } from "../support/nodes.ts";
import { startServer, type TestServer } from "../support/server.ts";
import { reload } from "../../src/server/reload.ts";
import { bearer, claims, ec, ed25519, type Pair, rsa, SECRET, token, tokenBy } from "../support/tokens.ts";

interface Service {
  url: string;
  /** The published keys. */
  keys: object[];
  /** The response status. Default: 200, with the keys as the body. */
  status: number;
  asked: number;
}

function service(...keys: object[]): Service {
  const state: Service = { url: "", keys, status: 200, asked: 0 };
  const server = Bun.serve({
    port: 0,
    hostname: "127.0.0.1",
    fetch() {
      state.asked++;
      return Response.json({ keys: state.keys }, { status: state.status });
    },
  });
  cleanup(() => server.stop(true));
  state.url = `http://127.0.0.1:${server.port}/jwks.json`;
  return state;
}

const jwk = (pair: Pair, more: object = {}) => ({ ...pair.publicKey.export({ format: "jwk" }), ...more });
const outcome = (server: TestServer, credential: string) =>
  attempt(server.room("r"), { headers: bearer(credential) });
const statusOf = async (server: TestServer, credential: string) => (await outcome(server, credential)).status;
/** Returns a different token on each call, so that no token is cached. */
let count = 0;
const fresh = (pair: Pair, alg: string, header: object = {}) =>
  tokenBy(pair, alg, claims({ jti: String(++count) }), header);

test("keys are fetched once and reused for later tokens", async () => {
  const [a, b] = [rsa(), ed25519()];
  const keys = service(jwk(a, { kid: "a" }), jwk(b, { kid: "b" }));
  const server = startServer({ access: { jwks: keys.url } });
  expect(keys.asked).toBe(0);
  const tokens = [1, 2, 3].flatMap(() => [fresh(a, "RS256", { kid: "a" }), fresh(b, "EdDSA", { kid: "b" })]);
  expect(await Promise.all(tokens.map((one) => statusOf(server, one)))).toEqual(tokens.map(() => 200));
  expect(keys.asked).toBe(1);
});

test("published keys verify only public-key algorithms, and a secret does not verify these", async () => {
  const pair = rsa();
  const keys = service(jwk(pair, { kid: "a" }), {
    kty: "oct",
    kid: "o",
    k: Buffer.from(SECRET).toString("base64url"),
  });
  const server = startServer({ access: { jwks: keys.url } });
  for (const header of [{}, { kid: "a" }, { kid: "o" }]) {
    expect(await statusOf(server, token(claims(), SECRET, "HS256", header))).toBe(401);
    expect(await statusOf(server, token(claims(), pair.pem, "HS256", header))).toBe(401);
  }
  const both = startServer({ access: { jwks: keys.url, secrets: SECRET } });
  expect(await statusOf(both, token())).toBe(200);
  expect(await statusOf(both, fresh(pair, "RS256", { kid: "a" }))).toBe(200);
  expect(await statusOf(both, fresh(rsa(), "RS256", { kid: "a" }))).toBe(401);
});

test("a token without a key id is verified against every suitable key", async () => {
  const [a, b] = [ec(), ec()];
  const server = startServer({ access: { jwks: service(jwk(a, { kid: "a" }), jwk(b, { kid: "b" })).url } });
  expect(await statusOf(server, fresh(b, "ES256"))).toBe(200);
  expect(await statusOf(server, fresh(ec(), "ES256"))).toBe(401);
});

test("a new key is fetched when a token first names it, and the old key is dropped", async () => {
  const [old, next] = [ec(), ec()];
  const keys = service(jwk(old, { kid: "old" }));
  const server = startServer({ access: { jwks: { url: keys.url, cooldown: 0 } } });
  expect(await statusOf(server, fresh(old, "ES256", { kid: "old" }))).toBe(200);
  keys.keys = [jwk(next, { kid: "next" })];
  expect(await statusOf(server, fresh(next, "ES256", { kid: "next" }))).toBe(200);
  expect(await statusOf(server, fresh(old, "ES256", { kid: "old" }))).toBe(401);
});

test("unknown key ids do not cause repeated fetches", async () => {
  const pair = ec();
  const keys = service(jwk(pair, { kid: "a" }));
  const server = startServer({ access: { jwks: keys.url } });
  for (let i = 0; i < 20; i++)
    expect(await statusOf(server, fresh(pair, "ES256", { kid: `k${i}` }))).toBe(401);
  expect(keys.asked).toBe(1);
});

test("while the provider is down, cached keys stay valid, and tokens signed with other keys get the code `unavailable`", async () => {
  const [pair, next] = [ec(), ec()];
  const log = spyOn(console, "error").mockImplementation(() => {});
  cleanup(() => log.mockRestore());
  const keys = service(jwk(pair, { kid: "a" }));
  const server = startServer({ access: { jwks: { url: keys.url, cache: 0, cooldown: 0 } } });
  expect(await statusOf(server, fresh(pair, "ES256", { kid: "a" }))).toBe(200);
  keys.status = 500;
  for (let i = 0; i < 3; i++) expect(await statusOf(server, fresh(pair, "ES256", { kid: "a" }))).toBe(200);
  expect(keys.asked).toBeGreaterThan(1);
  // The failure is logged.
  expect(log.mock.calls.flat().join(" ")).toContain("the JWKS could not be fetched");
  const asked = fresh(next, "ES256", { kid: "next" });
  expect(await outcome(server, asked)).toMatchObject({ status: 503, code: "unavailable" });
  keys.status = 200;
  keys.keys.push(jwk(next, { kid: "next" }));
  expect(await statusOf(server, asked)).toBe(200);
});

test("until the provider first responds, tokens get the code `unavailable`; then they are accepted", async () => {
  const log = spyOn(console, "error").mockImplementation(() => {});
  cleanup(() => log.mockRestore());
  const pair = ec();
  const keys = service(jwk(pair));
  keys.status = 404;
  const server = startServer({ access: { jwks: { url: keys.url, cooldown: "50ms" } } });
  const response = await fetch(server.room("r"), { headers: bearer(fresh(pair, "ES256")) });
  expect([response.status, response.headers.get("retry-after")]).toEqual([503, "1"]);
  keys.status = 200;
  await until(async () => (await statusOf(server, fresh(pair, "ES256"))) === 200);
});

test("a reload keeps the fetched keys, unless the URL changes", async () => {
  const log = spyOn(console, "error").mockImplementation(() => {});
  cleanup(() => log.mockRestore());
  const pair = ec();
  const keys = service(jwk(pair));
  const server = startServer({ access: { jwks: keys.url } });
  expect(await statusOf(server, fresh(pair, "ES256"))).toBe(200);
  keys.status = 500;
  const { settings } = server.thump;
  reload(server.thump, { ...settings, access: { ...settings.access, secrets: [SECRET] } });
  expect([await statusOf(server, fresh(pair, "ES256")), await statusOf(server, token())]).toEqual([200, 200]);
  const jwks = { url: `${keys.url}?v=2`, cache: 600_000, cooldown: 30_000 };
  reload(server.thump, { ...settings, access: { ...settings.access, jwks } });
  expect(await outcome(server, fresh(pair, "ES256"))).toMatchObject({ status: 503, code: "unavailable" });
});

test.each<[what: string, status: number, code: number]>([
  ["is down", 500, 503],
  ["has none of the keys", 200, 401],
])(
  "a provider that %s is queried once for 200 forged tokens, even before its first response",
  async (_, status, code) => {
    const log = spyOn(console, "error").mockImplementation(() => {});
    cleanup(() => log.mockRestore());
    const keys = service(jwk(ec(), { kid: "a" }));
    keys.status = status;
    const server = startServer({
      limits: { rates: { address: { connects: false } } },
      access: { jwks: { url: keys.url, cooldown: "10m" } },
    });
    const junk = ec();
    for (let i = 0; i < 100; i++) {
      const outcomes = [0, 1].map((n) => statusOf(server, fresh(junk, "ES256", { kid: `k${i}${n}` })));
      expect(await Promise.all(outcomes)).toEqual([code, code]);
    }
    expect(keys.asked).toBe(1);
  },
);

test("the error for an unavailable provider states when the next fetch may occur", async () => {
  const log = spyOn(console, "error").mockImplementation(() => {});
  cleanup(() => log.mockRestore());
  const keys = service();
  keys.status = 500;
  const server = startServer({ access: { jwks: { url: keys.url, cooldown: "10m" } } });
  const response = await fetch(server.room("r"), { headers: bearer(fresh(ec(), "ES256")) });
  expect(Number(response.headers.get("retry-after"))).toBeWithin(500, 601);
});

/** Starts an identity provider that sends this response. `gone` resolves when the provider's client disconnects. */
function odd(answer: () => Response): { url: string; gone: Promise<void> } {
  const gone = Promise.withResolvers<void>();
  const server = Bun.serve({
    port: 0,
    hostname: "127.0.0.1",
    idleTimeout: 60,
    fetch(request) {
      request.signal.addEventListener("abort", () => gone.resolve());
      return answer();
    },
  });
  cleanup(() => server.stop(true));
  return { url: `http://127.0.0.1:${server.port}/jwks.json`, gone: gone.promise };
}

const endless = (chunk: Uint8Array, pause: number) =>
  new Response(
    (async function* () {
      for (;;) {
        yield chunk;
        await Bun.sleep(pause);
      }
    })() as unknown as ReadableStream,
  );
const bomb = Bun.gzipSync(Buffer.alloc(64 << 20, " "));

test.each<[what: string, answer: () => Response, said: string]>([
  ["does not end", () => endless(Buffer.alloc(64 * 1024, " "), 0), "has more than 262144 bytes"],
  ["stalls", () => endless(Buffer.from(" "), 200), "no complete response within 5000 ms"],
  [
    "is a bomb",
    () => new Response(bomb, { headers: { "content-encoding": "gzip" } }),
    "has more than 262144 bytes",
  ],
  [
    "has too many keys",
    () => Response.json({ keys: Array.from({ length: 101 }, () => ({ kty: "EC" })) }),
    "more than 100 keys",
  ],
  ["is not a key set", () => Response.json("keys"), "JSON Web Key Set"],
  ["is a redirect", () => Response.redirect("http://127.0.0.1:1/"), "has status 302"],
])("a response that %s is aborted", async (_, answer, said) => {
  const log = spyOn(console, "error").mockImplementation(() => {});
  cleanup(() => log.mockRestore());
  const { url } = odd(answer);
  const server = startServer({ access: { jwks: url } });
  const before = process.memoryUsage().rss;
  expect(await outcome(server, fresh(ec(), "ES256"))).toMatchObject({ status: 503, code: "unavailable" });
  expect(String(log.mock.calls.flat().join(" "))).toContain(said);
  // Without the limit, the endless response took more than 1 GiB.
  expect(process.memoryUsage().rss - before).toBeLessThan(200 << 20);
});

test("a response whose body is not read is aborted", async () => {
  const log = spyOn(console, "error").mockImplementation(() => {});
  cleanup(() => log.mockRestore());
  const { url, gone } = odd(() => endless(Buffer.alloc(64 * 1024, " "), 0));
  const server = startServer({ access: { jwks: url } });
  expect(await statusOf(server, fresh(ec(), "ES256"))).toBe(503);
  await gone;
});

test("a response may be compressed with gzip", async () => {
  const pair = ec();
  const body = Bun.gzipSync(JSON.stringify({ keys: [jwk(pair, { kid: "a" })] }));
  const { url } = odd(() => new Response(body, { headers: { "content-encoding": "gzip" } }));
  const server = startServer({ access: { jwks: url } });
  expect(await statusOf(server, fresh(pair, "ES256", { kid: "a" }))).toBe(200);
});
