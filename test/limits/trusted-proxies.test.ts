// Trusted proxies: client addresses from forwarding headers, and per-address limits.
import { expect, test } from "bun:test";
import { TrustedProxies } from "../../src/limits/trusted-proxies.ts";
import type { Options } from "../../src/index.ts";
import { Clock } from "../support/clock.ts";
import { collect, connect, Inbox } from "../support/clients.ts";
import { startProcess } from "../support/process.ts";
import { startServer, type TestServer } from "../support/server.ts";
import { openEvents } from "../support/streams.ts";
import { shakeHands } from "../support/ways-in.ts";

/** The client address that the server determines for a socket with these headers. */
async function addressOf(options: Options, headers: Record<string, string>): Promise<string | undefined> {
  // Unless the server is open, external clients are rejected.
  const server = startServer({ open: true, ...options });
  await connect(server.socket("/rooms/r"), { headers });
  const [session] = server.thump.hub.sessions.values();
  return session?.address;
}

const xff = (value: string) => ({ "x-forwarded-for": value });

test.each<[proxies: string[], header: string, address: string]>([
  [[], "203.0.113.9", "127.0.0.1"],
  [["10.0.0.0/8"], "203.0.113.9", "127.0.0.1"],
  [["loopback"], "203.0.113.9", "203.0.113.9"],
  [["127.0.0.1"], "203.0.113.9:4711", "203.0.113.9"],
  [["127.0.0.0/8"], "2001:db8::1", "2001:db8::1"],
  [["loopback"], "[2001:db8::1]:443", "2001:db8::1"],
  [["loopback"], "198.51.100.1, 203.0.113.9", "203.0.113.9"],
  [["loopback", "10.0.0.0/8"], "198.51.100.1, 203.0.113.9, 10.1.2.3", "203.0.113.9"],
  [["loopback", "10.0.0.0/8"], "10.9.9.9, 10.1.2.3", "10.9.9.9"],
  [["loopback", "10.0.0.0/8"], "203.0.113.9, nonsense, 10.1.2.3", "10.1.2.3"],
  [["loopback", "fd00::/8"], "203.0.113.9, fd12::1", "203.0.113.9"],
  [["loopback"], "::ffff:203.0.113.9", "203.0.113.9"],
  [["loopback"], "127.0.0.1, unknown", "127.0.0.1"],
])("with %j trusted, %s yields the address %s", async (proxies, header, address) => {
  expect(await addressOf({ proxies }, xff(header))).toBe(address);
});

test.each([
  ["for=203.0.113.9", "203.0.113.9"],
  ['For="[2001:db8::1]:4711";proto=https;by=10.0.0.1', "2001:db8::1"],
  ['for=198.51.100.1, proto=https; for="203.0.113.9:80"', "203.0.113.9"],
  ['for="a,b;for=198.51.100.1", for=203.0.113.9', "203.0.113.9"],
  ["for=203.0.113.9, for=_hidden", "127.0.0.1"],
  ["for=203.0.113.9, for=unknown", "127.0.0.1"],
  ["proto=https", "127.0.0.1"],
  ['for="', "127.0.0.1"],
])("with the header Forwarded configured, %s yields the address %s", async (forwarded, address) => {
  const options: Options = { proxies: ["loopback"], forwardedHeader: "forwarded" };
  expect(await addressOf(options, { forwarded, ...xff("192.0.2.66") })).toBe(address);
  expect(await addressOf({ proxies: ["loopback"] }, { forwarded })).toBe("127.0.0.1");
});

const post = (server: TestServer, address: string) => server.publish("r", "x", xff(address));

test("per-address limits cover all of an address's clients, but not local requests", async () => {
  const address = { publishes: { rate: 1, burst: 2 }, connects: { rate: 1, burst: 2 } };
  const server = startServer({ open: true, proxies: ["loopback"], limits: { rates: { address } } });
  const clock = new Clock(server);
  for (const status of [201, 201, 429]) expect((await post(server, "203.0.113.9")).status).toBe(status);
  // A client with one address in a /64 can use all of the prefix's addresses.
  for (const [i, status] of [201, 201, 429].entries())
    expect((await post(server, `2001:db8:0:7::${i}`)).status).toBe(status);
  expect((await post(server, "203.0.113.8")).status).toBe(201);
  for (let i = 0; i < 5; i++) expect((await server.publish("r", "x")).status).toBe(201);
  for (const status of [101, 101, 429])
    expect((await shakeHands(server.socket("/ws"), xff("203.0.113.9"))).status).toBe(status);
  clock.pass(1000);
  expect((await post(server, "203.0.113.9")).status).toBe(201);
  expect((await shakeHands(server.socket("/ws"), xff("203.0.113.9"))).status).toBe(101);
});

test("a flood of handshakes with invalid tokens is limited before any token is verified", async () => {
  const server = startServer({
    proxies: ["loopback"],
    limits: { rates: { address: { connects: { rate: 1, burst: 3 } } } },
    access: { secrets: "a secret that is long enough to be one" },
  });
  new Clock(server);
  const headers = { ...xff("203.0.113.9"), authorization: "Bearer e30.e30.e30" };
  for (const status of [401, 401, 401, 429])
    expect((await shakeHands(server.socket("/ws"), headers)).status).toBe(status);
});

test("sessions per address are limited, and ending a session allows another", async () => {
  const server = startServer({ open: true, proxies: ["loopback"], limits: { sessionsPerAddress: 2 } });
  const first = await connect(server.socket("/rooms/r"), { headers: xff("203.0.113.9") });
  await openEvents(server.room("r"), xff("203.0.113.9"));
  expect(await shakeHands(server.socket("/ws"), xff("203.0.113.9"))).toMatchObject({
    status: 429,
    code: "rate",
  });
  expect((await shakeHands(server.socket("/ws"), xff("203.0.113.8"))).status).toBe(101);
  expect((await shakeHands(server.socket("/ws"))).status).toBe(101);
  const ended = server.thump.hub.sessions.values().find(({ transport }) => transport === "raw-websocket");
  ended?.end(4403, "removed");
  await first.closed;
  expect((await shakeHands(server.socket("/ws"), xff("203.0.113.9"))).status).toBe(101);
  expect(server.thump.hub.sessionsByAddress).toEqual(
    new Map([
      ["203.0.113.9", 2],
      ["203.0.113.8", 1],
    ]),
  );
});

test("an unconfigured proxy causes one warning; a header from a public address does not", async () => {
  const strangers: string[] = [];
  const server = startServer();
  const { trustedProxies } = server.thump;
  const warned = new TrustedProxies([], "x-forwarded-for", (peer) => strangers.push(peer));
  const request = new Request(server.url, { headers: xff("203.0.113.9") });
  expect(warned.addressOf(request, "198.51.100.7")).toBe("198.51.100.7");
  expect(warned.addressOf(new Request(server.url), "10.0.0.1")).toBe("10.0.0.1");
  expect(strangers).toEqual([]);
  for (const peer of ["10.0.0.1", "10.0.0.2"]) expect(warned.addressOf(request, peer)).toBe(peer);
  expect(strangers).toEqual(["10.0.0.1"]);
  warned.trust(["10.0.0.0/8"], "x-forwarded-for");
  expect(warned.addressOf(request, "10.0.0.1")).toBe("203.0.113.9");
  expect(warned.addressOf(request, "fd00::1")).toBe("fd00::1");
  expect(strangers).toEqual(["10.0.0.1", "fd00::1"]);
  expect(trustedProxies.addressOf(request, "::ffff:127.0.0.1")).toBe("::ffff:127.0.0.1");
});

test("the logged warning contains no text from the client", async () => {
  const started = await startProcess(["--port", "0", "--no-demo", "--log", "json"]);
  const log = new Inbox<string>();
  void collect(started.process.stderr, log);
  for (let i = 0; i < 3; i++) await fetch(`${started.url}/rooms/r`, { headers: xff("203.0.113.9, evil") });
  await log.until((lines) => lines.some((line) => line.includes("--proxy")));
  const [line = "", ...more] = log.all.filter((each) => each.includes("--proxy"));
  expect(JSON.parse(line)).toMatchObject({ level: expect.stringMatching(/warn/i), peer: "127.0.0.1" });
  expect(line).not.toContain("203.0.113.9");
  expect(more).toEqual([]);
});
