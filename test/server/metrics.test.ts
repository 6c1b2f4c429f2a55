// Metrics over HTTP: each metric changes with the event that it counts, and no label value comes from a client.
import { expect, test } from "bun:test";
import { eventually, problemOf, publishAt, stateOf } from "../support/answers.ts";
import { connect, multiplexed } from "../support/clients.ts";
import { metricsOf } from "../support/metrics.ts";
import { startServer, type TestServer } from "../support/server.ts";
import { openEvents, openMultiplexed, openNdjson } from "../support/streams.ts";

const WIDE = { count: 100_000, bytes: "200MiB" };
const CHUNK = "x".repeat(30_000);

async function publishUntilLagging(server: TestServer, room: string): Promise<number> {
  const before = server.thump.hub.stats.lagged;
  let count = 0;
  while (server.thump.hub.stats.lagged === before) {
    await server.thump.publish(room, `${count++} ${CHUNK}`);
    if (count % 20 === 0) await new Promise(setImmediate);
  }
  return count;
}

test("sessions are counted per transport while connected, and per reason afterwards", async () => {
  const server = startServer();
  const raw = await connect(server.socket("/rooms/r"));
  const mux = await multiplexed(server.socket("/ws"));
  const sse = await openEvents(server.room("r"));
  const all = await openEvents(`${server.url}/events?room=r`);
  const frames = await openMultiplexed(server.url, [{ room: "r" }]);
  const ndjson = await openNdjson(server.room("r"));
  const poll = fetch(server.room("r", "?wait=60"));
  const subscription = server.thump.subscribe("r", {});
  await eventually(() => server.thump.hub.sessions.size === 8);
  const transports = [
    "raw-websocket",
    "websocket",
    "event-stream",
    "envelope-stream",
    "multiplexed-stream",
    "ndjson",
    "poll",
    "subscription",
  ];
  const during = await metricsOf(server);
  expect(during.samples.filter(({ name }) => name === "thump_sessions")).toHaveLength(8);
  for (const transport of transports) {
    expect(during.of("thump_sessions", { transport })).toBe(1);
    expect(during.of("thump_sessions_opened_total", { transport })).toBe(1);
  }
  expect(during.of("thump_rooms")).toBe(1);
  await publishAt(server, "r", "answers the poll");
  await poll;
  raw.ws.close();
  mux.socket.ws.terminate();
  all.abort();
  frames.abort();
  ndjson.abort();
  await subscription.return();
  const session = server.thump.hub.sessions.values().find((one) => one.transport === "event-stream");
  await fetch(`${server.url}/sessions/${session?.id}`, { method: "DELETE" });
  await sse.ended;
  await eventually(() => server.thump.hub.sessions.size === 0);
  const after = await metricsOf(server);
  const reasons = ["client", "lost", "removed", "client", "client", "client", "answered", "client"];
  transports.forEach((transport, i) => {
    expect(after.of("thump_sessions", { transport })).toBe(0);
    expect(after.of("thump_sessions_closed_total", { transport, reason: reasons[i]! })).toBe(1);
  });
  expect(after.of("thump_rooms")).toBe(0);
});

test("publications, deliveries and bytes are counted exactly", async () => {
  const server = startServer();
  const raw = await connect(server.socket("/rooms/r"));
  const echoing = await connect(server.socket("/rooms/r?echo=1"));
  const mux = await multiplexed(server.socket("/ws?room=r"));
  const sse = await openEvents(server.room("r"));
  await mux.find(({ type }) => type === "joined");
  raw.send("12345"); // to the other three
  expect(await echoing.next()).toBe("12345");
  echoing.send("67"); // to all four
  expect(await raw.next()).toBe("67");
  await publishAt(server, "r", "8"); // to all four
  await sse.events.until((events) => events.length === 3);
  await mux.until(() => mux.messages().length === 3);
  const metrics = await metricsOf(server);
  expect(metrics.of("thump_publications_total")).toBe(3);
  expect(metrics.of("thump_published_bytes_total")).toBe(5 + 2 + 1);
  expect(metrics.of("thump_deliveries_total")).toBe(3 + 4 + 4);
  const wire = (text: string) => Buffer.byteLength(text);
  const onRaw = 5 + 2 * 2 + 1 * 2;
  const onMux = mux.socket.all.filter((frame) => String(frame).includes('"message","room"'));
  const first = sse.text.indexOf("data: ");
  const events = sse.text.slice(sse.text.lastIndexOf("id: ", first));
  expect(metrics.of("thump_delivered_bytes_total")).toBe(
    onRaw + onMux.reduce((sum, frame) => sum + wire(String(frame)), 0) + wire(`${events}\n`),
  );
  expect(metrics.of("thump_tail_bytes")).toBeGreaterThan(8);
  expect(metrics.of("thump_log_append_seconds_count")).toBe(3);
  expect(metrics.of("thump_fan_out_seconds_count", { to: "sockets" })).toBe(3);
  expect(metrics.of("thump_fan_out_seconds_count", { to: "streams" })).toBeWithin(1, 4);
  expect(metrics.of("thump_drops_total", { reason: "engine" })).toBe(0);
});

test("an empty publication counts as a delivery, not as a drop", async () => {
  const server = startServer();
  const raw = await connect(server.socket("/rooms/r"));
  await publishAt(server, "r", "");
  expect(await raw.next()).toBe("");
  const metrics = await metricsOf(server);
  expect(metrics.of("thump_deliveries_total")).toBe(1);
  expect(metrics.of("thump_drops_total", { reason: "engine" })).toBe(0);
});

test("messages that Bun reports as dropped are counted", async () => {
  const server = startServer();
  await connect(server.socket("/rooms/r"));
  server.thump.hub.fanOut.publishToTopic = () => 0;
  await publishAt(server, "r", "dropped");
  expect((await metricsOf(server)).of("thump_drops_total", { reason: "engine" })).toBe(1);
});

test("lags, catch-ups and gaps are counted", async () => {
  const server = startServer({ rooms: { short: { history: { count: 3 } }, "*": { history: WIDE } } });
  const slow = await connect(server.socket("/rooms/r"));
  slow.ws.pause();
  const count = await publishUntilLagging(server, "r");
  const behind = await metricsOf(server);
  expect(behind.of("thump_sessions_lagging")).toBe(1);
  expect(behind.of("thump_lags_total")).toBe(1);
  expect(behind.of("thump_catch_ups_total")).toBe(0);
  await server.thump.publish("r", "last");
  slow.ws.resume();
  await slow.until((frames) => frames.at(-1) === "last");
  expect(slow.all).toHaveLength(count + 1);
  const level = await metricsOf(server);
  expect(level.of("thump_sessions_lagging")).toBe(0);
  expect(level.of("thump_catch_ups_total")).toBe(1);
  expect(level.of("thump_deliveries_total")).toBe(count + 1);
  expect(level.of("thump_gaps_total")).toBe(0);
  expect(level.of("thump_drops_total", { reason: "engine" })).toBe(0);

  const start = await publishAt(server, "short", "0");
  for (let i = 1; i < 6; i++) await publishAt(server, "short", String(i));
  const late = await connect(server.socket(`/rooms/short?after=${start}`));
  expect(String(await late.next())).toContain("gap");
  expect((await metricsOf(server)).of("thump_gaps_total")).toBe(1);
});

test("skipped publications and sessions that a rule closes are counted", async () => {
  const rooms = { latest: { lag: "latest", history: WIDE }, strict: { lag: "disconnect" } } as const;
  const server = startServer({ rooms });
  const [skipper, strict] = [
    await connect(server.socket("/rooms/latest")),
    await connect(server.socket("/rooms/strict")),
  ];
  for (const socket of [skipper, strict]) socket.ws.pause();
  const count = await publishUntilLagging(server, "latest");
  skipper.ws.resume();
  await skipper.until((frames) => String(frames.at(-1)).startsWith(`${count - 1} `));
  const skipped = (await metricsOf(server)).of("thump_drops_total", { reason: "latest" });
  // Every publication is either received or counted as skipped.
  expect(skipped).toBe(count - skipper.all.length);
  await publishUntilLagging(server, "strict");
  strict.ws.resume();
  expect((await strict.closed).code).toBe(4503);
  const labels = { transport: "raw-websocket", reason: "slow" };
  expect((await metricsOf(server)).of("thump_sessions_closed_total", labels)).toBe(1);
});

test("errors are counted per code, on every transport", async () => {
  const server = startServer({ rooms: { closed: { publish: "server" } } });
  const rejects = async (code: string) => (await metricsOf(server)).of("thump_rejects_total", { code });
  const raw = await connect(server.socket("/rooms/closed"));
  const mux = await multiplexed(server.socket("/ws"));
  expect((await server.publish("closed", "x")).status).toBe(403);
  raw.send("x");
  await raw.next();
  await mux.ask({ type: "publish", room: "closed", data: 1 });
  const batch = JSON.stringify([{ room: "closed", data: 1 }, { room: "open", data: 1 }, {}]);
  await fetch(`${server.url}/publish`, { method: "POST", body: batch });
  expect(await rejects("forbidden")).toBe(4);
  expect(await rejects("invalid")).toBe(1);
  mux.socket.send("no JSON");
  await mux.find((frame) => frame["code"] === "malformed");
  expect(await rejects("malformed")).toBe(1);
  await fetch(`${server.url}/nowhere`);
  expect(await rejects("not-found")).toBe(1);
  expect(await rejects("internal")).toBe(0);
});

test("a removed poll and a session that the hook refuses are each counted once", async () => {
  let allowed = true;
  const server = startServer({ authorize: async () => allowed });
  const count = async () => {
    const metrics = await metricsOf(server);
    const ended = { transport: "poll", reason: "removed" };
    return [
      metrics.of("thump_rejects_total", { code: "forbidden" }),
      metrics.of("thump_sessions_closed_total", ended),
    ];
  };
  const poll = fetch(server.room("r", "?wait=60"));
  await eventually(() => server.thump.sessionsIn("r") === 1);
  for (const session of server.thump.hub.sessions.values()) session.end(4403, "removed");
  expect((await poll).status).toBe(403);
  expect(await count()).toEqual([1, 1]);
  allowed = false;
  expect((await fetch(server.room("r", "?wait=60"))).status).toBe(403);
  expect(await count()).toEqual([2, 1]);
});

test("histograms are consistent: the buckets add up, and the sum is in seconds", async () => {
  const server = startServer();
  for (let i = 0; i < 20; i++) await publishAt(server, "r", "x");
  // Event-loop delay is measured twenty times per second.
  while ((await metricsOf(server)).of("thump_event_loop_delay_seconds_count") < 2) await Bun.sleep(10);
  const { samples } = await metricsOf(server);
  const names = ["thump_log_append_seconds", "thump_event_loop_delay_seconds"];
  for (const name of names) {
    const buckets = samples.filter((sample) => sample.name === `${name}_bucket`);
    const values = buckets.map(({ value }) => value);
    expect(values).toEqual(values.toSorted((a, b) => a - b));
    const bounds = buckets.map(({ labels }) => Number(labels["le"]?.replace("+Inf", "Infinity")));
    expect(bounds).toEqual(bounds.toSorted((a, b) => a - b));
    expect(values.at(-1)).toBe(samples.find((sample) => sample.name === `${name}_count`)?.value as number);
    expect(samples.find((sample) => sample.name === `${name}_sum`)?.value).toBeWithin(0, 10);
  }
});

test("the metrics describe the process and state whether it drains", async () => {
  const server = startServer();
  const before = await metricsOf(server);
  for (const name of [
    "cpu_seconds_total",
    "resident_memory_bytes",
    "heap_bytes",
    "start_time_seconds",
    "open_fds",
  ])
    expect(before.of(`process_${name}`)).toBeGreaterThan(0);
  expect(before.of("thump_info")).toBe(1);
  expect(before.of("thump_draining")).toBe(0);
  server.thump.draining = true;
  expect((await metricsOf(server)).of("thump_draining")).toBe(1);
});

test("no label value comes from a client", async () => {
  const server = startServer();
  const evil = 'evil"} 1\nthump_evil{x="';
  const words = ["evil-room", "evil-event", "evil-key", "evil-user", "evil-type", "evil-query", "evil-agent"];
  await publishAt(server, "evil-room", "x", { event: "evil-event", "idempotency-key": "evil-key" });
  const mux = await multiplexed(server.socket("/ws?room=evil-room"));
  await mux.ask({ type: "evil-type" });
  await mux.ask({ type: "publish", room: evil, event: evil, data: 1 });
  mux.socket.ws.close(4999, "evil-reason");
  await fetch(`${server.url}/users/evil-user/sessions`, { method: "DELETE" });
  await fetch(`${server.url}/evil-path`, { method: "EVIL-METHOD" }).catch(() => {});
  await fetch(server.room("r", "?evil-query=1"), { headers: { "user-agent": "evil-agent" } });
  await eventually(() => server.thump.hub.sessions.size === 0);
  const { samples } = await metricsOf(server);
  const values = samples.flatMap(({ labels }) => Object.values(labels));
  for (const word of [...words, "evil"]) expect(values.join("\n")).not.toContain(word);
  expect(values.join()).not.toContain("4999");
  const allowed = ["transport", "reason", "code", "to", "le", "result", "version", "scope", "kind", "among"];
  for (const { labels } of samples) for (const label of Object.keys(labels)) expect(allowed).toContain(label);
});

test("metrics are only for this machine: not through a proxy, nor under a different host name", async () => {
  const server = startServer();
  for (const header of ["x-forwarded-for", "forwarded", "via", "x-real-ip"]) {
    const asked = fetch(`${server.url}/metrics`, { headers: { [header]: "for=10.0.0.1" } });
    expect(await problemOf(asked)).toMatchObject({ status: 403, code: "forbidden" });
  }
  const rebound = fetch(`${server.url}/metrics`, { headers: { host: "evil.example" } });
  expect(await problemOf(rebound)).toMatchObject({ status: 403, code: "origin" });
});

test("metrics can be public, served under a different path, or off", async () => {
  const open = startServer({ metrics: "anyone", metricsPath: "/internal/metrics" });
  const headers = { "x-forwarded-for": "10.0.0.1" };
  expect((await fetch(`${open.url}/internal/metrics`, { headers })).status).toBe(200);
  expect((await fetch(`${open.url}/metrics`)).status).toBe(404);
  const off = startServer({ metrics: "off" });
  expect((await fetch(`${off.url}/metrics`)).status).toBe(404);
});

test("with an unavailable log, the server is alive but not ready", async () => {
  const server = startServer();
  await server.thump.hub.log.close();
  const ready = await fetch(`${server.url}/readyz`);
  expect([ready.status, await ready.json()]).toEqual([503, { status: "unavailable" }]);
  expect((await fetch(`${server.url}/healthz`)).status).toBe(200);
});

test("a poll response and a sampled publication count as deliveries", async () => {
  const server = startServer();
  const poll = fetch(server.room("r", "?wait=60"));
  await eventually(() => server.thump.sessionsIn("r") === 1);
  await publishAt(server, "r", "1");
  await poll;
  const sampled = await connect(server.socket("/rooms/r?max=50"));
  await publishAt(server, "r", "2");
  expect(await sampled.next()).toBe("2");
  expect((await metricsOf(server)).of("thump_deliveries_total")).toBe(2);
  expect((await stateOf(server, "r")).messages).toHaveLength(2);
});
