// Origins: pages from this server, from this machine or from a listed origin may use the server.
import { expect, test } from "bun:test";
import { join } from "node:path";
import { check } from "../../src/cli/check.ts";
import { problemOf, publishAt } from "../support/answers.ts";
import { connect } from "../support/clients.ts";
import { folder } from "../support/process.ts";
import { startServer, type TestServer } from "../support/server.ts";
import { openEvents } from "../support/streams.ts";
import { claims, SECRET, seconds, token } from "../support/tokens.ts";

const EVIL = "https://evil.example";

const refusedOrigins = [
  EVIL,
  "null",
  "http://127.0.0.1.evil.example",
  "http://localhost.evil.example",
  "http://evil.example#127.0.0.1",
  "https://app.example:8443",
  "http://app.example",
  "https://APP.example.evil.example",
];

function get(server: TestServer, path: string, origin: string, method = "GET"): Promise<Response> {
  return fetch(server.url + path, { method, headers: { origin } });
}

test.each(refusedOrigins)("a page from %s is rejected on every route", async (origin) => {
  const server = startServer({ origins: ["https://app.example"] });
  await publishAt(server, "r", "secret");
  for (const path of ["/rooms/r", "/rooms/r/members", "/rooms", "/events?room=r", "/ws"]) {
    const response = await get(server, path, origin);
    expect(response.headers.get("access-control-allow-origin")).toBeNull();
    expect(await problemOf(response)).toMatchObject({ status: 403, code: "origin" });
  }
  const publish = server.publish("r", "x", { origin });
  expect(await problemOf(publish)).toMatchObject({ status: 403, code: "origin" });
  expect((await get(server, "/rooms/r/history", origin, "DELETE")).status).toBe(403);
  expect((await get(server, "/sessions/x", origin, "DELETE")).status).toBe(403);
  for (const path of ["/rooms/r", "/ws?room=r"]) {
    await expect(connect(server.socket(path), { headers: { origin } })).rejects.toThrow(/403/);
  }
  expect(server.thump.hub.sessions.size).toBe(0);
});

test.each([
  "http://localhost:5173",
  "http://127.0.0.1:1",
  "https://localhost",
  "http://[::1]:3000",
  "https://app.example",
])("a page from %s may use the server and read the responses", async (origin) => {
  const server = startServer({ origins: ["https://app.example"] });
  const response = await server.publish("r", "x", { origin });
  expect(response.status).toBe(201);
  expect(response.headers.get("access-control-allow-origin")).toBe(origin);
  expect(response.headers.get("vary")?.toLowerCase()).toContain("origin");
  const stream = await openEvents(server.room("r"), { origin });
  expect(stream.response.headers.get("access-control-allow-origin")).toBe(origin);
  const refused = await server.publish("r", "x", { origin, event: "thump:x" });
  expect(refused.headers.get("access-control-allow-origin")).toBe(origin);
  await connect(server.socket("/rooms/r"), { headers: { origin } });
});

test("the server's own pages may use it under any host name", async () => {
  const server = startServer();
  const response = await fetch(server.room("r"), {
    headers: { origin: `http://127.0.0.1:${server.port}` },
  });
  expect(response.status).toBe(200);
});

test('"*" allows all origins; requests without an origin get no CORS headers', async () => {
  const server = startServer({ origins: ["*"] });
  const response = await get(server, "/rooms/r", EVIL);
  expect(response.headers.get("access-control-allow-origin")).toBe(EVIL);
  expect((await fetch(server.room("r"))).headers.has("access-control-allow-origin")).toBe(false);
});

test.each([
  ["/rooms/r", "POST", "content-type,event,idempotency-key"],
  ["/rooms/r", "GET", "last-event-id"],
  ["/rooms/r/history", "DELETE", ""],
  ["/rooms/r/members", "GET", "authorization"],
  ["/rooms", "GET", "authorization"],
  ["/events?room=r", "GET", "last-event-id"],
  ["/publish", "POST", "content-type"],
  ["/sessions/x", "DELETE", "authorization"],
  ["/users/x/sessions", "DELETE", "authorization"],
])("a preflight for %s (%s, %s) gets the CORS permissions", async (path, method, names) => {
  const server = startServer();
  const ask = (origin: string) =>
    fetch(server.url + path, {
      method: "OPTIONS",
      headers: {
        origin,
        "access-control-request-method": method,
        "access-control-request-headers": names,
      },
    });
  const response = await ask("http://localhost:5173");
  expect(response.status).toBe(204);
  expect(response.headers.get("access-control-allow-origin")).toBe("http://localhost:5173");
  expect(response.headers.get("access-control-allow-methods")).toContain(method);
  const allowed = response.headers.get("access-control-allow-headers")?.toLowerCase() ?? "";
  for (const name of names.split(",")) expect(allowed).toContain(name);
  expect((await ask(EVIL)).headers.has("access-control-allow-origin")).toBe(false);
});

test("a server on loopback rejects foreign host names that resolve to this machine", async () => {
  const server = startServer({ origins: ["https://app.example"] });
  await publishAt(server, "r", "secret");
  // A browser sends this for a page of http://evil.example:port after the attacker has pointed that name to 127.0.0.1.
  for (const host of ["evil.example", `evil.example:${server.port}`, "127.0.0.1.evil.example"]) {
    const asked = fetch(server.room("r"), { headers: { host } });
    expect(await problemOf(asked)).toMatchObject({ status: 403, code: "origin" });
    const published = server.publish("r", "x", { host, origin: `http://${host}` });
    expect(await problemOf(published)).toMatchObject({ status: 403, code: "origin" });
    await expect(connect(server.socket("/ws"), { headers: { host } })).rejects.toThrow(/403/);
  }
  for (const host of ["localhost", `localhost:${server.port}`, "[::1]:1", "app.example"]) {
    expect((await fetch(server.room("r"), { headers: { host } })).status).toBe(200);
  }
});

test("a server that accepts external clients accepts any host name", async () => {
  const server = startServer({ host: "0.0.0.0", open: true });
  expect((await fetch(server.room("r"), { headers: { host: "chat.example" } })).status).toBe(200);
});

test.each([
  ["https://app.example/", "https://app.example"],
  ["https://App.Example", "https://app.example"],
  ["HTTPS://app.example", "https://app.example"],
  ["https://app.example:443", "https://app.example"],
  ["http://app.example:80/", "http://app.example"],
  ["https://app.example:8443", "https://app.example:8443"],
  ["https://bücher.example", "https://xn--bcher-kva.example"],
  ["https://[2001:DB8::1]", "https://[2001:db8::1]"],
  ["capacitor://localhost", "capacitor://localhost"],
])("a listed %s allows pages from %s and from no other origin", async (listed, origin) => {
  const server = startServer({ origins: [listed] });
  const response = await get(server, "/rooms/r", origin);
  expect([response.status, response.headers.get("access-control-allow-origin")]).toEqual([200, origin]);
  for (const other of [`${origin}.evil.example`, `${origin}:1`, origin.replace("://", "://x."), "null"])
    expect((await get(server, "/rooms/r", other)).status).toBe(403);
});

test.each([
  ["app.example", "https://app.example"],
  ["app.example:8443", "https://app.example:8443"],
  ["https://app.example/chat", "https://app.example"],
  ["https://app.example?x", "https://app.example"],
  ["https://*.example.com", "list each origin"],
  ["*.example.com", "list each origin"],
  ["https://user@app.example", "https://app.example"],
  ["https://app.example,https://b.example", "https://app.example"],
  ["null", "https://app.example"],
  ["", "https://app.example"],
  ["https://", "https://app.example"],
  ["wss://app.example", "write https://app.example"],
  ["ws://app.example:8080", "write http://app.example:8080"],
  ["ftp://app.example", "https://app.example"],
  ["file://app.example", "https://app.example"],
])("%j is not an origin: startup fails with a suggestion", (origin, hint) => {
  expect(() => startServer({ origins: [origin] })).toThrow(hint);
});

test("thump check rejects invalid origins and prints valid ones in normal form", async () => {
  const printed = (origins: string) => check(undefined, undefined, { THUMP_ORIGINS: origins }, folder());
  await expect(printed("https://app.example,*.example.com")).rejects.toThrow("list each origin");
  expect(JSON.parse(await printed("https://App.Example/,https://b.example:443"))).toMatchObject({
    origins: ["https://app.example", "https://b.example"],
  });
});

test("the server's own pages are recognized under any spelling of its host", async () => {
  const server = startServer({ host: "0.0.0.0", open: true });
  const status = async (host: string, origin: string) =>
    (await fetch(server.room("r"), { headers: { host, origin } })).status;
  for (const [host, origin] of [
    ["thump.example:443", "https://thump.example"],
    ["thump.example", "https://thump.example"],
    ["Thump.Example", "https://thump.example"],
    ["thump.example:80", "http://thump.example"],
    ["thump.example:8080", "http://Thump.example:8080/"],
  ] as const)
    expect(await status(host, origin)).toBe(200);
  for (const [host, origin] of [
    ["thump.example:80", "https://thump.example"],
    ["thump.example:443", "http://thump.example"],
    ["thump.example", "https://thump.example:8443"],
    ["thump.example:8443", "https://thump.example"],
    ["thump.example", "https://thump.example@evil.example"],
    ["thump.example", "https://thump.example/evil"],
    ["thump.example", "ftp://thump.example"],
  ] as const)
    expect(await status(host, origin)).toBe(403);
});

// CORS: methods, request headers and response headers.
const ASKS = { origin: "https://app.example", "access-control-request-method": "POST" };

test("a preflight's result depends only on the origin, not on tokens, rates or addresses", async () => {
  const rates = { address: { connects: { rate: 0.001, burst: 1 } } };
  const server = startServer({
    origins: ["https://app.example"],
    proxies: ["loopback"],
    access: { secrets: SECRET },
    limits: { rates },
  });
  const expired = token(claims({ exp: seconds(-3600) }));
  const ask = (path: string, headers: Record<string, string> = {}) =>
    fetch(server.url + path, { method: "OPTIONS", headers: { ...ASKS, ...headers } });
  for (const path of [
    `/rooms/r?token=${expired}`,
    "/rooms/r?token=none",
    "/events",
    "/publish",
    "/sessions/x",
  ])
    for (let i = 0; i < 3; i++)
      expect((await ask(path, { "x-forwarded-for": "203.0.113.9", authorization: "Bearer x" })).status).toBe(
        204,
      );
  expect((await ask("/rooms/r", { origin: EVIL })).status).toBe(403);
  // Preflights do not count toward the limit, so the address may still connect once.
  const first = await fetch(server.room("r"), { headers: { "x-forwarded-for": "203.0.113.9" } });
  expect(first.status).toBe(401);
});

test("pages may send every request header that a route reads, and read the response headers", async () => {
  const server = startServer({ origins: ["https://app.example"] });
  const asked = await fetch(server.room("r"), { method: "OPTIONS", headers: ASKS });
  const allowed = asked.headers.get("access-control-allow-headers")?.split(", ") ?? [];
  const unasked = [
    "accept",
    "accept-encoding",
    "host",
    "origin",
    "cookie",
    "upgrade",
    "connection",
    "transfer-encoding",
  ];
  unasked.push("content-length", "sec-websocket-protocol", "sec-fetch-site", "if-none-match");
  const src = join(import.meta.dir, "../../src");
  for (const folder of ["transports", "auth", "limits", "service", "server"])
    for await (const path of new Bun.Glob("**/*.ts").scan(join(src, folder)))
      for (const [, name = ""] of (await Bun.file(join(src, folder, path)).text()).matchAll(
        /headers\.(?:get|has)\("([^"]+)"\)/g,
      ))
        if (!unasked.includes(name)) expect(allowed).toContain(name);
  expect(allowed).toContain("traceparent");
  const answer = await get(server, "/rooms/r", "https://app.example");
  expect(answer.headers.get("access-control-expose-headers")).toBe(
    "retry-after, thump-error, www-authenticate",
  );
});
