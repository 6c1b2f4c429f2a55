// Gzip streams, which a rule can enable: real clients receive messages without delay, resume, lag and catch up.
import { expect, test } from "bun:test";
import { constants, gunzipSync } from "node:zlib";
import { noBrowser } from "../../../scripts/chromium.ts";
import { openPages } from "../../support/browser.ts";
import { makeCertificate } from "../../support/certificate.ts";
import { cleanup } from "../../support/cleanup.ts";
import { collect, eventSource, Inbox } from "../../support/clients.ts";
import { bareHttp2, type BareStream } from "../../support/http2.ts";
import { startServer } from "../../support/server.ts";
import { noProgram, testIf } from "../../support/skip.ts";
import { openEvents, openNdjson } from "../../support/streams.ts";

const ROOMS = { "packed:*": { compress: "streams" }, "both:*": { compress: true } } as const;
const LONG = Array.from({ length: 100 }, (_, id) => ({ id, name: `user ${id}` }));
const GZIP = { "accept-encoding": "gzip" };

test("a stream uses gzip if the rules of all its rooms enable it and the client accepts it", async () => {
  const server = startServer({ rooms: ROOMS });
  const codingOf = async (path: string, accepted: string, accept = "text/event-stream") => {
    const abort = new AbortController();
    const headers = { accept, "accept-encoding": accepted };
    const response = await fetch(server.url + path, { headers, signal: abort.signal });
    abort.abort();
    return response.headers.get("content-encoding");
  };
  expect(await codingOf("/rooms/packed:1", "gzip, br")).toBe("gzip");
  expect(await codingOf("/rooms/both:1", "gzip")).toBe("gzip");
  expect(await codingOf("/rooms/packed:1", "gzip", "application/x-ndjson")).toBe("gzip");
  expect(await codingOf("/events?room=packed:1&room=both:1", "gzip")).toBe("gzip");
  expect(await codingOf("/rooms/packed:1", "gzip;q=0, br")).toBeNull();
  expect(await codingOf("/rooms/plain", "gzip")).toBeNull();
  expect(await codingOf("/events?room=packed:1&room=plain", "gzip")).toBeNull();
});

test("a rule that enables compression only for streams does not enable it for sockets", async () => {
  const { thump } = startServer({ rooms: { "*": { compress: "streams" } } });
  expect(thump.settings.compression).toBe(false);
  expect(thump.hub.ruleOf("any").compressOver).toBe(Infinity);
});

test("streams that start at different times receive the same messages, both live and resumed from a cursor", async () => {
  const server = startServer({ rooms: ROOMS });
  const url = server.room("packed:1");
  const first = await openEvents(url, GZIP);
  await server.thump.publish("packed:1", "one");
  const [second, plain, lines] = await Promise.all([
    openEvents(url, GZIP),
    openEvents(url, { "accept-encoding": "identity" }),
    openNdjson(url, GZIP),
  ]);
  expect(plain.response.headers.get("content-encoding")).toBeNull();
  await server.thump.publish("packed:1", LONG);
  await server.thump.publish("packed:1", "three");
  const rest = [JSON.stringify(LONG), "three"];
  await Promise.all(
    [first, second, plain].map(({ events }) => events.until((all) => all.at(-1)?.data === "three")),
  );
  expect(first.events.all.map(({ data }) => data)).toEqual(["one", ...rest]);
  for (const { events } of [second, plain]) expect(events.all.map(({ data }) => data)).toEqual(rest);
  await lines.lines.until(() => lines.objects.length === 3);
  expect(lines.objects.slice(1).map(({ data }) => data)).toEqual([LONG, "three"]);

  const resumed = await openEvents(url, { ...GZIP, "last-event-id": first.events.all[0]?.id ?? "" });
  await resumed.events.until((all) => all.length === 2);
  expect(resumed.events.all.map(({ data }) => data)).toEqual(rest);
  const gone = await openEvents(url, { ...GZIP, "last-event-id": "another-1" });
  expect((await gone.events.next()).event).toBe("thump:gap");
  // Metrics count the uncompressed size.
  expect(server.thump.hub.stats.deliveredBytes).toBeGreaterThan(4 * JSON.stringify(LONG).length);
});

test("presence is compressed in blocks too, which all streams share", async () => {
  const server = startServer({ rooms: { "*": { presence: { grace: 0 }, compress: "streams" } } });
  const url = server.room("a", "?presence=1");
  const plain = await openEvents(url, { "accept-encoding": "identity" });
  const packed = await openEvents(url, GZIP);
  expect(packed.response.headers.get("content-encoding")).toBe("gzip");
  await openEvents(url, GZIP);
  // Each stream gets its snapshot, then the shared messages.
  for (const { events } of [plain, packed])
    await events.until((all) => all.some(({ event, data }) => isOf(event, data, 3)));
});

const isOf = (event: string | undefined, data: string, guests: number) =>
  event === "thump:presence" && (JSON.parse(data) as { guests: number }).guests === guests;

test("keep-alives are compressed blocks too", async () => {
  const server = startServer({ rooms: ROOMS, heartbeat: "50ms" });
  const stream = await openEvents(server.room("packed:1"), GZIP);
  await stream.lines.until((lines) => lines.filter((line) => line === ":").length >= 3);
});

const inflated = (stream: BareStream) =>
  String(gunzipSync(Buffer.from(stream.text, "latin1"), { finishFlush: constants.Z_SYNC_FLUSH }));
const numbersIn = (text: string) => [...text.matchAll(/^data: (\d+) /gm)].map(([, n]) => Number(n));

test("a stalled stream is detached from fan-out and catches up within the same gzip stream", async () => {
  const { cert, key } = makeCertificate();
  const history = { count: 100_000, bytes: "64MiB" };
  const server = startServer({ tls: { cert, key }, rooms: { "*": { compress: "streams", history } } });
  const connection = await bareHttp2(server.port);
  const [stalled, healthy] = [connection.open("/rooms/r", GZIP), connection.open("/rooms/r", GZIP)];
  healthy.allow(1 << 30);
  await Promise.all(
    [stalled, healthy].map((stream) => stream.changes.until(() => inflatedHas(stream, "id: "))),
  );
  const count = 300;
  const lastOf = (stream: BareStream) => () => inflatedHas(stream, `data: ${count - 1} `);
  for (let n = 0; n < count; n++) await server.thump.publish("r", `${n} ${random(1500)}`);
  await healthy.changes.until(lastOf(healthy));
  await stalled.changes.until(() => stalled.bytes === 65_535);
  expect(server.thump.hub.stats.lagged).toBeGreaterThanOrEqual(1);
  stalled.allow(1 << 30);
  await stalled.changes.until(lastOf(stalled));
  for (const stream of [stalled, healthy])
    expect(numbersIn(inflated(stream))).toEqual([...Array(count).keys()]);
});

const inflatedHas = (stream: BareStream, text: string) => stream.bytes > 0 && inflated(stream).includes(text);

function random(length: number): string {
  return crypto.getRandomValues(new Uint8Array(length)).toHex();
}

test("an EventSource library receives messages without delay", async () => {
  const server = startServer({ rooms: ROOMS });
  const source = await eventSource(server.room("packed:1"));
  for (const text of ["short", "x".repeat(3000)]) {
    await server.thump.publish("packed:1", text);
    expect((await source.next()).data).toBe(text);
  }
});

const curl = Bun.which("curl");
testIf(noProgram("curl"))(
  "curl --compressed receives messages without delay and exits after a drain",
  async () => {
    const server = startServer({ rooms: ROOMS });
    const accept = ["-H", "accept: text/event-stream"];
    const child = Bun.spawn([curl ?? "", "-sN", "--compressed", ...accept, server.room("packed:1")], {
      stdout: "pipe",
    });
    cleanup(() => child.kill());
    const out = new Inbox<string>();
    void collect(child.stdout, out);
    await out.until((lines) => lines.some((line) => line.startsWith("id: ")));
    for (const text of ["short", "x".repeat(3000)]) {
      await server.thump.publish("packed:1", text);
      await out.until((lines) => lines.includes(`data: ${text}`));
    }
    void server.stop();
    expect(await child.exited).toBe(0);
  },
);

/** Runs in the page. `heard` resolves with the messages received before and after a disconnect. */
const LISTEN = `(async () => {
  const heard = [];
  const source = new EventSource("/rooms/packed:1");
  const got = (count) => new Promise((resolve) => {
    source.addEventListener("message", ({ data }) => { if (heard.push(data) === count) resolve(heard); });
  });
  globalThis.heard = got(2);
  await new Promise((resolve) => { source.onopen = resolve; });
})()`;

testIf(noBrowser)(
  "EventSource in a browser receives messages without delay and resumes from its cursor after its stream ends",
  async () => {
    const server = startServer({ demo: true, rooms: ROOMS });
    const { pages } = await openPages(server.url, 1);
    const [page] = pages as [(typeof pages)[number]];
    const coding = page
      .waitForResponse(/rooms\/packed/)
      .then((response) => response.headers()["content-encoding"]);
    await page.evaluate(LISTEN);
    expect(await coding).toBe("gzip");
    await server.thump.publish("packed:1", LONG);
    const session = server.thump.hub.sessions.values().find(({ memberships }) => memberships.has("packed:1"));
    session?.end(1001, "100");
    await server.thump.publish("packed:1", "said while it was away");
    expect(await page.evaluate("heard")).toEqual([JSON.stringify(LONG), "said while it was away"]);
  },
  60_000,
);
