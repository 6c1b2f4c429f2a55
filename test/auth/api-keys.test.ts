// API keys, which give backends their permissions. On a server with credentials, operator actions require a key.
import { expect, test } from "bun:test";
import { createHash } from "node:crypto";
import type { AccessOptions } from "../../src/index.ts";
import { problemOf, type State } from "../support/answers.ts";
import { connect, multiplexed, Multiplexed } from "../support/clients.ts";
import { startServer, type TestServer } from "../support/server.ts";
import { bearer, claims, seconds, SECRET, token } from "../support/tokens.ts";
import { attempt, shakeHands } from "../support/ways-in.ts";

const MASTER = "thump_master";
const NARROW = "thump_narrow";
const hash = (key: string) => createHash("sha256").update(key).digest("hex");

function secured(more: AccessOptions = {}): TestServer {
  return startServer({
    rooms: { "ops:*": { join: "server", publish: "server" } },
    access: {
      secrets: SECRET,
      apiKeys: [
        { name: "master", hash: hash(MASTER) },
        { name: "narrow", hash: hash(NARROW), rooms: { "chat:*": ["publish", "list"] }, may: ["disconnect"] },
      ],
      ...more,
    },
  });
}

const OPERATIONS: Record<string, (server: TestServer, headers: Record<string, string>) => Promise<number>> = {
  "publish to the server's room": async (server, headers) =>
    (await server.publish("ops:1", "x", headers)).status,
  "publish to a room": async (server, headers) => (await server.publish("chat:1", "x", headers)).status,
  "read a room": async (server, headers) => (await fetch(server.room("chat:1"), { headers })).status,
  "list rooms": async (server, headers) => (await fetch(`${server.url}/rooms`, { headers })).status,
  "forget a room": async (server, headers) =>
    (await fetch(`${server.room("chat:1")}/history`, { method: "DELETE", headers })).status,
  "end a user's sessions": async (server, headers) =>
    (await fetch(`${server.url}/users/u9/sessions`, { method: "DELETE", headers })).status,
  "end a session": async (server, headers) =>
    (await fetch(`${server.url}/sessions/none`, { method: "DELETE", headers })).status,
  revoke: async (server, headers) =>
    (await fetch(`${server.url}/revoke`, { method: "POST", body: '{"user":"u9"}', headers })).status,
  "read metrics from elsewhere": async (server, headers) =>
    (await fetch(`${server.url}/metrics`, { headers: { "x-forwarded-for": "10.0.0.1", ...headers } })).status,
};

test.each<[who: string, headers: () => Record<string, string>, answers: number[]]>([
  ["the master key", () => bearer(MASTER), [201, 201, 200, 200, 204, 200, 404, 200, 200]],
  ["a narrow key", () => bearer(NARROW), [403, 201, 403, 200, 403, 200, 404, 403, 403]],
  ["a user with every grant", () => bearer(token()), [403, 201, 200, 403, 403, 403, 403, 403, 403]],
  ["an anonymous client", () => ({}), [401, 401, 401, 401, 401, 401, 401, 401, 401]],
  ["an unknown key", () => bearer("thump_guess"), [401, 401, 401, 401, 401, 401, 401, 401, 401]],
  ["the hash instead of the key", () => bearer(hash(MASTER)), [401, 401, 401, 401, 401, 401, 401, 401, 401]],
])("%s may do exactly what it was granted", async (_, headers, answers) => {
  const server = secured();
  const got: number[] = [];
  for (const run of Object.values(OPERATIONS)) got.push(await run(server, headers()));
  expect(got).toEqual(answers);
});

test("local requests may read metrics without a key; external requests need a key with the permission", async () => {
  const server = startServer({ access: { apiKeys: [{ name: "m", hash: hash(NARROW), may: ["metrics"] }] } });
  const read = async (headers: Record<string, string>) =>
    (await fetch(`${server.url}/metrics`, { headers })).status;
  expect([await read({}), await read({ via: "proxy" })]).toEqual([200, 401]);
  expect(await read({ via: "proxy", ...bearer(NARROW) })).toBe(200);
  expect((await server.publish("r", "x", bearer(NARROW))).status).toBe(403);
  const open = startServer({ metrics: "anyone", access: { secrets: SECRET } });
  expect((await fetch(`${open.url}/metrics`, { headers: { via: "proxy" } })).status).toBe(200);
});

test("a server that only has API keys is closed too", async () => {
  const server = startServer({ access: { apiKeys: [{ name: "a", hash: hash(MASTER) }] } });
  expect((await server.publish("r", "x")).status).toBe(401);
  expect((await server.publish("r", "x", bearer(MASTER))).status).toBe(201);
  expect(await problemOf(server.publish("r", "x", bearer(token())))).toMatchObject({ code: "unauthorized" });
});

test("a key lists only the rooms that it is granted", async () => {
  const server = secured();
  for (const room of ["chat:1", "news:1", "ops:1"]) await server.thump.publish(room, 1);
  const rooms = async (key: string) => {
    const list = (await (await fetch(`${server.url}/rooms`, { headers: bearer(key) })).json()) as {
      rooms: { room: string }[];
    };
    return list.rooms.map(({ room }) => room);
  };
  expect(await rooms(MASTER)).toEqual(["chat:1", "news:1", "ops:1"]);
  expect(await rooms(NARROW)).toEqual(["chat:1"]);
});

test("a batch has a result per room, depending on the key's grants", async () => {
  const server = secured();
  const body = JSON.stringify({ rooms: ["chat:1", "ops:1", "chat:2"], data: 1 });
  const response = await fetch(`${server.url}/publish`, { method: "POST", body, headers: bearer(NARROW) });
  const { results } = (await response.json()) as { results: { at?: string; error?: { code: string } }[] };
  expect(results.map(({ at, error }) => error?.code ?? typeof at)).toEqual(["string", "forbidden", "string"]);
});

test("a key is accepted only in the Authorization header and in a subprotocol", async () => {
  const server = secured({ cookie: "session" });
  const origin = "http://localhost:1";
  expect((await attempt(server.room("r", `?token=${MASTER}`))).status).toBe(401);
  expect((await shakeHands(server.socket("/ws"), {}, ["thump", `bearer.${MASTER}`])).status).toBe(101);
  const wrong = await shakeHands(server.socket("/ws"), {}, ["thump", `bearer.${MASTER}x`]);
  expect([wrong.status, wrong.code]).toEqual([401, "unauthorized"]);
  expect((await attempt(server.room("r"), { headers: { cookie: `session=${MASTER}`, origin } })).status).toBe(
    403,
  );
  expect((await shakeHands(server.socket("/ws"), bearer(MASTER))).status).toBe(101);
});

test("a session with a key cannot be renewed with a token", async () => {
  const server = secured();
  const client = new Multiplexed(await connect(server.socket("/ws"), { headers: bearer(MASTER) }));
  expect(await client.ask({ type: "auth", token: token() })).toMatchObject({ code: "forbidden" });
  expect(await client.ask({ type: "join", room: "ops:1" })).toMatchObject({ type: "joined" });
});

const post = (server: TestServer, body: object, key = MASTER) =>
  fetch(`${server.url}/revoke`, { method: "POST", body: JSON.stringify(body), headers: bearer(key) });
const statusOf = async (server: TestServer, credential: string) => {
  const { status, code } = await attempt(server.room("r"), { headers: bearer(credential) });
  return code ?? status;
};

/** Opens a socket. Returns the socket and its session id. */
async function open(
  server: TestServer,
  credential: string,
): Promise<{ client: Multiplexed; session: string }> {
  const client = new Multiplexed(await connect(server.socket("/ws?room=r"), { headers: bearer(credential) }));
  const { session } = await client.next();
  return { client, session: String(session) };
}

test("revoking a user ends all of the user's sessions and rejects tokens issued earlier", async () => {
  const server = secured();
  const [one, two, other] = [token(), token(claims({ jti: "b" })), token(claims({ sub: "u8" }))];
  const clients = await Promise.all([one, two].map((credential) => open(server, credential)));
  const stays = await open(server, other);
  const answer = (await (await post(server, { user: "u7" })).json()) as { ended: number; until: number };
  expect(answer.ended).toBe(2);
  expect(answer.until).toBeGreaterThan(Date.now() + 29 * 86_400_000);
  for (const { client } of clients) expect(await client.closed).toEqual({ code: 4403, reason: "revoked" });
  expect(await statusOf(server, one)).toBe("revoked");
  expect(await statusOf(server, two)).toBe("revoked");
  expect(await statusOf(server, token(claims({ iat: undefined })))).toBe("revoked");
  expect(await statusOf(server, other)).toBe(200);
  expect(await stays.client.ask({ type: "publish", room: "r", data: 1 })).toMatchObject({
    type: "published",
  });
  // A token issued after the revocation is accepted.
  expect(await statusOf(server, token(claims({ iat: seconds(1) })))).toBe(200);
});

test("revoking a user covers known tokens issued in the future, within the leeway", async () => {
  const server = secured();
  const ahead = (more: object) => token(claims({ iat: seconds(8), ...more }));
  const [live, named, asked, unseen] = [
    ahead({}),
    ahead({ jti: "b" }),
    ahead({ info: 1 }),
    ahead({ info: 2 }),
  ];
  const clients = await Promise.all([live, named].map((credential) => open(server, credential)));
  expect(await statusOf(server, asked)).toBe(200);
  const other = ahead({ sub: "u8", jti: "b" });
  expect(await statusOf(server, other)).toBe(200);
  expect(await (await post(server, { user: "u7" })).json()).toMatchObject({ ended: 2 });
  for (const { client } of clients) expect((await client.closed).code).toBe(4403);
  for (const credential of [live, named, asked]) expect(await statusOf(server, credential)).toBe("revoked");
  // The server has not seen this token. It may be newer than the revocation, and from an identity provider whose clock
  // is ahead.
  expect(await statusOf(server, unseen)).toBe(200);
  // A different user's token with the same jti stays valid.
  expect(await statusOf(server, other)).toBe(200);
});

test("revoking a user covers tokens issued in the same second", async () => {
  const server = secured();
  const now = seconds();
  await post(server, { user: "u7" });
  expect(await statusOf(server, token(claims({ iat: now + 0.9995 })))).toBe("revoked");
});

test("a revoked token is rejected over HTTP and in the handshake, with a challenge", async () => {
  const server = secured();
  await post(server, { token: "t1" });
  const headers = bearer(token(claims({ jti: "t1" })));
  const outcome = { status: 401, code: "revoked" };
  expect(await attempt(server.room("r"), { headers })).toMatchObject(outcome);
  const handshake = await shakeHands(server.socket("/ws"), headers);
  expect(handshake).toMatchObject(outcome);
  expect(handshake.challenge).toContain('error="invalid_token"');
});

test("revoking a token ends only its own sessions, not those of the user's other tokens", async () => {
  const server = secured();
  const [lost, kept] = [token(claims({ jti: "lost" })), token(claims({ jti: "kept" }))];
  const [gone, stays] = [await open(server, lost), await open(server, kept)];
  const events = fetch(server.room("r"), { headers: { accept: "text/event-stream", ...bearer(lost) } });
  const body = (await events).text();
  expect(await (await post(server, { token: "lost" })).json()).toMatchObject({ ended: 2 });
  expect((await gone.client.closed).code).toBe(4403);
  await body;
  expect([await statusOf(server, lost), await statusOf(server, kept)]).toEqual(["revoked", 200]);
  expect(await stays.client.ask({ type: "auth", token: lost })).toMatchObject({ code: "revoked" });
});

test("revoking a session revokes its token, with or without a jti", async () => {
  const server = secured();
  for (const credential of [token(claims({ jti: "x" })), token(claims({ info: 1 }))]) {
    const { client, session } = await open(server, credential);
    expect((await post(server, { session })).status).toBe(200);
    expect((await client.closed).code).toBe(4403);
    expect(await statusOf(server, credential)).toBe("revoked");
  }
  expect(await statusOf(server, token())).toBe(200);
});

test("a session that connects while its token is being revoked ends", async () => {
  const decision = Promise.withResolvers<boolean>();
  const asked = Promise.withResolvers<void>();
  let askers = 0;
  const server = startServer({
    access: { secrets: SECRET, apiKeys: [{ name: "master", hash: hash(MASTER) }] },
    authorize: () => {
      if (++askers === 2) asked.resolve();
      return decision.promise;
    },
  });
  const headers = bearer(token());
  const connecting = connect(server.socket("/rooms/r"), { headers });
  const streaming = fetch(server.room("r"), { headers: { accept: "text/event-stream", ...headers } });
  await asked.promise;
  expect(await (await post(server, { user: "u7" })).json()).toMatchObject({ ended: 0 });
  decision.resolve(true);
  expect((await (await connecting).closed).code).toBe(4403);
  expect(await (await streaming).text()).toBe("");
  expect(server.thump.hub.sessions.size).toBe(0);
});

test("disconnecting does not revoke: the token stays valid", async () => {
  const server = secured();
  const { client, session } = await open(server, token());
  const response = await fetch(`${server.url}/sessions/${session}`, {
    method: "DELETE",
    headers: bearer(MASTER),
  });
  expect(response.status).toBe(204);
  expect(await client.closed).toEqual({ code: 4403, reason: "removed" });
  expect(await statusOf(server, token())).toBe(200);
});

test("a revocation is stored until the time in `until`", async () => {
  const server = secured();
  const until = Date.now() + 300;
  expect(await (await post(server, { token: "t1", until })).json()).toMatchObject({ until });
  const credential = token(claims({ jti: "t1" }));
  let seen = await statusOf(server, credential);
  expect(seen).toBe("revoked");
  while (seen === "revoked") seen = await statusOf(server, credential);
  expect(Date.now()).toBeGreaterThanOrEqual(until);
  expect(seen).toBe(200);
});

test.each<[body: object]>([
  [{}],
  [{ user: "a", token: "b" }],
  [{ user: "" }],
  [{ user: 7 }],
  [{ user: "a", until: 1 }],
  [{ user: "a", until: "soon" }],
  [{ usr: "a" }],
  [[]],
])("%j revokes nothing", async (body) => {
  expect(await problemOf(post(secured(), body))).toMatchObject({ status: 422, code: "invalid" });
});

test("revoking an unknown session returns not found, and a server without tokens rejects revocations", async () => {
  expect(await problemOf(post(secured(), { session: "none" }))).toMatchObject({ status: 404 });
  const open = startServer();
  expect(await problemOf(post(open, { user: "u7" }))).toMatchObject({ code: "no-secret" });
  const client = await multiplexed(open.socket("/ws"));
  expect(await client.ask({ type: "auth", token: "x" })).toMatchObject({ code: "no-secret" });
});

test("publications made with a key have no sender", async () => {
  const server = secured();
  await server.publish("r", "x", bearer(MASTER));
  const { messages } = (await (await fetch(server.room("r"), { headers: bearer(MASTER) })).json()) as State;
  expect(messages.map(({ from }) => from)).toEqual([undefined]);
});
