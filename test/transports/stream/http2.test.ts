// TLS: many event streams share one HTTP/2 connection, slow streams lag and catch up, and sockets work alongside.
import { expect, test } from "bun:test";
import { noBrowser } from "../../../scripts/chromium.ts";
import { openPages } from "../../support/browser.ts";
import { makeCertificate, type TestCertificate } from "../../support/certificate.ts";
import { collect, connect, Inbox, multiplexed } from "../../support/clients.ts";
import { cleanup } from "../../support/cleanup.ts";
import { bareHttp2, type BareStream } from "../../support/http2.ts";
import { parseMetrics } from "../../support/metrics.ts";
import { startServer, type TestServer } from "../../support/server.ts";
import type { Options } from "../../../src/index.ts";
import { noProgram, testIf } from "../../support/skip.ts";

/** A flow-control window larger than any test's data. */
const PLENTY = 1 << 30;

interface Secure extends TestServer {
  certificate: TestCertificate;
  ask(path: string, init?: RequestInit): Promise<Response>;
}

function startSecure(options: Options = {}): Secure {
  const certificate = makeCertificate();
  const server = startServer({ tls: { cert: certificate.cert, key: certificate.key }, ...options });
  const ask = (path: string, init: RequestInit = {}) =>
    fetch(server.url + path, { ...init, tls: { ca: certificate.pem } });
  return { ...server, certificate, ask };
}

const began = (stream: BareStream) => stream.until((text) => text.includes("\nid: "));
const dataOf = (stream: BareStream) => [...stream.text.matchAll(/^data: (.*)$/gm)].map(([, data]) => data);

test("publishing over https reaches 20 event streams on one connection, and each can resume", async () => {
  const server = startSecure();
  const connection = await bareHttp2(server.port);
  const streams = Array.from({ length: 20 }, (_, i) => connection.open(`/rooms/r${i % 4}`));
  await Promise.all(streams.map(began));
  for (let i = 0; i < 20; i++)
    expect((await server.ask(`/rooms/r${i % 4}`, { method: "POST", body: `${i}` })).status).toBe(201);
  await Promise.all(
    streams.map((stream, i) => stream.until((text) => text.includes(`data: ${16 + (i % 4)}\n`))),
  );
  streams.forEach((stream, i) =>
    expect(dataOf(stream)).toEqual([0, 4, 8, 12, 16].map((n) => `${n + (i % 4)}`)),
  );

  const [first] = streams as [BareStream];
  const id = /id: (\S+)\ndata: 8\n/.exec(first.text)?.[1] ?? "";
  const resumed = connection.open("/rooms/r0", { "last-event-id": id });
  await resumed.until((text) => text.includes("data: 16\n"));
  expect(dataOf(resumed)).toEqual(["12", "16"]);
});

test("a stalled stream is detached from fan-out and catches up; others on its connection are unaffected", async () => {
  const server = startSecure({ rooms: { "*": { history: { count: 100_000, bytes: "64MiB" } } } });
  const connection = await bareHttp2(server.port);
  const stalled = connection.open("/rooms/r");
  const healthy = connection.open("/rooms/r");
  healthy.allow(PLENTY);
  await Promise.all([stalled, healthy].map(began));
  const count = 1000;
  for (let i = 0; i < count; i++) await server.thump.publish("r", `${i} ${"x".repeat(2000)}`);
  const last = (text: string) => text.includes(`data: ${count - 1} x`, text.length - 8000);
  await healthy.until(last);
  // The stream has received as much data as its window allows, and waits.
  await stalled.changes.until(() => stalled.bytes === 65_535);
  expect(server.thump.hub.stats.lagged).toBeGreaterThanOrEqual(1);
  expect([...server.thump.hub.sessions.values()].filter((session) => session.lagging).length).toBe(1);
  stalled.allow(PLENTY);
  await stalled.until(last);
  for (const stream of [healthy, stalled])
    expect(dataOf(stream).map((data) => Number.parseInt(data ?? "", 10))).toEqual([...Array(count).keys()]);
  expect(server.thump.hub.stats.gaps).toBe(0);
});

test("under lag: disconnect, only the stalled stream is reset", async () => {
  const server = startSecure({ rooms: { "*": { lag: "disconnect" } } });
  const connection = await bareHttp2(server.port);
  const stalled = connection.open("/rooms/r");
  const other = connection.open("/rooms/other");
  await Promise.all([stalled, other].map(began));
  while (!stalled.ended) {
    await server.thump.publish("r", "x".repeat(20_000));
    await new Promise(setImmediate);
  }
  expect(stalled.reset).toBeGreaterThan(0);
  await server.thump.publish("other", "still here");
  await other.until((text) => text.includes("still here"));
  expect(server.thump.hub.sessions.size).toBe(1);
});

test("when the client resets a stream, its session ends", async () => {
  const server = startSecure();
  const connection = await bareHttp2(server.port);
  const [one, two] = [connection.open("/rooms/r"), connection.open("/rooms/r")];
  await Promise.all([one, two].map(began));
  const members = async () => (await (await server.ask("/rooms/r/members")).json()) as { sessions: number };
  expect((await members()).sessions).toBe(2);
  one.cancel();
  const [left] = [...server.thump.hub.sessions.values()];
  while (!left?.ended) await new Promise(setImmediate);
  expect((await members()).sessions).toBe(1);
  const metrics = parseMetrics(await (await server.ask("/metrics")).text());
  expect(metrics.of("thump_sessions", { transport: "event-stream" })).toBe(1);
  expect(metrics.of("thump_certificate_expires_seconds")).toBeGreaterThan(Date.now() / 1000);
  // The other streams end with the connection.
  connection.socket.destroy();
  while (server.thump.hub.sessions.size > 0) await new Promise(setImmediate);
});

test("a flood of streams that are reset immediately leaves no sessions, and other streams continue", async () => {
  const server = startSecure();
  const other = (await bareHttp2(server.port)).open("/rooms/r");
  await began(other);
  const flood = await bareHttp2(server.port);
  for (let n = 0; n < 5000 && !flood.socket.destroyed; n++) {
    flood.open("/rooms/r").cancel();
    if (n % 100 === 99) await new Promise(setImmediate);
  }
  // The last streams may still be arriving.
  flood.socket.destroy();
  while (server.thump.hub.sessions.size > 1) await new Promise(setImmediate);
  await server.thump.publish("r", "still here");
  await other.until((text) => text.includes("still here"));
});

test("wss: raw and multiplexed sockets work alongside streams", async () => {
  const server = startSecure();
  const tls = { ca: server.certificate.pem };
  const raw = await connect(server.socket("/rooms/r"), tls);
  const mux = await multiplexed(server.socket("/ws?room=r"), tls);
  const stream = (await bareHttp2(server.port)).open("/rooms/r");
  await began(stream);
  await mux.find(({ type }) => type === "joined");
  raw.send("from the raw one");
  expect(await mux.find(({ type }) => type === "message")).toMatchObject({ data: "from the raw one" });
  expect(await mux.ask({ type: "publish", room: "r", data: "x".repeat(60_000) })).toMatchObject({
    type: "published",
  });
  expect(await raw.next()).toBe("x".repeat(60_000));
  await stream.until((text) => text.includes("data: xxx"));
});

test("a drain sends HTTP/2 streams a reconnect delay and ends them", async () => {
  const server = startSecure({ drain: "30s" });
  const stream = (await bareHttp2(server.port)).open("/rooms/r");
  await began(stream);
  void server.stop();
  await stream.until(() => false);
  expect(stream.reset).toBeUndefined();
  expect(stream.text.match(/^retry: /gm)?.length).toBe(2);
});

const curl = Bun.which("curl");
testIf(noProgram("curl"))("curl chooses HTTP/2 by itself", async () => {
  const server = startSecure();
  const url = `${server.url}/rooms/r`;
  const child = Bun.spawn(
    [
      curl ?? "",
      "-sN",
      "--http2",
      "-i",
      "--cacert",
      server.certificate.cert,
      "-H",
      "accept: text/event-stream",
      url,
    ],
    { stdout: "pipe" },
  );
  cleanup(() => child.kill());
  const out = new Inbox<string>();
  void collect(child.stdout, out);
  await out.until((lines) => lines.some((line) => line.startsWith("id: ")));
  expect(out.all[0]).toStartWith("HTTP/2 200");
  await server.thump.publish("r", "live");
  await out.until((lines) => lines.includes("data: live"));
});

/** Runs in the page. `heard` resolves with the first message of each connection. */
const LISTEN = `(async () => {
  const listeners = Array.from({ length: 10 }, (_, i) => new EventSource("/rooms/ten?" + i));
  listeners.push(new WebSocket("wss://" + location.host + "/rooms/ten"));
  const each = (name) => Promise.all(listeners.map((one) => new Promise((resolve) => { one[name] = resolve; })));
  globalThis.heard = each("onmessage").then((events) => events.map(({ data }) => data));
  await each("onopen");
})()`;

testIf(noBrowser)(
  "a page can have ten live EventSources and a socket; over HTTP/1.1 the limit is six",
  async () => {
    const server = startSecure({ demo: true });
    const { pages } = await openPages(server.url, 1);
    const [page] = pages as [(typeof pages)[number]];
    await page.evaluate(LISTEN);
    await server.thump.publish("ten", "to all of you");
    expect(await page.evaluate("heard")).toEqual(Array(11).fill("to all of you"));
    expect(await page.evaluate('performance.getEntriesByType("navigation")[0].nextHopProtocol')).toBe("h2");
  },
  60_000,
);
