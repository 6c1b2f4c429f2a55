// Invalid HTTP requests: each gets a status and a stable code, and does not affect the room.
import { expect, test } from "bun:test";
import { dataOf, problemOf, publishAt, stateOf } from "../../support/answers.ts";
import { bystander } from "../../support/bystander.ts";
import { connect, multiplexed } from "../../support/clients.ts";
import { startServer, type TestServer } from "../../support/server.ts";
import { openEvents } from "../../support/streams.ts";
import { httpAnswer } from "../../support/tcp.ts";
import { randomTest } from "../../support/random.ts";

const JSON_TYPE = { "content-type": "application/json" };
const TEXT = { "content-type": "text/plain" };

test.each<[what: string, status: number, code: string, Record<string, string>, string | Uint8Array]>([
  ["JSON that does not parse", 400, "malformed", JSON_TYPE, "{nonsense"],
  ["JSON that is empty", 400, "malformed", JSON_TYPE, ""],
  ["JSON followed by something else", 400, "malformed", JSON_TYPE, '{"a":1}}'],
  ["JSON that is not UTF-8", 400, "malformed", JSON_TYPE, Uint8Array.of(0x22, 0xff, 0x22)],
  ["text that is not UTF-8", 400, "malformed", TEXT, Uint8Array.of(0xc3)],
  ["a reserved event", 400, "invalid-event", { event: "thump:gap" }, "x"],
  ["a long event", 400, "invalid-event", { event: "e".repeat(256) }, "x"],
  ["a long key", 422, "invalid", { "idempotency-key": "k".repeat(256) }, "x"],
  ["a body over the limit", 413, "too-large", {}, "x".repeat(2_001)],
  ["a body well over the limit", 413, "too-large", {}, "x".repeat(7_000)],
])("POST of %s: %p %s", async (_, status, code, headers, body) => {
  const server = startServer({ limits: { message: 2_000 } });
  const other = await bystander(server, "r");
  const bytes = typeof body === "string" ? new TextEncoder().encode(body) : body;
  expect(await problemOf(server.publish("r", bytes, headers))).toMatchObject({ status, code });
  expect(dataOf(await stateOf(server, "r"))).toEqual([]);
  await other.isWell();
});

test("a body over the limit without a content-length is rejected too", async () => {
  const server = startServer({ limits: { message: 2_000 } });
  const other = await bystander(server, "r");
  for (const count of [3, 500]) {
    const body = new ReadableStream({
      start(controller) {
        for (let i = 0; i < count; i++) controller.enqueue(new Uint8Array(1_000));
        controller.close();
      },
    });
    const refused = await problemOf(fetch(server.room("r"), { method: "POST", body }));
    expect(refused).toMatchObject({ status: 413, code: "too-large" });
  }
  await other.isWell();
});

test("a body far over the limit is rejected", async () => {
  const server = startServer({ limits: { message: 2_000, body: 2_000 } });
  const other = await bystander(server, "r");
  const head = ["POST /rooms/r HTTP/1.1", "Host: localhost", "Content-Length: 99999999"];
  expect(await httpAnswer(server.port, head)).toStartWith("HTTP/1.1 413");
  await other.isWell();
});

test.each([
  ["/rooms/%20%0a", "invalid-room"],
  [`/rooms/${"a".repeat(256)}`, "invalid-room"],
  ["/rooms/%00", "invalid-room"],
  ["/rooms/%0a/members", "invalid-room"],
  ["/events?room=%0a", "invalid-room"],
  ["/events?room=", "invalid-room"],
  ["/ws?room=%7f", "invalid-room"],
  ["/rooms/r?after=nonsense", "invalid-cursor"],
  ["/rooms/r?after=k3f9zq-01", "invalid-cursor"],
  ["/events?room=r&after=%20", "invalid-cursor"],
  ["/rooms/r?last=-1", "invalid-query"],
  ["/rooms/r?last=many", "invalid-query"],
  ["/rooms/r?wait=1e9", "invalid-query"],
  ["/rooms/r?max=0", "invalid-query"],
  ["/rooms/r?echo=yes", "invalid-query"],
  ["/rooms?limit=x", "invalid-query"],
  ["/events", "invalid-query"],
])("GET %s is rejected with %s", async (path, code) => {
  const server = startServer();
  const other = await bystander(server, "r");
  for (const accept of ["application/json", "text/event-stream", "application/x-ndjson"]) {
    const answer = problemOf(fetch(server.url + path, { headers: { accept } }));
    expect(await answer).toMatchObject({ status: 400, code });
  }
  await other.isWell();
});

test("a malformed Last-Event-ID is rejected, on streams and before an upgrade", async () => {
  const server = startServer();
  const headers = { "last-event-id": "not a cursor" };
  for (const accept of ["text/event-stream", "application/json"]) {
    const answer = problemOf(fetch(server.room("r"), { headers: { ...headers, accept } }));
    expect(await answer).toMatchObject({ status: 400, code: "invalid-cursor" });
  }
  await expect(connect(server.socket("/rooms/r"), { headers })).rejects.toThrow(/400/);
  await expect(connect(server.socket("/ws?room=r&after=nonsense"))).rejects.toThrow(/400/);
  expect(server.thump.hub.sessions.size).toBe(0);
});

test("a plain request to /ws gets an error that explains the route", async () => {
  const server = startServer();
  const problem = await problemOf(fetch(`${server.url}/ws`));
  expect(problem).toMatchObject({ status: 415, code: "unsupported-type" });
});

/** Resumes on every transport with a cursor that this log never issued. Returns the reported gaps. */
async function gapsOn(server: TestServer, after: string): Promise<unknown[]> {
  const raw = await connect(server.socket(`/rooms/r?after=${after}`));
  const mux = await multiplexed(server.socket("/ws"));
  await mux.ask({ type: "join", room: "r", after });
  const sse = await openEvents(server.room("r"), { "last-event-id": after });
  const state = await stateOf(server, "r", `?after=${after}`);
  await publishAt(server, "r", "live");
  await mux.until(() => mux.messages().length === 2);
  await sse.events.until((all) => all.length === 3);
  await raw.until((all) => all.length === 3);
  expect(mux.messages().map((frame) => frame["data"])).toEqual(["kept", "live"]);
  expect(sse.events.all.slice(1).map(({ data }) => data)).toEqual(["kept", "live"]);
  expect(raw.all.slice(1)).toEqual(["kept", "live"]);
  expect(dataOf(state)).toEqual(["kept"]);
  return [
    JSON.parse(String(raw.all[0])),
    mux.all.find(({ type }) => type === "gap"),
    JSON.parse(sse.events.all[0]?.data ?? ""),
    { type: "gap", room: "r", ...state.gap },
  ];
}

test("a cursor with a different epoch is a gap, and the stream continues", async () => {
  const server = startServer();
  await publishAt(server, "r", "kept");
  const { epoch } = server.thump.hub.log;
  const gap = { type: "gap", room: "r", after: "zzzzzz-1", at: `${epoch}-0` };
  expect(await gapsOn(server, "zzzzzz-1")).toEqual([gap, gap, gap, gap]);
});

test("a cursor ahead of the log is a gap too", async () => {
  const server = startServer();
  await publishAt(server, "r", "kept");
  const { epoch } = server.thump.hub.log;
  const after = `${epoch}-${Number.MAX_SAFE_INTEGER}`;
  const gap = { type: "gap", room: "r", after, at: `${epoch}-0` };
  expect(await gapsOn(server, after)).toEqual([gap, gap, gap, gap]);
});

test.each(["/rooms/%", "/rooms/%zz", "/rooms/%c3", "/rooms/a%2", "/rooms/%ff/members", "/sessions/%"])(
  "an invalid percent-encoding is rejected: %s",
  async (target) => {
    const server = startServer();
    const other = await bystander(server, "r");
    const method = target.startsWith("/sessions") ? "DELETE" : "GET";
    const answer = await httpAnswer(server.port, [`${method} ${target} HTTP/1.1`, "Host: localhost"]);
    expect(answer).toStartWith("HTTP/1.1 400");
    expect(answer).toContain('"code":"invalid-room"');
    await other.isWell();
  },
);

randomTest(
  "random and damaged requests are rejected or cut off, never answered with 500, and do not affect others",
  async (random) => {
    const server = startServer();
    const other = await bystander(server, "r");
    const valid = [
      "GET /rooms/chat%3A42?after=k3f9zq-1042&last=3&wait=0 HTTP/1.1\r\nHost: localhost",
      "POST /rooms/r2 HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 2\r\nEvent: e",
      "GET /events?room=a HTTP/1.1\r\nHost: localhost\r\nLast-Event-ID: k3f9zq-1",
      "DELETE /rooms/r2/history HTTP/1.1\r\nHost: localhost",
      "GET /rooms?match=chat:*&limit=5 HTTP/1.1\r\nHost: localhost",
    ].map((text) => new TextEncoder().encode(text));
    for (let i = 0; i < 300; i++) {
      const head = Buffer.from(random.mutate(random.pick(valid))).toString("latin1");
      // Incomplete requests end at the invalid body. Streams stay open, so the test waits only briefly.
      const answer = await Promise.race([httpAnswer(server.port, [head], "{}\r\n\r\n"), Bun.sleep(20)]);
      if (answer) expect([head, answer.startsWith("HTTP/1.1 500")]).toEqual([head, false]);
      if (i % 30 === 0) await other.isWell();
    }
    await other.isWell();
  },
);
