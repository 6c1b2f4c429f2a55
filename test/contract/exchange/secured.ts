// A server with secrets and API keys: authentication, rules, revocation, sessions, origins.
import { createHash } from "node:crypto";
import { base64url, claims, OTHER_SECRET, seconds, SECRET, token } from "../../support/tokens.ts";
import { apart, JSON_TYPE, NDJSON, start } from "./server.ts";
import type { Recorder } from "./recorder.ts";
import { RecordedSocket } from "./socket.ts";
import { RecordedStream } from "./stream.ts";

export const KEYS = {
  all: `thump_${"a".repeat(43)}`,
  backend: `thump_${"b".repeat(43)}`,
  console: `thump_${"c".repeat(43)}`,
  unknown: `thump_${"d".repeat(43)}`,
};
const hash = (key: string) => createHash("sha256").update(key).digest("hex");

export const SECURED = {
  origins: ["https://app.example"],
  access: {
    secrets: [SECRET],
    leeway: 0,
    cookie: "session",
    apiKeys: [
      { name: "all", hash: hash(KEYS.all) },
      { name: "backend", hash: hash(KEYS.backend), rooms: { "news:*": ["publish", "list"] } },
      { name: "console", hash: hash(KEYS.console), rooms: { "*": ["list", "join"] }, may: ["inspect"] },
    ],
  },
  rooms: {
    "news:*": { join: "anyone", publish: "server", members: "users" },
    "lobby:*": { join: "users", publish: "users", presence: { grace: "200ms" } },
    "crowd:*": { join: "users", presence: { grace: "200ms", list: 1 } },
    "user:{id}": { join: "owner", publish: "server" },
    "read:*": { join: "anyone", publish: "anyone", history: { read: "users" } },
  },
};

const bearer = (credential: string) => ({ authorization: `Bearer ${credential}` });
const KEY = bearer(KEYS.all);

/** Creates a token, which the recording shows as a label. */
function labelled(recorder: Recorder, label: string, payload: string | object, secret = SECRET): string {
  const made = token(payload, secret);
  recorder.hide(made, `<token ${label}>`);
  return made;
}

export async function secured(): Promise<string> {
  const { recorder } = await start(SECURED);
  for (const [name, key] of Object.entries(KEYS)) recorder.hide(key, `<key ${name}>`);
  await recorder.learnEpoch(KEY);
  const u7 = labelled(recorder, "u7", claims({ info: { name: "Ann" }, jti: "first" }));
  await shown(recorder, u7);
  await badTokens(recorder);
  await rules(recorder, u7);
  await keys(recorder);
  await origins(recorder, u7);
  await renewal(recorder);
  await users(recorder, u7);
  await revocation(recorder);
  return recorder.text;
}

async function shown(recorder: Recorder, u7: string): Promise<void> {
  recorder.part("where a token is taken");
  const get = (path: string, headers: Record<string, string> = {}) => recorder.http("GET", path, { headers });
  await get("/rooms/any");
  await get("/rooms/any", bearer(u7));
  await get("/rooms/any", { authorization: "Basic dTpw" });
  await get(`/rooms/any?token=${u7}`);
  await get("/rooms/any", { cookie: `session=${u7}` });
  await get("/rooms/any", { cookie: `session=${u7}`, "sec-fetch-site": "same-origin" });
  await get("/rooms/any", { cookie: `session=${u7}`, origin: "https://app.example" });
  await get("/rooms/any", { cookie: `session=${u7}`, origin: "http://localhost:5173" });
  const socket = await RecordedSocket.open(recorder, "socket", "/ws", {
    protocols: ["thump", `bearer.${u7}`],
  });
  await socket.next();
  await socket.close();
  const query = await RecordedSocket.open(recorder, "socket", `/ws?token=${u7}`);
  await query.next();
  await query.close();
}

async function badTokens(recorder: Recorder): Promise<void> {
  recorder.part("tokens that are refused");
  const unsigned = `${base64url({ alg: "none" })}.${base64url(claims())}.`;
  recorder.hide(unsigned, "<token unsigned>");
  const bad = {
    nonsense: "nonsense",
    unsigned,
    "of another secret": labelled(recorder, "of another secret", claims(), OTHER_SECRET),
    expired: labelled(recorder, "expired", claims({ iat: seconds(-20), exp: seconds(-10) })),
    "without an end": labelled(recorder, "without an end", { sub: "u7", rooms: {} }),
    "too long": labelled(recorder, "too long", claims({ exp: seconds(60 * 24 * 3600) })),
    "not yet": labelled(recorder, "not yet", claims({ nbf: seconds(600) })),
    "for an audience": labelled(recorder, "for an audience", claims({ aud: "x" })),
    "with a bad user": labelled(recorder, "with a bad user", claims({ sub: "a/../b" })),
    "with bad rooms": labelled(recorder, "with bad rooms", claims({ rooms: ["chat"] })),
  };
  for (const credential of Object.values(bad))
    await recorder.http("GET", "/rooms/any", { headers: bearer(credential) });
  for (const accept of ["text/event-stream", NDJSON])
    await recorder.http("GET", "/rooms/any", { headers: { accept, ...bearer("nonsense") } });
  await recorder.http("GET", "/events?room=any", { headers: bearer("nonsense") });
  await recorder.http("POST", "/events", { headers: { ...JSON_TYPE, ...bearer("nonsense") }, body: "[]" });
  await recorder.http("POST", "/rooms/any", { headers: bearer("nonsense"), body: "x" });
  await recorder.http("GET", "/ws?token=nonsense");
}

async function rules(recorder: Recorder, u7: string): Promise<void> {
  recorder.part("rules and grants");
  const guest = labelled(
    recorder,
    "without a user",
    claims({ sub: undefined, rooms: { "chat:*": ["join"] } }),
  );
  const credentials: Record<string, string>[] = [{}, bearer(guest), bearer(u7)];
  for (const headers of credentials) {
    for (const room of ["news:1", "lobby:1", "user:u7", "user:u8", "read:1", "chat:1", "thump:stats"]) {
      await recorder.http("POST", `/rooms/${room}`, { headers: { ...headers, ...JSON_TYPE }, body: "1" });
      await recorder.http("GET", `/rooms/${room}`, { headers });
      await recorder.http("GET", `/rooms/${room}/members`, { headers });
    }
    await recorder.http("DELETE", "/rooms/chat:1/history", { headers });
    await recorder.http("POST", "/publish", {
      headers: { ...headers, ...JSON_TYPE },
      body: '[{"room":"lobby:1","data":1},{"room":"news:1","data":1}]',
    });
    await recorder.http("GET", "/events?room=chat:1&room=user:u8", { headers });
    await recorder.http("GET", "/rooms", { headers });
    await recorder.http("GET", "/rules", { headers });
    await recorder.http("GET", "/sessions", { headers });
    await recorder.http("GET", "/sessions/none", { headers });
    await recorder.http("DELETE", "/sessions/none", { headers });
    await recorder.http("DELETE", "/users/u7/sessions", { headers });
    await recorder.http("POST", "/revoke", { headers: { ...headers, ...JSON_TYPE }, body: '{"user":"u9"}' });
  }
}

async function keys(recorder: Recorder): Promise<void> {
  recorder.part("API keys");
  for (const key of Object.values(KEYS)) {
    const headers = bearer(key);
    await recorder.http("POST", "/rooms/news:1", { headers: { ...headers, ...JSON_TYPE }, body: "1" });
    await recorder.http("POST", "/rooms/chat:1", { headers: { ...headers, ...JSON_TYPE }, body: "1" });
    await recorder.http("GET", "/rooms/chat:1", { headers });
    await recorder.http("GET", "/rooms?match=news:*", { headers });
    await recorder.http("DELETE", "/rooms/chat:1/history", { headers });
    await recorder.http("GET", "/rules?room=news:1", { headers });
    await recorder.http("GET", "/sessions", { headers });
    await recorder.http("DELETE", "/users/u7/sessions", { headers });
    await recorder.http("POST", "/revoke", { headers: { ...headers, ...JSON_TYPE }, body: '{"token":"t1"}' });
    const metrics = await recorder.open("GET", "/metrics", {
      headers: { ...headers, host: "thump.example" },
    });
    await metrics.ended;
  }
}

async function origins(recorder: Recorder, u7: string): Promise<void> {
  recorder.part("pages of other origins");
  const pages = ["https://app.example", "https://evil.example", "http://localhost:5173", "null"];
  for (const origin of pages) {
    await recorder.http("GET", "/rooms/news:1?last=0", { headers: { origin } });
    await recorder.http("GET", "/rooms/any", { headers: { origin } });
    await recorder.http("POST", "/rooms/lobby:1", { headers: { origin, ...bearer(u7) }, body: "x" });
    await recorder.http("HEAD", "/events?room=news:1", { headers: { origin } });
    for (const path of [
      "/rules",
      "/rooms",
      "/rooms/a",
      "/rooms/a/members",
      "/rooms/a/history",
      "/events",
      "/publish",
      "/revoke",
      "/sessions",
      "/sessions/x",
      "/users/u/sessions",
      "/ws",
      "/healthz",
      "/metrics",
    ])
      await recorder.http("OPTIONS", path, {
        headers: {
          origin,
          "access-control-request-method": "POST",
          "access-control-request-headers": "content-type",
        },
      });
  }
}

async function renewal(recorder: Recorder): Promise<void> {
  recorder.part("a token is renewed on a socket");
  const some = (rooms: object, more: object = {}) => claims({ sub: "u1", rooms, ...more });
  const both = labelled(recorder, "both rooms", some({ "a:*": ["join"], "b:*": ["join"] }));
  const one = labelled(recorder, "one room", some({ "a:*": ["join"] }));
  const other = labelled(recorder, "another user", claims({ sub: "u2" }));
  const socket = await RecordedSocket.open(recorder, "socket", "/ws", { headers: bearer(both) });
  await socket.next();
  await socket.ask({ type: "join", id: 1, room: "a:1" });
  await socket.ask({ type: "join", id: 2, room: "b:1" });
  await socket.ask({ type: "auth", id: 3, token: one }, 1);
  await socket.ask({ type: "auth", id: 4, token: other });
  await socket.ask({ type: "auth", id: 5, token: "nonsense" });
  await socket.ask({ type: "auth", id: 6, token: KEYS.all });
  for (let id = 7; id < 14; id++) socket.command({ type: "auth", id, token: "nonsense" });
  await socket.closed();

  recorder.part("a token ends");
  const short = (label: string) =>
    labelled(recorder, label, some({ "a:*": ["join"] }, { exp: seconds(4), jti: label }));
  const [first, second, third] = [short("short 1"), short("short 2"), short("short 3")];
  const mux = await RecordedSocket.open(recorder, "mux", "/ws", { headers: bearer(first) });
  await mux.next();
  const raw = await RecordedSocket.open(recorder, "raw", "/rooms/a:1", { headers: bearer(second) });
  const stream = await RecordedStream.open(recorder, "multiplexed", "/events", {
    method: "POST",
    headers: { ...JSON_TYPE, ...bearer(third) },
    body: '[{"room":"a:1"}]',
  });
  await stream.next(3);
  await mux.closed();
  await raw.closed();
  await stream.ended();
}

async function users(recorder: Recorder, u7: string): Promise<void> {
  recorder.part("users: presence and sessions");
  const u8 = labelled(recorder, "u8", claims({ sub: "u8" }));
  const a = await RecordedSocket.open(recorder, "a", "/ws", { headers: bearer(u7) });
  await a.next();
  await a.ask({ type: "join", id: 1, room: "lobby:1", presence: true });
  await apart();
  const b = await RecordedSocket.open(recorder, "b", "/ws?room=lobby:1", { headers: bearer(u8) });
  await b.next(2);
  await a.next();
  await b.ask({ type: "publish", id: 1, room: "lobby:1", data: "from u8" });
  await a.next();
  await a.ask({ type: "members", id: 2, room: "lobby:1" });
  await recorder.http("GET", "/rooms/lobby:1/members", { headers: KEY });
  await recorder.http("GET", "/sessions?user=u8", { headers: KEY });
  await recorder.http("GET", "/sessions?room=lobby:1&limit=1", { headers: KEY });
  await recorder.http("GET", "/sessions?lagging=1", { headers: KEY });
  await recorder.http("DELETE", "/users/u8/sessions", { headers: KEY });
  await b.closed();
  await a.next();
  // This stream opens while its user is already present, so its snapshot does not depend on timing.
  const stream = await RecordedStream.open(recorder, "stream", "/rooms/lobby:1?presence=1", {
    headers: bearer(u7),
  });
  await stream.next(3);
  stream.reply.close();
  await a.close();

  recorder.part("presence in a room with more users than its list");
  const c = await RecordedSocket.open(recorder, "c", "/ws", { headers: bearer(u7) });
  await c.next();
  await c.ask({ type: "join", id: 1, room: "crowd:1", presence: true });
  const d = await RecordedSocket.open(recorder, "d", "/ws?room=crowd:1", { headers: bearer(u8) });
  await d.next(2);
  await c.next();
  await c.ask({ type: "members", id: 2, room: "crowd:1" });
  await d.close();
  await c.next(1);
  await c.close();
}

async function revocation(recorder: Recorder): Promise<void> {
  recorder.part("revocation");
  const revoke = (body: object | string) =>
    recorder.http("POST", "/revoke", {
      headers: { ...KEY, ...JSON_TYPE },
      body: typeof body === "string" ? body : JSON.stringify(body),
    });
  await revoke({});
  await revoke({ user: "a", token: "b" });
  await revoke({ user: "" });
  await revoke({ user: "a/../b" });
  await revoke({ user: "a", until: 1 });
  await revoke({ who: "a" });
  await revoke("{");
  await revoke({ session: "none" });
  await recorder.http("POST", "/revoke?x=1", { headers: { ...KEY, ...JSON_TYPE }, body: "{}" });
  await recorder.http("POST", "/revoke", { headers: { ...KEY, "content-type": "image/png" }, body: "{}" });
  const of = (label: string, more: object) =>
    labelled(recorder, label, claims({ ...more, jti: `id of ${label}` }));
  const t1 = of("t1", { sub: "r1" });
  const t2 = of("t2", { sub: "r2" });
  const t3 = of("t3", { sub: "r3" });
  const one = await RecordedSocket.open(recorder, "one", "/ws?room=x", { headers: bearer(t1) });
  await one.next(2);
  const two = await RecordedStream.open(recorder, "two", "/rooms/x", { headers: bearer(t2) });
  await two.next(2);
  const three = await RecordedSocket.open(recorder, "three", "/ws", { headers: bearer(t3) });
  const [welcome = ""] = await three.next();
  await revoke({ token: "id of t1" });
  await one.closed();
  await revoke({ user: "r2", until: Date.now() + 60_000 });
  await two.ended();
  await revoke({ session: (JSON.parse(welcome) as { session: string }).session });
  await three.closed();
  for (const credential of [t1, t2, t3])
    await recorder.http("GET", "/rooms/x", { headers: bearer(credential) });
}
