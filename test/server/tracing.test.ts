// Traces of publications, as an OpenTelemetry collector receives them.
import { expect, test } from "bun:test";
import { createHash } from "node:crypto";
import { multiplexed } from "../support/clients.ts";
import { collector } from "../support/collector.ts";
import { folder, startProcess } from "../support/process.ts";
import { startServer } from "../support/server.ts";
import { bearer, SECRET, token } from "../support/tokens.ts";

const TRACE = "0af7651916cd43dd8448eb211c80319c";
const PARENT = "b7ad6b7169203331";
const ARGS = ["--port", "0", "--no-demo", "--log", "none"];

test("on every transport, a publication is a child span of the publisher's span, without the data", async () => {
  const { url, spans, text } = collector();
  const env = { OTEL_EXPORTER_OTLP_ENDPOINT: url, OTEL_BSP_SCHEDULE_DELAY: "10" };
  const started = await startProcess(ARGS, env);
  const headers = { traceparent: `00-${TRACE}-${PARENT}-01`, authorization: "Bearer secret-token" };
  const post = (path: string, body: string) => fetch(started.url + path, { method: "POST", body, headers });
  await post("/rooms/chat?token=secret-query", "secret-payload");
  await post("/publish", '[{"room":"a","data":1},{"room":"b","data":1}]');
  const mux = await multiplexed(`ws://127.0.0.1:${started.port}/ws`);
  await mux.ask({ type: "publish", room: "c", data: 1 });
  started.process.kill("SIGTERM");
  expect(await started.process.exited).toBe(0);
  const [first, ...others] = await spans.until((all) => all.length === 4);
  expect(first).toMatchObject({ traceId: TRACE, parentSpanId: PARENT, name: "publish" });
  expect(first?.attributes).toMatchObject({
    "messaging.system": "thump",
    "messaging.destination.name": "chat",
    "messaging.message.body.size": 14,
    "thump.seq": 1,
  });
  expect(others.map(({ traceId }) => traceId === TRACE)).toEqual([true, true, false]);
  expect(text()).not.toContain("secret");
});

test("an unsampled traceparent creates no span; an invalid one starts a new trace", async () => {
  const { url, spans } = collector();
  const started = await startProcess([...ARGS, "--traces", `${url}/`]);
  const post = (traceparent: string) =>
    fetch(`${started.url}/rooms/r`, { method: "POST", body: "x", headers: { traceparent } });
  await post(`00-${TRACE}-${PARENT}-00`);
  await post("not a traceparent");
  started.process.kill("SIGTERM");
  expect(await started.process.exited).toBe(0);
  const all = await spans.until((items) => items.length > 0);
  expect(all).toHaveLength(1);
  expect(all[0]?.traceId).not.toBe(TRACE);
  expect(all[0]?.attributes["thump.seq"]).toBe(2);
});

test("an unreachable collector has no effect; without a collector, nothing is traced", async () => {
  const gone = collector();
  const started = await startProcess([...ARGS, "--traces", "http://127.0.0.1:9"]);
  expect((await fetch(`${started.url}/rooms/r`, { method: "POST", body: "x" })).status).toBe(201);
  started.process.kill("SIGTERM");
  expect(await started.process.exited).toBe(0);
  const server = startServer();
  expect(server.thump.hub.pipeline.trace).toBeUndefined();
  expect((await server.publish("r", "x", { traceparent: `00-${TRACE}-${PARENT}-01` })).status).toBe(201);
  expect(gone.spans.all).toEqual([]);
});

test("the sampled flag applies only to trusted publishers; other publications link to the trace", async () => {
  const { url, spans } = collector();
  const key = `thump_${"k".repeat(43)}`;
  const access = {
    secrets: SECRET,
    apiKeys: [{ name: "backend", hash: createHash("sha256").update(key).digest("hex") }],
  };
  const cwd = folder({
    "thump.config.json": JSON.stringify({ access, rooms: { open: { publish: "anyone" } } }),
  });
  const env = {
    OTEL_EXPORTER_OTLP_ENDPOINT: url,
    OTEL_TRACES_SAMPLER: "parentbased_traceidratio",
    OTEL_TRACES_SAMPLER_ARG: "0",
  };
  const publish = async (place: string, room: string, headers: Record<string, string>) => {
    const traceparent = `00-${TRACE}-${PARENT}-01`;
    const init = { method: "POST", body: "x", headers: { traceparent, ...headers } };
    expect((await fetch(`${place}/rooms/${room}`, init)).status).toBe(201);
  };
  const started = await startProcess(ARGS, env, cwd);
  await publish(started.url, "open", {});
  await publish(started.url, "r", bearer(token()));
  await publish(started.url, "r", bearer(key));
  started.process.kill("SIGTERM");
  expect(await started.process.exited).toBe(0);
  const [span] = await spans.until((all) => all.length > 0);
  expect(span).toMatchObject({ traceId: TRACE, parentSpanId: PARENT });
  // This is the third publication, because the first two were not sampled.
  expect(span?.attributes["thump.seq"]).toBe(3);
  expect(spans.all).toHaveLength(1);

  const all = await startProcess(ARGS, { OTEL_EXPORTER_OTLP_ENDPOINT: url }, cwd);
  await publish(all.url, "r", bearer(token()));
  all.process.kill("SIGTERM");
  expect(await all.process.exited).toBe(0);
  const linked = (await spans.until((found) => found.length > 1)).at(-1);
  expect(linked?.traceId).not.toBe(TRACE);
  expect(linked?.links).toMatchObject([{ traceId: TRACE, spanId: PARENT }]);
});
