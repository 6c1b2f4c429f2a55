// Query parameters and headers: the alternative names for the start position, header encoding, unknown parameters.
import { expect, test } from "bun:test";
import { dataOf, problemOf, publishAt, stateOf, type State } from "../../support/answers.ts";
import { connect, multiplexed } from "../../support/clients.ts";
import { startServer, type TestServer } from "../../support/server.ts";
import { openEvents, openMultiplexed } from "../../support/streams.ts";
import { httpAnswer } from "../../support/tcp.ts";
import { SECRET } from "../../support/tokens.ts";

const LAST_EVENT_ID = ["lastEventId", "lastEventID", "Last-Event-ID", "last-event-id", "evs_last_event_id"];

/** Publishes three messages and returns the first one's cursor. */
async function three(server: TestServer, room = "r"): Promise<string> {
  const first = await publishAt(server, room, "1");
  await publishAt(server, room, "2");
  await publishAt(server, room, "3");
  return first;
}

test.each(LAST_EVENT_ID)("?%s= works like the header, on every transport", async (name) => {
  const server = startServer();
  const cursor = await three(server);
  const query = `${name}=${cursor}`;
  const stream = await openEvents(server.room("r", `?${query}`));
  await stream.events.until((all) => all.length === 2);
  expect(stream.events.all.map(({ data }) => data)).toEqual(["2", "3"]);
  const events = await openEvents(`${server.url}/events?room=r&${query}`);
  await events.events.until((all) => all.length === 2);
  const raw = await connect(server.socket(`/rooms/r?${query}`));
  expect([await raw.next(), await raw.next()]).toEqual(["2", "3"]);
  const mux = await multiplexed(server.socket(`/ws?room=r&${query}`));
  expect(await mux.find(({ type }) => type === "joined")).toMatchObject({ resumed: true, replay: 2 });
  expect(dataOf(await stateOf(server, "r", `?${query}`))).toEqual([2, 3]);
  // When a library reconnects, it keeps the URL and adds its own parameter.
  const second = await publishAt(server, "r", "4");
  expect(dataOf(await stateOf(server, "r", `?after=${cursor}&${name}=${second}`))).toEqual([]);
  const both = await fetch(server.room("r", `?${query}`), { headers: { "last-event-id": second } });
  expect(dataOf((await both.json()) as State)).toEqual([]);
  expect(dataOf(await stateOf(server, "r", `?after=${second}&${name}=`))).toEqual([]);
  expect(await problemOf(fetch(server.room("r", `?${name}=nonsense`)))).toMatchObject({
    code: "invalid-cursor",
  });
});

/** Sends a POST whose header values are raw bytes, one per character, as curl does. */
const post = (server: TestServer, room: string, fields: string[]) =>
  httpAnswer(
    server.port,
    [`POST /rooms/${room} HTTP/1.1`, "Host: 127.0.0.1", ...fields, "Content-Length: 1"],
    "1",
  );
const bytesOf = (text: string) => Buffer.from(text).toString("latin1");

test("header text is decoded as UTF-8 if valid, so that event and key are the same as in a batch", async () => {
  const server = startServer();
  for (const text of ["prix-modifié", "Ω≈ç√", "🐇", "плюс"]) {
    const room = crypto.randomUUID();
    const answer = await post(server, room, [`Event: ${bytesOf(text)}`, `Idempotency-Key: ${bytesOf(text)}`]);
    const batch = await fetch(`${server.url}/publish`, {
      method: "POST",
      body: JSON.stringify({ room, event: text, key: text, data: 1 }),
    });
    const { results } = (await batch.json()) as { results: { at: string }[] };
    expect(answer).toContain(`{"at":"${results[0]?.at}"}`);
    const { messages } = await stateOf(server, room);
    expect(messages).toMatchObject([{ event: text, data: 1 }]);
  }
});

test("header text that is not valid UTF-8 is decoded as Latin-1", async () => {
  const server = startServer();
  expect(await post(server, "r", ["Event: caf\xe9"])).toStartWith("HTTP/1.1 201");
  expect((await stateOf(server, "r")).messages).toMatchObject([{ event: "café" }]);
  expect(await post(server, "r", [`Event: ${bytesOf("a\u2028b")}`])).toContain('"invalid-event"');
});

const PLAIN: [path: string, init: RequestInit][] = [
  ["/rooms/r?", {}],
  ["/rooms/r?last=1&", {}],
  ["/rooms/r?wait=0.01&", {}],
  ["/rooms/r/members?", {}],
  ["/rooms?limit=1&", {}],
  ["/rules?room=r&", {}],
  ["/sessions?", {}],
  ["/publish?ordered=1&", { method: "POST", body: '{"room":"r","data":1}' }],
];

test.each(PLAIN)("%s rejects unknown parameters", async (path, init) => {
  const server = startServer();
  for (const query of ["before=k3f9zq-1", "unknown", "Last=3", "__proto__=1", "match=*&before=x"]) {
    if (query.startsWith("match") && path.startsWith("/rooms?")) continue;
    const refused = await problemOf(fetch(server.url + path + query, init));
    expect(refused).toMatchObject({ status: 400, code: "invalid-query" });
    expect(refused.detail).toContain('Unknown query parameter "');
  }
  const known = path.slice(0, -1);
  expect((await fetch(`${server.url}${known}${known.includes("?") ? "&" : "?"}token=x`, init)).status).toBe(
    200,
  );
  expect(dataOf(await stateOf(server, "r"))).toEqual(init.method ? [1] : []);
});

const BACKEND = { authorization: "Bearer thump_backend" };
const HASH = new Bun.CryptoHasher("sha256").update(BACKEND.authorization.slice(7)).digest("hex");

test.each([
  ["DELETE", "/rooms/r/history"],
  ["DELETE", "/sessions/x"],
  ["DELETE", "/users/u7/sessions"],
  ["POST", "/revoke"],
])("%s %s rejects unknown parameters", async (method, path) => {
  const server = startServer({ access: { secrets: SECRET, apiKeys: [{ name: "backend", hash: HASH }] } });
  await server.publish("r", "1", BACKEND);
  const body = method === "POST" ? '{"user":"u8"}' : null;
  const headers = { ...BACKEND, "content-type": "application/json" };
  const refused = await problemOf(fetch(`${server.url}${path}?before=k3f9zq-1`, { method, headers, body }));
  expect(refused).toMatchObject({ status: 400, code: "invalid-query" });
  const kept = await fetch(server.room("r"), { headers: BACKEND });
  expect(dataOf((await kept.json()) as State)).toEqual([1]);
});

test("streams and sockets ignore unknown parameters, because libraries add their own", async () => {
  const server = startServer();
  await three(server);
  const query = "?last=1&before=x&_=1763786400000&room=r";
  const stream = await openEvents(server.room("r", query));
  expect((await stream.events.next()).data).toBe("3");
  expect(await (await connect(server.socket(`/rooms/r${query}`))).next()).toBe("3");
  const mux = await multiplexed(server.socket(`/ws${query}`));
  expect(await mux.find(({ type }) => type === "message")).toMatchObject({ data: 3 });
});

test("a poll waits at most 50 s, because nginx times out after 60 s", async () => {
  const server = startServer();
  let asked = 0;
  const { setTimeout: original } = globalThis;
  const quick = (run: () => void, ms?: number) => {
    asked = Math.max(asked, ms ?? 0);
    return original(run, ms !== undefined && ms > 40_000 ? 1 : ms);
  };
  globalThis.setTimeout = Object.assign(quick, original);
  try {
    expect(dataOf(await stateOf(server, "r", "?wait=3600"))).toEqual([]);
  } finally {
    globalThis.setTimeout = original;
  }
  expect(asked).toBe(50_000);
});

/** Requests the newest `last` messages on each transport. Returns the gap notice of each, or undefined. */
async function noticesOf(server: TestServer, last: number): Promise<unknown[]> {
  const ndjson = await fetch(server.room("r", `?last=${last}`), {
    headers: { accept: "application/x-ndjson" },
  });
  const reader = ndjson.body?.getReader();
  const mux = await multiplexed(server.socket("/ws"));
  await mux.ask({ type: "join", room: "r", last });
  const raw = await connect(server.socket(`/rooms/r?last=${last}`));
  const sse = await openEvents(server.room("r", `?last=${last}`));
  const posted = await openMultiplexed(server.url, [{ room: "r", last }]);
  await posted.events.until((all) => all.some(({ data }) => data.startsWith('{"type":"message"')));
  const first = new TextDecoder().decode((await reader?.read())?.value);
  const command = await mux.ask({ type: "history", room: "r", last });
  const state = await stateOf(server, "r", `?last=${last}`);
  await mux.find(({ type }) => type === "message");
  const isGap = (text: string) => text.startsWith('{"type":"gap"');
  const event = await sse.events.next();
  return [
    state.gap && { type: "gap", room: "r", ...state.gap },
    command["gap"] && { type: "gap", room: "r", ...(command["gap"] as object) },
    mux.all.find(({ type }) => type === "gap"),
    [String(await raw.next())].filter(isGap).map((text) => JSON.parse(text) as unknown)[0],
    isGap(event.data) ? (JSON.parse(event.data) as unknown) : undefined,
    first
      .split("\n")
      .filter(isGap)
      .map((text) => JSON.parse(text) as unknown)[0],
    posted.events.all
      .map(({ data }) => data)
      .filter(isGap)
      .map((text) => JSON.parse(text) as unknown)[0],
  ];
}

test("a request for more messages than are stored gets a gap", async () => {
  const server = startServer({ rooms: { r: { history: { count: 2 } } } });
  await three(server);
  const { epoch } = server.thump.hub.log;
  const gap = { type: "gap", room: "r", after: `${epoch}-0`, at: `${epoch}-1` };
  expect(await noticesOf(server, 3)).toEqual([gap, gap, gap, gap, gap, gap, gap]);
  // These notices do not count as gaps, because the requests had no cursor.
  expect(server.thump.hub.stats.gaps).toBe(0);
  const none = Array.from({ length: 7 }, () => undefined);
  expect(await noticesOf(server, 2)).toEqual(none);
  expect(await stateOf(server, "r")).not.toHaveProperty("gap");
});

test("the largest possible answer has a gap only if the room had more messages than it stores", async () => {
  const server = startServer();
  for (let i = 0; i < 1501; i++) await server.thump.publish("r", i);
  const { messages, gap } = await stateOf(server, "r", "?last=100000");
  expect(messages.length).toBe(1000);
  const { epoch } = server.thump.hub.log;
  expect(gap).toEqual({ after: `${epoch}-0`, at: `${epoch}-501` });
  await server.thump.publish("young", 1);
  expect(await stateOf(server, "young", "?last=100000")).not.toHaveProperty("gap");
  expect(await stateOf(server, "never", "?last=100000")).not.toHaveProperty("gap");
});
