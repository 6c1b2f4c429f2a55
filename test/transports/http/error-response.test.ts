// Temporary errors on event streams have status 200, because EventSource reconnects only after a 200.
import { describe, expect, spyOn, test } from "bun:test";
import type { Options } from "../../../src/index.ts";
import { unavailable } from "../../../src/protocol/codes.ts";
import { describe as describeApi } from "../../../src/server/openapi/openapi.ts";
import { client, joinRoom } from "../../client/support.ts";
import { eventually, problemOf, refusalOf } from "../../support/answers.ts";
import { cleanup } from "../../support/cleanup.ts";
import { command } from "../../support/command.ts";
import { connect, eventSource } from "../../support/clients.ts";
import { metricsOf } from "../../support/metrics.ts";
import { startServer, type TestServer } from "../../support/server.ts";
import { openEvents } from "../../support/streams.ts";
import { tcp } from "../../support/tcp.ts";
import { bearer, ec, tokenBy } from "../../support/tokens.ts";
import { shakeHands } from "../../support/ways-in.ts";

const SSE = { accept: "text/event-stream" };

/** Every GET that can return an event stream, keyed by its path in the OpenAPI document. */
const ROUTES: Record<string, { path: string; headers: Record<string, string> }[]> = {
  "/rooms/{room}": [
    { path: "/rooms/r", headers: SSE },
    { path: "/rooms/r?wait=1&last=3", headers: { accept: "text/event-stream, application/json;q=0.5" } },
  ],
  "/events": [
    { path: "/events?room=r&room=s", headers: SSE },
    { path: "/events?room=r", headers: {} },
  ],
};
const requests = Object.values(ROUTES).flat();

/** A cause of temporary errors: after `prepare`, every request is rejected. */
interface Way {
  code: string;
  status: number;
  options?: Options;
  headers?: () => Record<string, string>;
  /** True if the multiplexed stream starts and reports the error per room. */
  perRoom?: boolean;
  prepare(server: TestServer): unknown;
}

const ELSEWHERE = { "x-forwarded-for": "203.0.113.9" };
const once = { rate: 0.01, burst: 1 };
/** A URL on a port without a server. */
const NOWHERE = "http://127.0.0.1:1/jwks.json";

const WAYS: Record<string, Way> = {
  "connects per address": {
    code: "rate",
    status: 429,
    options: { proxies: ["loopback"], open: true, limits: { rates: { address: { connects: once } } } },
    headers: () => ELSEWHERE,
    prepare: ({ url }) => fetch(`${url}/rooms/r`, { headers: ELSEWHERE }),
  },
  "joins per address": {
    code: "rate",
    status: 429,
    options: { proxies: ["loopback"], open: true, limits: { rates: { address: { joins: once } } } },
    headers: () => ELSEWHERE,
    prepare: (server) => shakeHands(server.socket("/ws?room=r&room=s"), ELSEWHERE),
  },
  "sessions per address": {
    code: "rate",
    status: 429,
    options: { proxies: ["loopback"], open: true, limits: { sessionsPerAddress: 1 } },
    headers: () => ELSEWHERE,
    prepare: (server) => connect(server.socket("/ws"), { headers: ELSEWHERE }),
  },
  "sessions in total": {
    code: "busy",
    status: 503,
    options: { limits: { sessions: 1 } },
    prepare: (server) => connect(server.socket("/ws")),
  },
  "rooms in use": {
    code: "busy",
    status: 503,
    options: { limits: { roomsInUse: 1 } },
    perRoom: true,
    prepare: (server) => connect(server.socket("/rooms/other")),
  },
  "keys that cannot be fetched": {
    code: "unavailable",
    status: 503,
    options: { access: { jwks: NOWHERE } },
    headers: () => bearer(tokenBy(ec(), "ES256")),
    prepare() {
      // The failure is logged.
      const log = spyOn(console, "error").mockImplementation(() => {});
      cleanup(() => log.mockRestore());
    },
  },
  "a drain": {
    code: "draining",
    status: 503,
    prepare: ({ thump }) => void (thump.draining = true),
  },
};

test("every GET that the OpenAPI document describes as an event stream is tested here", () => {
  const { paths } = describeApi(startServer().thump.settings);
  const described = Object.entries(paths)
    .filter(([, { get }]) => JSON.stringify(get?.responses ?? {}).includes("text/event-stream"))
    .map(([path]) => path);
  expect(described.toSorted()).toEqual(Object.keys(ROUTES).toSorted());
});

describe.each(Object.entries(WAYS))(
  "%s",
  (_, { code, status, options, perRoom, headers = () => ({}), prepare }) => {
    test("event streams get a 200 with the problem in an event, and the rejection is counted", async () => {
      const server = startServer(options);
      await prepare(server);
      const rejects = async () => (await metricsOf(server)).of("thump_rejects_total", { code });
      const before = await rejects();
      for (const { path, headers: asked } of requests) {
        const response = await fetch(server.url + path, { headers: { ...asked, ...headers() } });
        expect(await refusalOf(response)).toMatchObject({ status, code });
      }
      expect(await rejects()).toBe(before + requests.length);
      const sessions = server.thump.hub.sessions.size;
      expect(sessions).toBeLessThanOrEqual(1);
    });

    test("each client gets its own reconnect delay", async () => {
      const server = startServer(options);
      await prepare(server);
      const refused = async () =>
        (await refusalOf(await fetch(server.room("r"), { headers: { ...SSE, ...headers() } }))).retry;
      const retries = new Set(await Promise.all(Array.from({ length: 20 }, refused)));
      expect(retries.size).toBeGreaterThan(15);
      expect(Math.min(...retries)).toBeGreaterThanOrEqual(1000);
    });

    test("requests that wait in the connection throttle get the same response", async () => {
      const server = startServer(options);
      await prepare(server);
      const all = await Promise.all(
        Array.from({ length: 40 }, () => fetch(server.room("r"), { headers: { ...SSE, ...headers() } })),
      );
      for (const response of all) expect(await refusalOf(response)).toMatchObject({ code });
    });

    test("NDJSON, sockets, the multiplexed stream and HEAD keep their status", async () => {
      const server = startServer(options);
      await prepare(server);
      const ndjson = { accept: "application/x-ndjson", ...headers() };
      expect(await problemOf(fetch(server.room("r"), { headers: ndjson }))).toMatchObject({ status, code });
      const body = '[{"room":"r"},{"room":"s"}]';
      const post = await fetch(`${server.url}/events`, {
        method: "POST",
        body,
        headers: { ...SSE, ...headers() },
      });
      if (perRoom) expect(post.headers.has("thump-error")).toBe(false);
      else expect(await problemOf(post)).toMatchObject({ status, code });
      expect(await shakeHands(server.socket("/rooms/r"), headers())).toMatchObject({ status, code });
      const head = await fetch(server.room("r"), { method: "HEAD", headers: { ...SSE, ...headers() } });
      expect(head.status).toBe(status);
    });
  },
);

test("permanent errors on event streams keep their status", async () => {
  const server = startServer({ limits: { rooms: 1 } });
  for (const [path, status] of [
    ["/rooms/r?after=nonsense", 400],
    ["/rooms/%00", 400],
    ["/events?room=a&room=b", 429],
  ] as const)
    expect((await problemOf(fetch(server.url + path, { headers: SSE }))).status).toBe(status);
});

test("bodies that use too much memory: POST keeps its status", async () => {
  const server = startServer({ limits: { bodies: "100KiB" } });
  const slow = await tcp(server.port);
  slow.send(
    `POST /events HTTP/1.1\r\nHost: 127.0.0.1\r\nAccept: text/event-stream\r\nContent-Length: 400000\r\n\r\n`,
  );
  slow.send(" ".repeat(200_000));
  expect(await slow.until('"code":"busy"')).toStartWith("HTTP/1.1 503");
});

test("if the log fails after the stream has started, the error is the stream's last event", async () => {
  const server = startServer();
  const { log } = server.thump.hub;
  log.newest = () => Promise.reject(unavailable("It is away."));
  log.history = () => undefined;
  for (const path of ["/rooms/r?last=1", "/events?room=r&last=1"]) {
    const response = await fetch(server.url + path, { headers: SSE });
    expect(response.status).toBe(200);
    const [first, second, event, data] = (await response.text()).split(/\n+/);
    for (const line of [first, second]) expect(line).toMatch(/^retry: [0-9]{4}$/);
    expect(event).toBe("event: thump:error");
    expect(JSON.parse(data?.slice(6) ?? "")).toMatchObject({ status: 503, code: "unavailable" });
  }
  expect(server.thump.hub.sessions.size).toBe(0);
});

test("100 open streams have individual reconnect delays of 1 to 5 s, and share encoded publications", async () => {
  const server = startServer();
  const streams = await Promise.all(Array.from({ length: 100 }, () => openEvents(server.room("r"))));
  await server.thump.publish("r", "x");
  const retries = streams.map(({ lines }) => Number(/^retry: ([0-9]+)$/.exec(lines.all[0] ?? "")?.[1]));
  for (const retry of retries) expect(retry).toBeWithin(1000, 5001);
  expect(new Set(retries).size).toBeGreaterThan(80);
  expect(Math.min(...retries)).toBeLessThan(2500);
  expect(Math.max(...retries)).toBeGreaterThan(3500);
  await Promise.all(streams.map(({ events }) => events.until(({ length }) => length === 1)));
});

test("a rejected EventSource reconnects later and receives the missed messages", async () => {
  const server = startServer();
  const source = await eventSource(server.room("r"), ["message", "thump:error"]);
  await server.thump.publish("r", "before");
  expect((await source.next()).data).toBe("before");
  server.thump.draining = true;
  const [session] = server.thump.hub.sessions.values();
  session?.end(1001, "1");
  const refused = await source.next();
  expect([refused.event, (JSON.parse(refused.data) as { code: string }).code]).toEqual([
    "thump:error",
    "draining",
  ]);
  server.thump.draining = false;
  await server.thump.publish("r", "missed");
  expect(await source.find(({ event }) => event === "message")).toMatchObject({ data: "missed" });
  await server.thump.publish("r", "after");
  expect((await source.next()).data).toBe("after");
});

/** Ends all sessions as a drain does, and rejects new sessions. */
function beginDrain({ thump }: TestServer): void {
  thump.draining = true;
  for (const session of thump.hub.sessions.values()) session.end(1001, "1");
}

test.each(["event-stream", "websocket"] as const)(
  "the client over %s reports the rejection's code, does not open, and reconnects at the stated time",
  async (transport) => {
    const server = startServer();
    const thump = client(server.url, { transport });
    const heard = await joinRoom(thump, "r");
    beginDrain(server);
    if (transport === "event-stream") await thump.errors.find(({ code }) => code === "draining");
    else await thump.states.until((states) => states.includes("offline"));
    expect(thump.transport).toBeUndefined();
    await server.thump.publish("r", "missed");
    server.thump.draining = false;
    await heard.until((all) => all.includes("missed"));
    await server.thump.publish("r", "after");
    await heard.until((all) => all.includes("after"));
    expect(heard.all).toEqual(["missed", "after"]);
    expect(heard.gaps.all).toEqual([]);
  },
);

test("thump tail reports the rejection and continues", async () => {
  const server = startServer();
  const tail = command(["tail", "r", "--count", "1", "--json"], { THUMP_URL: server.url });
  await eventually(() => server.thump.sessionsIn("r") === 1);
  beginDrain(server);
  await tail.err.until((lines) => lines.some((line) => line.includes("(draining)")));
  await server.thump.publish("r", "missed");
  server.thump.draining = false;
  expect(await tail.ended).toBe(0);
  expect(tail.out.all.map((line) => (JSON.parse(line) as { data: string }).data)).toEqual(["missed"]);
});
