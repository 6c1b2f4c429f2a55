// Token expiry in live sessions, and renewal with a new token.
import { expect, test } from "bun:test";
import { connect, Multiplexed } from "../support/clients.ts";
import { startServer } from "../support/server.ts";
import { openEvents, openNdjson } from "../support/streams.ts";
import { problemOf } from "../support/answers.ts";
import { bearer, claims, OTHER_SECRET, seconds, SECRET, token } from "../support/tokens.ts";

const ALL = ["join", "publish", "history", "members"];
/** A short heartbeat interval and no leeway. */
const strict = () => startServer({ heartbeat: 0.2, access: { secrets: SECRET, leeway: 0 } });
const short = (more: object = {}) => token(claims({ exp: seconds(2), ...more }));

async function mux(server: ReturnType<typeof strict>, credential: string): Promise<Multiplexed> {
  const client = new Multiplexed(await connect(server.socket("/ws?room=r"), { headers: bearer(credential) }));
  await client.find(({ type }) => type === "joined");
  return client;
}

test("a session ends when its token expires, on every transport, and not before", async () => {
  const server = strict();
  const exp = seconds(2);
  const headers = bearer(token(claims({ exp })));
  const lasting = await mux(server, token());
  const client = await mux(server, token(claims({ exp })));
  const raw = await connect(server.socket("/rooms/r"), { headers });
  const events = await openEvents(server.room("r"), headers);
  const ndjson = await openNdjson(server.room("r"), headers);
  const poll = problemOf(fetch(server.room("r", "?wait=30"), { headers }));
  expect(await client.closed).toMatchObject({ code: 4401 });
  expect(Date.now()).toBeGreaterThanOrEqual(exp * 1000);
  expect((await raw.closed).code).toBe(4401);
  await events.ended;
  await ndjson.ended;
  expect(await poll).toMatchObject({ status: 401, code: "unauthorized" });
  expect(await lasting.ask({ type: "publish", room: "r", data: 1 })).toMatchObject({ type: "published" });
  expect(server.thump.hub.sessions.size).toBe(1);
});

test("the leeway applies to live sessions too", async () => {
  const server = startServer({ heartbeat: 0.2, access: { secrets: SECRET, leeway: "1s" } });
  const exp = seconds(1);
  const client = await mux(server, token(claims({ exp })));
  expect((await client.closed).code).toBe(4401);
  expect(Date.now()).toBeGreaterThanOrEqual(exp * 1000 + 1000);
});

test("with a new token, the session keeps its rooms and positions", async () => {
  const server = strict();
  const first = seconds(2);
  const client = await mux(server, short({ exp: first }));
  const exp = seconds(3600);
  const renewed = await client.ask({ type: "auth", token: token(claims({ exp })) });
  expect(renewed).toMatchObject({ type: "authorized", user: "u7", expires: exp * 1000 });
  // A session that does not send a new token ends, which shows that the old token has expired.
  const other = await mux(server, short({ exp: first + 1 }));
  expect((await other.closed).code).toBe(4401);
  await server.publish("r", "after", bearer(token()));
  expect(await client.find(({ type }) => type === "message")).toMatchObject({ data: "after" });
});

test("the grants of the new token replace the old ones at once", async () => {
  const server = strict();
  const client = await mux(server, token());
  await client.ask({ type: "join", room: "s" });
  const renewed = client.ask({ type: "auth", token: token(claims({ rooms: { s: ["join"], t: ALL } })) });
  // This command is sent directly after the new token, which must authorize it.
  const refused = client.ask({ type: "publish", room: "s", data: 1 });
  const allowed = client.ask({ type: "join", room: "t" });
  expect(await client.find(({ type }) => type === "left")).toMatchObject({ room: "r", code: "forbidden" });
  expect(await renewed).toMatchObject({ type: "authorized" });
  expect(await refused).toMatchObject({ code: "forbidden" });
  expect(await allowed).toMatchObject({ type: "joined" });
  expect(["r", "s", "t"].map((room) => server.thump.sessionsIn(room))).toEqual([0, 1, 1]);
});

test.each<[what: string, credential: () => string, code: string]>([
  ["of a different user", () => token(claims({ sub: "u8" })), "forbidden"],
  ["without a user", () => token(claims({ sub: undefined })), "forbidden"],
  ["signed with a different secret", () => token(claims(), OTHER_SECRET), "unauthorized"],
  ["expired", () => token(claims({ exp: seconds(-60) })), "unauthorized"],
  ["that is not a JWT", () => "hello", "unauthorized"],
])("a token %s is rejected, and the session continues unchanged", async (_, credential, code) => {
  const server = strict();
  const client = await mux(server, token());
  expect(await client.ask({ type: "auth", token: credential() })).toMatchObject({ type: "error", code });
  expect(await client.ask({ type: "publish", room: "r", data: 1 })).toMatchObject({ type: "published" });
});

test("a client that sends too many invalid tokens is closed", async () => {
  const server = strict();
  const client = await mux(server, token());
  for (let i = 0; i < 20; i++) client.socket.send('{"type":"auth","token":"guess"}');
  expect((await client.closed).code).toBe(4401);
});

test("an anonymous session may send a token before it joins a room", async () => {
  const server = startServer({ rooms: { open: { join: "anyone" } }, access: { secrets: SECRET } });
  const client = new Multiplexed(await connect(server.socket("/ws")));
  await client.ask({ type: "join", room: "open" });
  expect(await client.ask({ type: "auth", token: token() })).toMatchObject({ code: "forbidden" });
  await client.ask({ type: "leave", room: "open" });
  expect(await client.ask({ type: "auth", token: token() })).toMatchObject({
    type: "authorized",
    user: "u7",
  });
  expect(await client.ask({ type: "join", room: "r" })).toMatchObject({ type: "joined" });
});
