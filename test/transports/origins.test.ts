// Which web pages may use the server: those of its own, of this machine, and those on the list.
import { expect, test } from "bun:test";
import { problemOf, publishAt } from "../support/answers.ts";
import { connect } from "../support/clients.ts";
import { startServer, type TestServer } from "../support/server.ts";
import { openEvents } from "../support/streams.ts";

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

test.each(refusedOrigins)("a page from %s may do nothing", async (origin) => {
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
  expect(server.engine.hub.sessions.size).toBe(0);
});

test.each([
  "http://localhost:5173",
  "http://127.0.0.1:1",
  "https://localhost",
  "http://[::1]:3000",
  "https://app.example",
])("a page from %s may use it, and may read the answers", async (origin) => {
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

test("its own pages may use it under whatever name it was reached", async () => {
  const server = startServer();
  const response = await fetch(server.room("r"), {
    headers: { origin: `http://127.0.0.1:${server.port}` },
  });
  expect(response.status).toBe(200);
});

test('"*" lets all in; without an origin nothing is added', async () => {
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
])("a browser that asks first for %s (%s, %s) is told what is allowed", async (path, method, names) => {
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

test("a name that somebody else gave this machine's address is not this server's, on loopback", async () => {
  const server = startServer({ origins: ["https://app.example"] });
  await publishAt(server, "r", "secret");
  // What a browser sends for a page of http://evil.example:port that now points to 127.0.0.1.
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

test("a server that is meant for others answers to any name", async () => {
  const server = startServer({ host: "0.0.0.0", open: true });
  expect((await fetch(server.room("r"), { headers: { host: "chat.example" } })).status).toBe(200);
});
