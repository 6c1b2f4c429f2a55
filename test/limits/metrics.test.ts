// Each limit, made to bite once: its metric moves, and no other's.
import { expect, test } from "bun:test";
import { createHash } from "node:crypto";
import type { Options } from "../../src/index.ts";
import { Clock } from "../support/clock.ts";
import { connect, multiplexed, Multiplexed } from "../support/clients.ts";
import { metricsOf, type Sample } from "../support/metrics.ts";
import { startReloadable } from "../support/reloadable.ts";
import { startServer, type TestServer } from "../support/server.ts";
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
const post: Act = (server, headers) => server.publish("r", "12", headers);
/** On one session. */
const ask =
  (command: object): Act =>
  async (server, headers) => {
    const client = new Multiplexed(await connect(server.socket("/ws"), { headers }));
    for (const room of ["a", "b"]) await client.ask({ type: "", ...command, room });
  };

const USER = bearer(token());
const BY = { session: {}, user: USER, address: elsewhere, key: bearer(KEY) };
const ACTS = {
  session: {
    joins: ask({ type: "join" }),
    publishes: ask({ type: "publish", data: 1 }),
    bytes: ask({ type: "publish", data: 1 }),
  },
  user: { connects: twice(shake), joins: twice(join), publishes: twice(post), bytes: twice(post) },
  address: { connects: twice(shake), joins: twice(join), publishes: twice(post), bytes: twice(post) },
  key: { connects: twice(shake), joins: twice(join), publishes: twice(post), bytes: twice(post) },
};
const CASES = Object.entries(ACTS).flatMap(([scope, kinds]) =>
  Object.entries(kinds).map(([kind, act]): [scope: keyof typeof BY, kind: string, act: Act] => [
    scope as keyof typeof BY,
    kind,
    act,
  ]),
);
const moved = (samples: Sample[]): object[] =>
  samples
    .filter(({ name, value }) => name === "thump_rate_limited_total" && value > 0)
    .map(({ labels, value }) => ({ ...labels, value }));

test.each(CASES)("the rate of a %s for %s", async (scope, kind, act) => {
  const limits: Options["limits"] = { rates: { [scope]: { [kind]: once } } };
  const server = startServer({
    proxies: ["loopback"],
    limits,
    ...(scope === "user" || scope === "key" ? { access } : {}),
  });
  new Clock(server);
  await act(server, BY[scope]);
  const metrics = await metricsOf(server);
  expect(moved(metrics.samples)).toEqual([{ scope, kind, value: 1 }]);
  expect(metrics.of("thump_rejects_total", { code: "rate" })).toBe(1);
  expect(metrics.of("thump_rates_remembered")).toBe(scope === "session" ? 0 : 1);
});

test("places", async () => {
  const server = startServer({ proxies: ["loopback"], limits: { sessions: 2, sessionsPerAddress: 1 } });
  expect(await WAYS_IN["raw socket"]?.(server, elsewhere)).toMatchObject({ status: 101 });
  expect(await WAYS_IN["raw socket"]?.(server, elsewhere)).toMatchObject({ status: 429 });
  await connect(server.socket("/ws"));
  expect(await WAYS_IN["raw socket"]?.(server, {})).toMatchObject({ status: 503 });
  const metrics = await metricsOf(server);
  expect(metrics.of("thump_sessions_refused_total", { among: "all" })).toBe(1);
  expect(metrics.of("thump_sessions_refused_total", { among: "address" })).toBe(1);
  expect(metrics.of("thump_sessions_limit")).toBe(2);
  expect(metrics.of("thump_rejects_total", { code: "busy" })).toBe(1);
});

test("a reload changes limits, and sends nobody away", async () => {
  const server = await startReloadable({ limits: { sessions: 5 } });
  const client = await multiplexed(`ws://127.0.0.1:${server.port}/ws?room=r`);
  const limits = { sessions: 1, memory: "2KiB", rates: { session: { publishes: once, joins: once } } };
  const [line] = await server.reload({ limits, proxies: ["loopback"] });
  for (const name of ["maxSessions", "memory", "rates", "proxies"]) expect(line?.changed).toContain(name);
  const publish = { type: "publish", room: "r", data: "x" };
  expect(await client.ask(publish)).toMatchObject({ type: "published" });
  expect(await client.ask(publish)).toMatchObject({ code: "rate" });
  expect((await shakeHands(`ws://127.0.0.1:${server.port}/ws`)).status).toBe(503);
  const metrics = await metricsOf(server);
  expect(metrics.of("thump_kept_limit_bytes")).toBe(2048);
  expect(client.socket.ws.readyState).toBe(client.socket.ws.OPEN);
  const [bad] = await server.reload({ proxies: ["everybody"] });
  expect(bad?.reason).toContain("everybody");
});
