// Rooms over HTTP on an open server: publishing, reading, batches, lists, deleting history, and rejected requests.
import { apart, cursorOf, FOREIGN, JSON_TYPE, start } from "./server.ts";
import type { Recorder } from "./recorder.ts";
import { send } from "./http.ts";

const SCHEMA = { type: "object", required: ["n"], properties: { n: { type: "integer" } } };

export const RULES = {
  "none:*": { history: false },
  "few:*": { history: { count: 2 } },
  "typed:*": { schema: SCHEMA },
  "server:*": { publish: "server" },
  "closed:*": { join: "server" },
  "inside:*": { publish: "members" },
  "unread:*": { history: { read: "server" } },
  "who:*": { presence: { grace: "200ms" } },
  "gzip:*": { compress: "streams" },
  "deflate:*": { compress: true },
  "latest:*": { lag: "latest" },
};

export async function rooms(): Promise<string> {
  const { recorder } = await start({ rooms: RULES });
  await recorder.learnEpoch();
  await publishing(recorder);
  await refused(recorder);
  await paths(recorder);
  await reading(recorder);
  await waiting(recorder);
  await batches(recorder);
  await lists(recorder);
  await methods(recorder);
  return recorder.text;
}

async function publishing(recorder: Recorder): Promise<void> {
  recorder.part("publish a body of each content type");
  const publish = (body: string | Uint8Array, headers: Record<string, string> = {}) =>
    recorder.http("POST", "/rooms/types", { headers, body });
  await publish('{"b":1,  "a":1.10,"big":12345678901234567890}', JSON_TYPE);
  await publish('{"a":1}', { "content-type": "application/json; charset=utf-8" });
  await publish("plain");
  await publish("two\nlines", { "content-type": "text/plain" });
  await publish("<b>", { "content-type": "text/html" });
  await publish("a=b", { "content-type": "application/x-www-form-urlencoded" });
  await publish('{"parses":true}', { "content-type": "text/plain" });
  await publish(new Uint8Array([0, 255, 128]), { "content-type": "application/octet-stream" });
  await publish(new Uint8Array([1]), { "content-type": "image/png" });
  await publish("", { "content-type": "text/plain" });
  await publish("", { "content-type": "application/octet-stream" });
  await publish("1", { event: "price", ...JSON_TYPE });
  await publish("1", { event: "prix-modifié" });
  await recorder.http("GET", "/rooms/types");

  recorder.part("idempotency keys");
  const keyed = (body: string, headers: Record<string, string>) =>
    recorder.http("POST", "/rooms/keys", { headers: { "idempotency-key": "k1", ...headers }, body });
  await keyed("once", {});
  await keyed("once", {});
  await keyed("other", {});
  await keyed("once", { event: "other" });
  await keyed("once", { "idempotency-key": "ключ" });
  await keyed("once", { "idempotency-key": "k".repeat(256) });
  await recorder.http("GET", "/rooms/keys");
}

async function refused(recorder: Recorder): Promise<void> {
  recorder.part("publications that are refused");
  const publish = (room: string, body: string | Uint8Array, headers: Record<string, string> = {}) =>
    recorder.http("POST", `/rooms/${room}`, { headers, body });
  await publish("a", "{", JSON_TYPE);
  await publish("a", "", JSON_TYPE);
  await publish("a", new Uint8Array([0x22, 0xff, 0x22]), JSON_TYPE);
  await publish("a", new Uint8Array([0xff]), { "content-type": "text/plain" });
  await publish("a", "1", { event: "thump:mine" });
  await publish("a", "1", { event: "e".repeat(256) });
  await publish("a", "1", { "idempotency-key": "" });
  await publish("typed:1", '{"n":1}', JSON_TYPE);
  await publish("typed:1", '{"n":"one"}', JSON_TYPE);
  await publish("typed:1", "text");
  await publish("server:1", "1");
  await publish("inside:1", "1");
  await publish("thump:stats", "1");
  await publish("thump:other", "1");
  await publish("a", "x".repeat(64 * 1024 + 1));
  await publish("a?unknown=1", "ignored or refused");
}

async function paths(recorder: Recorder): Promise<void> {
  recorder.part("names and paths");
  for (const path of [
    "/rooms/a%2Fb",
    "/rooms/%E2%82%AC",
    "/rooms/%E2%82",
    "/rooms/%zz",
    "/rooms/a%00b",
    "/rooms/..",
    "/rooms/%2E%2E",
    "/rooms/a%2F..%2Fb",
    "/rooms/a\\b",
    "/rooms/a#b",
    "/rooms/a/",
    "/rooms/",
    "/rooms/%EF%BF%BD",
    `/rooms/${"n".repeat(255)}`,
    `/rooms/${"n".repeat(256)}`,
    "/rooms//a",
    "/nothing",
    "/rooms/a/b/c",
    "/healthz/",
  ])
    await recorder.http("GET", path);
  await recorder.http("GET", "/rooms/a", { headers: { host: "evil.example" } });
  await recorder.http("GET", "/rooms/a", { headers: { origin: "https://evil.example" } });
  await recorder.http("GET", "/rooms/a", { headers: { "x-forwarded-for": "203.0.113.9" } });
}

async function reading(recorder: Recorder): Promise<void> {
  recorder.part("read a room");
  const at: string[] = [];
  for (const body of ["1", "2", "3"])
    at.push(cursorOf(await recorder.http("POST", "/rooms/read", { headers: JSON_TYPE, body })));
  const [first = "", , third = ""] = at;
  const read = (query: string, headers: Record<string, string> = {}) =>
    recorder.http("GET", `/rooms/read${query}`, { headers });
  await read("");
  await read("?last=1");
  await read("?last=0");
  await read(`?after=${first}`);
  await read(`?after=${third}`);
  await read(`?after=${first}&last=1`);
  await read("", { "last-event-id": first });
  await read(`?lastEventId=${first}`);
  await read(`?Last-Event-ID=${first}`);
  await read(`?evs_last_event_id=${first}`);
  await read(`?after=${FOREIGN}`);
  await read("?after=nonsense");
  await read("?last=-1");
  await read("?last=many");
  await read("?max=0");
  await read("?max=2");
  await read("?unknown=1");
  await read("?presence=1");
  await read("?wait=x");
  await recorder.http("GET", "/rooms/never");
  for (const body of ["1", "2", "3"])
    await recorder.http("POST", "/rooms/few:a", { headers: JSON_TYPE, body });
  await recorder.http("GET", "/rooms/few:a");
  await recorder.http("GET", "/rooms/few:a?last=5");
  await recorder.http("GET", `/rooms/few:a?after=${third}`);
  await recorder.http("POST", "/rooms/none:a", { body: "1" });
  await recorder.http("GET", "/rooms/none:a");
  await recorder.http("GET", "/rooms/closed:a");
  await recorder.http("GET", "/rooms/unread:a");
  await recorder.http("GET", "/rooms/thump:stats");
  await recorder.http("GET", "/rooms/read/members");
  await recorder.http("GET", "/rooms/read/members?x=1");
  await recorder.http("GET", "/rooms/closed:a/members");

  recorder.part("forget a room");
  await recorder.http("DELETE", "/rooms/read/history?before=1");
  await recorder.http("DELETE", "/rooms/read/history");
  await read("");
  await read(`?after=${first}`);
  await recorder.http("DELETE", "/rooms/server:a/history");
  await recorder.http("DELETE", "/rooms/never/history");
}

async function waiting(recorder: Recorder): Promise<void> {
  recorder.part("long polls");
  const at = cursorOf(await recorder.http("POST", "/rooms/poll", { headers: JSON_TYPE, body: "1" }));
  await recorder.http("GET", "/rooms/poll?wait=10&last=1");
  await recorder.http("GET", `/rooms/poll?wait=0.1&after=${at}`);
  await recorder.http("GET", "/rooms/poll?wait=0.1");
  const later = recorder.http("GET", `/rooms/poll?wait=20&after=${at}`);
  await apart();
  for (;;) {
    const sessions = await send(recorder.port, "GET", "/rooms/poll");
    await sessions.ended;
    if (sessions.text.includes('"sessions":1')) break;
    await Bun.sleep(10);
  }
  const publish = await send(recorder.port, "POST", "/rooms/poll", { headers: JSON_TYPE, body: "2" });
  await publish.ended;
  await later;
}

async function batches(recorder: Recorder): Promise<void> {
  recorder.part("batches");
  const batch = (body: unknown, query = "", headers: Record<string, string> = JSON_TYPE) =>
    recorder.http("POST", `/publish${query}`, {
      headers,
      body: typeof body === "string" ? body : JSON.stringify(body),
    });
  await batch([
    { room: "b1", data: { a: 1 } },
    { room: "b1", event: "named", data: "text" },
    { rooms: ["b1", "b2"], data: "AP8=", encoding: "base64" },
    { room: "b2", key: "k1" },
    { room: "b2", key: "k1" },
    { room: "b2", key: "k1", data: 1 },
  ]);
  await batch([
    { room: "", data: 1 },
    { room: "server:1", data: 1 },
    { room: "typed:1", data: { n: "x" } },
    { room: "b1", event: "thump:x", data: 1 },
    { room: "b1", data: "?", encoding: "base64" },
    { room: "b1", data: 1, encoding: "hex" },
    { rooms: ["b1", "b1"], data: 1 },
    { rooms: [], data: 1 },
    { room: "b1", rooms: ["b2"], data: 1 },
    { data: 1 },
    5,
    { room: "b1", data: "last" },
  ]);
  const mixed = [
    { room: "b3", data: 1 },
    { room: "server:1", data: 1 },
    { room: "b3", data: 2 },
  ];
  await batch(mixed, "?ordered=1");
  await batch(mixed, "?ordered=0");
  await batch([]);
  await batch({ room: "b1", data: 1 });
  await batch("[");
  await batch("");
  await batch([], "?unordered=1");
  await batch([], "?ordered=2");
  await batch([], "", { "content-type": "image/png" });
  await batch([{ room: "b1", data: "as curl -d sends it" }], "", {
    "content-type": "application/x-www-form-urlencoded",
  });
  await batch(Array.from({ length: 1001 }, () => ({ room: "b1", data: 1 })));
  await batch(`[${JSON.stringify("x".repeat(1 << 20))}]`);
  await recorder.http("GET", "/rooms/b1");
  await recorder.http("GET", "/rooms/b2");
  await recorder.http("GET", "/rooms/b3");
}

async function lists(recorder: Recorder): Promise<void> {
  recorder.part("lists");
  for (const query of [
    "?match=b*",
    "?match=b*&limit=1",
    "?match=b*&limit=1&cursor=b1",
    "?match=b*&sort=sessions",
    "?match=b*&sort=sessions&limit=1",
    "?match=b*&sort=sessions&cursor=nonsense",
    "?sort=age",
    "?limit=x",
    "?match=*a*b*c*d*e",
    "?matches=b",
    "?match=thump:*",
  ])
    await recorder.http("GET", `/rooms${query}`);
  await recorder.http("GET", "/rules");
  for (const room of ["few:1", "plain", "thump:stats"]) await recorder.http("GET", `/rules?room=${room}`);
  await recorder.http("GET", "/rules?rooms=x");
  await recorder.http("GET", "/sessions");
  await recorder.http("GET", "/sessions?cursor=nonsense");
  await recorder.http("GET", "/sessions?all=1");
  await recorder.http("GET", "/sessions/none");
  await recorder.http("DELETE", "/sessions/none");
  await recorder.http("DELETE", "/users/u7/sessions");
  await recorder.http("DELETE", "/users/u7/sessions?x=1");
  await recorder.http("DELETE", "/users/%00/sessions");
  await recorder.http("POST", "/revoke", { headers: JSON_TYPE, body: '{"user":"u7"}' });
}

/** Records the responses to all other methods on every path. */
async function methods(recorder: Recorder): Promise<void> {
  recorder.part("other methods");
  for (const path of [
    "/rooms",
    "/rooms/a",
    "/rooms/a/members",
    "/rooms/a/history",
    "/events",
    "/ws",
    "/publish",
    "/sessions",
    "/sessions/none",
    "/users/u7/sessions",
    "/revoke",
    "/rules",
    "/healthz",
    "/readyz",
    "/metrics",
    "/openapi.json",
    "/openapi",
    "/console",
    "/",
  ])
    for (const method of ["HEAD", "PUT", "PATCH", "DELETE", "OPTIONS"]) {
      if (method === "DELETE" && /history|sessions/.test(path)) continue;
      const reply = await recorder.open(method, path);
      await reply.ended;
      if (method !== "HEAD") recorder.note(`  ${reply.text}`);
    }
}
