// Credentials: tokens in a header, the query, a cookie or the subprotocol, and the origins that may use cookies.
import { expect, test } from "bun:test";
import { Socket } from "../support/clients.ts";
import WS from "ws";
import { startServer } from "../support/server.ts";
import { bareSocket, tcp } from "../support/tcp.ts";
import { bearer, claims, OTHER_SECRET, SECRET, token } from "../support/tokens.ts";
import { attempt, shakeHands, WAYS_IN } from "../support/ways-in.ts";

const APP = "https://app.example";
const secured = () => startServer({ access: { secrets: SECRET, cookie: "session" }, origins: [APP, "*"] });

test("the scheme is case-insensitive, and other schemes are ignored", async () => {
  const server = secured();
  const outcome = async (authorization: string) =>
    (await attempt(server.room("r"), { headers: { authorization } })).status;
  expect(await outcome(`bearer ${token()}`)).toBe(200);
  expect(await outcome(`BEARER  ${token()}`)).toBe(200);
  expect(await outcome(`Basic ${token()}`)).toBe(401);
  expect(await outcome(`Bearer ${token()}, Bearer ${token()}`)).toBe(401);
});

test("a token in the query works for browser streams and sockets", async () => {
  const server = secured();
  for (const path of [`/rooms/r?token=${token()}`, `/events?token=${token()}&room=r`]) {
    const stream = await attempt(server.url + path, { headers: { accept: "text/event-stream" } });
    expect(stream.status).toBe(200);
  }
  expect((await shakeHands(server.socket(`/ws?room=r&token=${token()}`))).status).toBe(101);
  expect((await shakeHands(server.socket(`/ws?room=r&token=${token(claims(), OTHER_SECRET)}`))).status).toBe(
    401,
  );
  expect((await shakeHands(server.socket("/ws?room=r&token="))).status).toBe(401);
});

test("only the first credential counts: if it is invalid, the others are not tried", async () => {
  const server = secured();
  const bad = token(claims(), OTHER_SECRET);
  expect((await attempt(server.room("r", `?token=${token()}`), { headers: bearer(bad) })).status).toBe(401);
  expect((await attempt(server.room("r", `?token=${bad}`), { headers: bearer(token()) })).status).toBe(200);
});

test("a token in a subprotocol is never echoed; the other offered subprotocol is selected", async () => {
  const server = secured();
  for (const offers of [
    ["thump", `bearer.${token()}`],
    [`bearer.${token()}`, "thump", "more"],
  ]) {
    const socket = new Socket(new WS(server.socket("/ws?room=r"), offers));
    await socket.opened;
    expect(socket.ws.protocol).toBe("thump");
  }
  const bad = ["thump", `bearer.${token(claims(), OTHER_SECRET)}`];
  expect((await shakeHands(server.socket("/ws"), {}, bad)).status).toBe(401);
  const alone = await shakeHands(server.socket("/ws"), {}, [`bearer.${token()}`]);
  expect(alone).toMatchObject({ status: 400, code: "malformed" });
});

test("a server without a secret does not echo a token in a subprotocol either", async () => {
  const server = startServer();
  const connection = await tcp(server.port);
  connection.send(
    [
      "GET /ws HTTP/1.1",
      "Host: 127.0.0.1",
      "Upgrade: websocket",
      "Connection: Upgrade",
      "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
      "Sec-WebSocket-Version: 13",
      "Sec-WebSocket-Protocol: bearer.a.b.c, thump",
      "",
      "",
    ].join("\r\n"),
  );
  const answer = await connection.until("\r\n\r\n");
  expect(answer.toLowerCase()).toContain("sec-websocket-protocol: thump");
  expect(answer).not.toContain("bearer");
  expect((await bareSocket(server.port, "/ws")).received).not.toMatch(/sec-websocket-protocol/i);
});

const cookie = () => ({ cookie: `theme=dark; session=${token()}; x` });

test.each(Object.entries(WAYS_IN))(
  "%s: a cookie is accepted only from pages of listed origins",
  async (_, way) => {
    const server = secured();
    const statusOf = async (headers: Record<string, string>) =>
      (await way(server, { ...cookie(), ...headers })).status;
    expect(await statusOf({ origin: APP })).toBeLessThan(300);
    expect(await statusOf({ origin: `http://127.0.0.1:${server.port}` })).toBeLessThan(300);
    // With "*", any page may send its own token, but not its visitors' cookies.
    for (const origin of ["https://evil.example", "null", "http://localhost:5173"])
      expect(await statusOf({ origin })).toBe(403);
    expect(await statusOf({ "sec-fetch-site": "cross-site" })).toBe(403);
    expect(await statusOf({})).toBe(403);
  },
);

test("same-origin GET requests have no origin; Sec-Fetch-Site identifies them", async () => {
  const server = secured();
  const headers = { ...cookie(), "sec-fetch-site": "same-origin" };
  expect((await attempt(server.room("r"), { headers })).status).toBe(200);
  expect((await attempt(server.room("r"), { headers, method: "POST", body: "x" })).status).toBe(403);
  expect((await shakeHands(server.socket("/rooms/r"), headers)).status).toBe(403);
});

test("only pages of listed origins may send a cookie and read the response", async () => {
  const server = secured();
  const credentials = async (origin: string) =>
    (await fetch(server.room("r"), { headers: { origin, ...bearer(token()) } })).headers.get(
      "access-control-allow-credentials",
    );
  expect(await credentials(APP)).toBe("true");
  expect(await credentials("https://evil.example")).toBeNull();
});

test("behind a local proxy, the server accepts the proxy's host name", async () => {
  const server = startServer({ access: { secrets: SECRET } });
  const headers = { host: "chat.example", origin: "https://chat.example" };
  expect((await attempt(server.room("r"), { headers })).status).toBe(401);
  expect((await attempt(server.room("r"), { headers: { ...headers, ...bearer(token()) } })).status).toBe(200);
  expect((await shakeHands(server.socket("/ws"), { ...headers, ...bearer(token()) })).status).toBe(101);
  const foreign = { ...headers, origin: "https://evil.example", ...bearer(token()) };
  expect((await attempt(server.room("r"), { headers: foreign })).code).toBe("origin");
});

test("without a configured cookie name, cookies are ignored", async () => {
  const server = startServer({ access: { secrets: SECRET }, origins: [APP] });
  const headers = { ...cookie(), origin: APP };
  expect((await attempt(server.room("r"), { headers })).code).toBe("unauthorized");
});
