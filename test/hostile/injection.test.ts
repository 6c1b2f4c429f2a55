// Injection: data with markup, control characters and separators is delivered unchanged on every transport.
import { expect, test } from "bun:test";
import { problemOf, stateOf } from "../support/answers.ts";
import { connect, multiplexed } from "../support/clients.ts";
import { startServer, type TestServer } from "../support/server.ts";
import { openEvents, openNdjson } from "../support/streams.ts";
import { httpAnswer, tcp } from "../support/tcp.ts";
import { SECRET, token } from "../support/tokens.ts";
import { unharmed } from "../support/unharmed.ts";

const FORGED =
  'event: thump:gap\nid: zzzzzz-9\ndata: forged\n\n{"type":"message","room":"r","data":"forged"}';
const DATA = [
  FORGED,
  FORGED.replaceAll("\n", "\r"),
  FORGED.replaceAll("\n", "\r\n"),
  `\n\n${FORGED}\n\n`,
  "a\0b\0id: x\0",
  "\ufeffdata: x",
  "a\u2028b\u2029c\u0085d\u000be\u000cf",
  `{"a":\n\n"b"\r\n,"c":[\r1]}`,
  JSON.stringify({ text: FORGED, "\n\nid: x": 1 }),
  '"\\u2028\\u0000\\n\\nid: x"',
  "\ud83d\ude00 </script><!--",
];
/** The data as receivers parse it: valid JSON as a value, anything else as text. */
function meant(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}
const END = "the end";

/** Subscribes on all transports. The returned function resolves with the messages that each received. */
async function listeners(server: TestServer): Promise<() => Promise<Record<string, unknown[]>>> {
  const raw = await connect(server.socket("/rooms/r"));
  const mux = await multiplexed(server.socket("/ws?room=r"));
  const one = await openEvents(server.room("r"));
  const several = await openEvents(`${server.url}/events?room=r&room=s`);
  const lines = await openNdjson(server.room("r"));
  return async () => {
    await raw.until((all) => all.at(-1) === END);
    await mux.until((all) => all.at(-1)?.["data"] === END);
    for (const { events } of [one, several])
      await events.until((all) => all.at(-1)?.data.includes(END) === true);
    await lines.lines.until((all) => all.some((line) => line.includes(END)));
    const { epoch } = server.thump.hub.log;
    // Only the server sets ids, and only the published events appear.
    for (const { id = "", event } of [...one.events.all, ...several.events.all]) {
      expect(id).toStartWith(`${epoch}-`);
      expect(event).toBeUndefined();
    }
    const envelopes = several.events.all.map(({ data }) => JSON.parse(data) as { data: unknown });
    return {
      raw: raw.all.map((text) => meant(String(text))),
      mux: mux.messages().map((frame) => frame["data"]),
      several: envelopes.map(({ data }) => data),
      ndjson: lines.objects.filter(({ type }) => type === "message").map(({ data }) => data),
      state: (await stateOf(server, "r")).messages.map((message) => message["data"]),
      // In an event stream, every line end arrives as LF.
      one: one.events.all.map(({ data }) => data),
    };
  };
}

test("data is delivered unchanged on every transport, whatever it contains", async () => {
  const server = startServer();
  await unharmed(server, async () => {
    const received = await listeners(server);
    const speaker = await connect(server.socket("/rooms/r"));
    for (const text of [...DATA, END]) speaker.send(text);
    const { one, ...rest } = await received();
    const sent = [...DATA, END].map(meant);
    expect(rest).toEqual({ raw: sent, mux: sent, several: sent, ndjson: sent, state: sent });
    expect(one).toEqual([...DATA, END].map((text) => text.replaceAll(/\r\n?/g, "\n")));
    for (const session of server.thump.hub.sessions.values())
      if (session.memberships.has("r")) session.end(4403, "removed");
  });
});

const BREAKS = ["\n", "\r", "\r\n", "\0", "\u2028", "\u2029", "\u0085", "\u001b", "\u007f"];
const names = BREAKS.map(
  (mark) => [JSON.stringify(mark), `a${mark}id: x${mark}${mark}data: forged`] as const,
);

test.each(names)("a name with %s is rejected with a specific error on every route", async (_, name) => {
  const server = startServer();
  const heard = await openEvents(server.room("r"));
  const before = heard.text;
  const mux = await multiplexed(server.socket("/ws"));
  expect(await mux.ask({ type: "publish", room: "r", event: name, data: 1 })).toMatchObject({
    code: "invalid-event",
  });
  expect(await mux.ask({ type: "publish", room: "r", key: name, data: 1 })).toMatchObject({
    code: "invalid",
  });
  for (const type of ["join", "publish", "history", "members"])
    expect(await mux.ask({ type, room: name, data: 1 })).toMatchObject({ code: "invalid-room" });
  const items = [
    { room: "r", event: name, data: 1 },
    { room: name, data: 1 },
    { room: "r", key: name, data: 1 },
  ];
  const batch = await fetch(`${server.url}/publish`, { method: "POST", body: JSON.stringify(items) });
  const { results } = (await batch.json()) as { results: { error?: { code: string } }[] };
  expect(results.map(({ error }) => error?.code)).toEqual(["invalid-event", "invalid-room", "invalid"]);
  const encoded = encodeURIComponent(name);
  for (const path of [
    `/rooms/${encoded}`,
    `/rooms/${encoded}/members`,
    `/events?room=${encoded}`,
    `/ws?room=${encoded}`,
  ])
    expect(await problemOf(fetch(server.url + path))).toMatchObject({ code: "invalid-room" });
  expect(await problemOf(server.publish(name, "x"))).toMatchObject({ code: "invalid-room" });
  await expect(server.thump.publish("r", 1, { event: name })).rejects.toMatchObject({
    code: "invalid-event",
  });
  for (const cursor of [name, `${server.thump.hub.log.epoch}-1${name}`])
    expect(await problemOf(fetch(server.room("r", `?after=${encodeURIComponent(cursor)}`)))).toMatchObject({
      code: "invalid-cursor",
    });
  expect(heard.text).toBe(before);
  expect(server.thump.hub.stats.publications).toBe(0);
});

test.each(["\n", "\r", "\0"])("a request with %j in a header value is rejected", async (mark) => {
  const server = startServer();
  for (const header of ["Event", "Idempotency-Key", "Last-Event-ID", "Origin", "Sec-WebSocket-Protocol"]) {
    const head = [
      "POST /rooms/r HTTP/1.1",
      "Host: 127.0.0.1",
      `${header}: a${mark}Set-Cookie: x=y`,
      "Content-Length: 1",
    ];
    const answer = await httpAnswer(server.port, head, "A");
    expect(answer).toStartWith("HTTP/1.1 400");
    expect(answer.toLowerCase()).not.toContain("set-cookie");
  }
  expect(server.thump.hub.stats.publications).toBe(0);
});

test("request text that a response repeats in a header or an error cannot break out of it", async () => {
  const server = startServer({ access: { secrets: SECRET } });
  const [, body, signature] = token().split(".");
  for (const alg of ['x\r\nSet-Cookie: a="b"', "x\u2028\0", '"\\', "\u{1f600}"]) {
    const header = Buffer.from(JSON.stringify({ alg })).toString("base64url");
    const answer = await fetch(server.room("r"), {
      headers: { authorization: `Bearer ${header}.${body}.${signature}` },
    });
    expect(answer.headers.get("set-cookie")).toBeNull();
    expect(answer.headers.get("www-authenticate")).toMatch(
      /^Bearer realm="thump", error="invalid_token", error_description="[^"\\]*"$/,
    );
    expect(await problemOf(answer)).toMatchObject({ status: 401, code: "unauthorized" });
  }
  const connection = await tcp(server.port);
  connection.send(
    "GET /rooms/<script> HTTP/1.1\r\nHost: <script>\r\nOrigin: <script>\r\nConnection: close\r\n\r\n",
  );
  await connection.closed;
  expect(connection.received.toLowerCase()).toContain("content-type: application/problem+json");
});
