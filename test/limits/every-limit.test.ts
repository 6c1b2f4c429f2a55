// Exceeds every limit once over the network and checks the limit's metric. Each new limit needs a row in these tables.
import { expect, test } from "bun:test";
import { createHash } from "node:crypto";
import type { Options } from "../../src/index.ts";
import { OptionsSchema } from "../../src/server/config/options-schema.ts";
import { Clock } from "../support/clock.ts";
import { connect, Multiplexed } from "../support/clients.ts";
import { metricsOf, type Sample } from "../support/metrics.ts";
import { startServer, type TestServer } from "../support/server.ts";
import { tcp } from "../support/tcp.ts";
import { bearer, SECRET, token } from "../support/tokens.ts";
import { shakeHands, WAYS_IN } from "../support/ways-in.ts";

const KEY = "thump_backend";
const access = {
  secrets: SECRET,
  apiKeys: [{ name: "backend", hash: createHash("sha256").update(KEY).digest("hex") }],
};
const once = { rate: 1, burst: 1 };
const elsewhere = { "x-forwarded-for": "203.0.113.9" };

type Act = (server: TestServer, headers: Record<string, string>) => Promise<unknown>;
const twice =
  (act: Act): Act =>
  async (server, headers) => {
    await act(server, headers);
    await act(server, headers);
  };
const shake: Act = (server, headers) => shakeHands(server.socket("/ws"), headers);
const join: Act = (server, headers) => shakeHands(server.socket("/ws?room=r"), headers);
const publish: Act = (server, headers) => server.publish("r", "12", headers);
/** Sends a command on a new session. */
const ask =
  (command: object): Act =>
  async (server, headers) => {
    const client = new Multiplexed(await connect(server.socket("/ws"), { headers }));
    for (const room of ["a", "b"]) await client.ask({ type: "", ...command, room });
  };

const read: Act = (server, headers) => fetch(server.room("r", "?last=1000"), { headers });
const FOR_ALL = {
  connects: twice(shake),
  requests: twice(publish),
  joins: twice(join),
  publishes: twice(publish),
  bytes: twice(publish),
  reads: twice(read),
};
const USER = bearer(token());
const BY = { session: {}, user: USER, address: elsewhere, key: bearer(KEY) };
const ACTS = {
  session: {
    requests: ask({ type: "ping" }),
    joins: ask({ type: "join" }),
    publishes: ask({ type: "publish", data: 1 }),
    bytes: ask({ type: "publish", data: 1 }),
    reads: ask({ type: "history" }),
  },
  user: FOR_ALL,
  address: FOR_ALL,
  key: FOR_ALL,
};

type Metric = [name: string, labels: Record<string, string>];
interface Row {
  options: Options;
  bite: (server: TestServer) => Promise<unknown>;
  /** The metrics that must change, with their new values. */
  moves: [...Metric, value: number][];
}

const rejects = (code: string, value = 1): Row["moves"][number] => ["thump_rejects_total", { code }, value];
const closed = (reason: string): Row["moves"][number] => ["thump_sessions_closed_total", { reason }, 1];

function rateRow(scope: keyof typeof BY, kind: string, act: Act): Row {
  return {
    options: {
      open: true,
      proxies: ["loopback"],
      limits: { rates: { [scope]: { [kind]: once } } },
      ...(scope === "user" || scope === "key" ? { access } : {}),
    },
    bite: (server) => act(server, BY[scope]),
    moves: [
      ["thump_rate_limited_total", { scope, kind }, 1],
      rejects("rate"),
      ["thump_rates_remembered", {}, scope === "session" ? 0 : 1],
    ],
  };
}

const RATES = Object.fromEntries(
  Object.entries(ACTS).flatMap(([scope, kinds]) =>
    Object.entries(kinds).map(([kind, act]) => [
      `rates.${scope}.${kind}`,
      rateRow(scope as keyof typeof BY, kind, act),
    ]),
  ),
);

const post = (server: TestServer, bytes: number, headers = {}) =>
  server.publish("r", "x".repeat(bytes), headers);
const opens =
  (headers = {}) =>
  (server: TestServer) =>
    WAYS_IN["raw socket"]?.(server, headers);
const batch = (server: TestServer, items: unknown) =>
  fetch(`${server.url}/publish`, { method: "POST", body: JSON.stringify(items) });

/** Resolves once a metric has this value. */
async function until(server: TestServer, name: string, value: number): Promise<void> {
  while ((await metricsOf(server)).of(name) !== value) await Bun.sleep(1);
}

/** The rows for configurable limits, keyed by their names in `limits`. */
const LIMITS: Record<string, Row> = {
  message: {
    options: { limits: { message: 10 } },
    async bite(server) {
      expect((await post(server, 11)).status).toBe(413);
      const socket = await connect(server.socket("/rooms/r"));
      socket.send("x".repeat(11));
      expect((await socket.closed).code).toBe(4413);
    },
    moves: [rejects("too-large"), closed("too-large")],
  },
  body: {
    options: { limits: { body: 100 } },
    bite: (server) => batch(server, ["x".repeat(100)]),
    moves: [rejects("too-large")],
  },
  rooms: {
    options: { limits: { rooms: 1 } },
    bite: (server) => ask({ type: "join" })(server, {}),
    moves: [rejects("limit")],
  },
  sessions: {
    options: { limits: { sessions: 1 } },
    async bite(server) {
      expect(await opens()(server)).toMatchObject({ status: 101 });
      expect(await opens()(server)).toMatchObject({ status: 503 });
    },
    moves: [
      ["thump_sessions_refused_total", { among: "all" }, 1],
      rejects("busy"),
      ["thump_sessions_limit", {}, 1],
    ],
  },
  sessionsPerAddress: {
    options: { open: true, proxies: ["loopback"], limits: { sessionsPerAddress: 1 } },
    async bite(server) {
      expect(await opens(elsewhere)(server)).toMatchObject({ status: 101 });
      expect(await opens(elsewhere)(server)).toMatchObject({ status: 429 });
    },
    moves: [["thump_sessions_refused_total", { among: "address" }, 1], rejects("rate")],
  },
  roomsInUse: {
    options: { limits: { roomsInUse: 1 } },
    bite: (server) => ask({ type: "join" })(server, {}),
    moves: [
      ["thump_rooms_refused_total", { among: "all" }, 1],
      rejects("busy"),
      ["thump_rooms_limit", {}, 1],
    ],
  },
  roomsPerAddress: {
    options: { open: true, proxies: ["loopback"], limits: { roomsPerAddress: 1 } },
    bite: (server) => ask({ type: "join" })(server, elsewhere),
    moves: [
      ["thump_rooms_refused_total", { among: "address" }, 1],
      rejects("busy"),
      ["thump_rooms_counted", {}, 1],
    ],
  },
  headTime: {
    options: { limits: { headTime: "5s" } },
    // Bun closes these connections silently: only the number of open files changes.
    async bite(server) {
      const open = async () => (await metricsOf(server)).of("process_open_fds");
      const before = await open();
      const silent = await Promise.all(Array.from({ length: 50 }, () => tcp(server.port)));
      for (const connection of silent) connection.send("GET / HTTP/1.1\r\nX: ");
      // Both ends of each connection are in this process.
      expect(await open()).toBeGreaterThan(before + 90);
      await Promise.all(silent.map((connection) => connection.closed));
      expect(await open()).toBeLessThan(before + 10);
    },
    moves: [],
  },
  bodyTime: {
    options: { limits: { bodyTime: "50ms" } },
    async bite(server) {
      const slow = await tcp(server.port);
      slow.send("POST /rooms/r HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 9\r\n\r\nx");
      await slow.until("HTTP/1.1 408");
    },
    moves: [rejects("timeout")],
  },
  bodies: {
    options: { limits: { bodies: "100KiB" } },
    async bite(server) {
      const [slow, quick] = [await tcp(server.port), await tcp(server.port)];
      for (const each of [slow, quick]) {
        each.send("POST /publish HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 100000\r\n\r\n");
        each.send(`[${" ".repeat(90_000)}`);
        if (each === slow) await until(server, "thump_bodies_bytes", 90_001);
      }
      await slow.until('"code":"busy"');
      quick.send(`${" ".repeat(9998)}]`);
      await quick.until("HTTP/1.1 200");
    },
    moves: [rejects("busy"), ["thump_bodies_given_up_total", {}, 1], ["thump_bodies_bytes", {}, 0]],
  },
  memory: {
    options: { limits: { memory: 2000 } },
    async bite(server) {
      for (let i = 0; i < 3; i++) await post(server, 744);
    },
    moves: [
      ["thump_evictions_total", {}, 2],
      ["thump_kept_bytes", {}, 1000],
      ["thump_kept_limit_bytes", {}, 2000],
    ],
  },
  ...RATES,
};

/** The paths of all settings in an object schema, without the objects that only group settings. */
function leaves(schema: object, path = ""): string[] {
  const { properties = {} } = schema as { properties?: Record<string, object> };
  return Object.entries(properties).flatMap(([name, inner]) =>
    "properties" in inner ? leaves(inner, `${path}${name}.`) : [path + name],
  );
}

test("the table covers every limit", () => {
  expect(Object.keys(LIMITS).sort()).toEqual(leaves(OptionsSchema.properties.limits).sort());
});

/** Limits that cannot be configured. */
const FIXED: Record<string, Row> = {
  "the length of a room's name": {
    options: {},
    bite: (server) => server.publish("r".repeat(256), "x"),
    moves: [rejects("invalid-room")],
  },
  "the length of an event's name": {
    options: {},
    bite: (server) => post(server, 1, { event: "e".repeat(256) }),
    moves: [rejects("invalid-event")],
  },
  "the number of items in a batch": {
    options: {},
    bite: (server) =>
      batch(
        server,
        Array.from({ length: 1001 }, () => ({ room: "r", data: 1 })),
      ),
    moves: [rejects("limit")],
  },
  "the depth of JSON": {
    options: {},
    bite: (server) =>
      server.publish("r", `${"[".repeat(201)}${"]".repeat(201)}`, { "content-type": "application/json" }),
    moves: [rejects("malformed")],
  },
  "the wildcards in a list's pattern": {
    options: {},
    bite: (server) => fetch(`${server.url}/rooms?match=*a*a*a*a*`),
    moves: [rejects("invalid-query")],
  },
  "the length of a token": {
    options: { access },
    bite: (server) => post(server, 1, bearer("x".repeat(8193))),
    moves: [rejects("unauthorized")],
  },
  "invalid frames": {
    options: {},
    async bite(server) {
      const socket = await connect(server.socket("/ws"));
      for (let i = 0; i < 33; i++) socket.send("nonsense");
      expect((await socket.closed).code).toBe(4400);
    },
    moves: [rejects("malformed", 33), closed("bad-frames")],
  },
  "invalid tokens in a session": {
    options: { access },
    async bite(server) {
      const client = new Multiplexed(await connect(server.socket("/ws"), { headers: USER }));
      for (let i = 0; i < 9; i++) await client.ask({ type: "auth", token: "nonsense" });
      expect((await client.closed).code).toBe(4401);
    },
    moves: [rejects("unauthorized", 9), closed("unauthorized")],
  },
  "sessions that ignore retry": {
    options: { limits: { rates: { session: { publishes: once } } } },
    async bite(server) {
      const socket = await connect(server.socket("/rooms/r"));
      // One frame is accepted, one gets an error with a retry time, and a hundred more are tolerated.
      for (let i = 0; i < 103; i++) socket.send("x");
      expect((await socket.closed).code).toBe(4429);
    },
    moves: [["thump_rate_limited_total", { scope: "session", kind: "publishes" }, 102], closed("rate")],
  },
};

/** The metrics of refusals. */
const REFUSALS = /^thump_(rate_limited|rejects|sessions_refused|rooms_refused|evictions)_total$/;
const moved = (samples: Sample[]): string[] =>
  samples
    .filter(({ name, value }) => REFUSALS.test(name) && value > 0)
    .map(({ name, labels }) => name + JSON.stringify(labels));

test.each(Object.entries({ ...LIMITS, ...FIXED }))(
  "%s",
  async (_, { options, bite, moves }) => {
    const server = startServer(options);
    new Clock(server);
    await bite(server);
    const metrics = await metricsOf(server);
    for (const [name, labels, value] of moves)
      expect([name, labels, metrics.of(name, labels)]).toEqual([name, labels, value]);
    // No other refusals are counted, but every rate-limit error also counts under the code `rate`.
    const expected = moves
      .filter(([name]) => REFUSALS.test(name))
      .map(([name, labels]) => name + JSON.stringify(labels));
    const codes = /^thump_rejects_total\{"code":"(rate|unavailable)"\}$/;
    expect(
      moved(metrics.samples)
        .filter((one) => !codes.test(one))
        .sort(),
    ).toEqual(expected.filter((one) => !codes.test(one)).sort());
  },
  30_000,
);
