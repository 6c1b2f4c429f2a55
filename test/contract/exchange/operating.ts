// Operations: health, metrics, the OpenAPI document, the console, status rooms, a drain, a restart, an unavailable log.
import { freePort } from "../../durable/port.ts";
import type { Recorder } from "./recorder.ts";
import { SECRET, token } from "../../support/tokens.ts";
import { configure, cursorOf, JSON_TYPE, NDJSON, start, stop } from "./server.ts";
import { RecordedSocket } from "./socket.ts";
import { RecordedStream } from "./stream.ts";
import { send } from "./http.ts";

export async function operating(): Promise<string> {
  return [
    await health(),
    await metrics(),
    await ownRooms(),
    await reload(),
    await drain(),
    await logLines(),
    await restart(),
    await unavailable(),
  ].join("");
}

async function health(): Promise<string> {
  const { recorder } = await start({ demo: true, console: true });
  recorder.part("health and pages");
  await recorder.http("GET", "/healthz");
  await recorder.http("GET", "/readyz");
  await recorder.http("GET", "/");
  await recorder.http("GET", "/openapi");
  const page = await recorder.http("GET", "/console");
  const etag = page.header("etag") ?? "";
  recorder.hide(etag, "<etag>");
  await recorder.http("GET", "/console", { headers: { "if-none-match": etag } });
  const gzip = await recorder.open("GET", "/console", { headers: { "accept-encoding": "gzip" } });
  await gzip.ended;

  recorder.part("operations of the API description");
  const description = await send(recorder.port, "GET", "/openapi.json");
  await description.ended;
  const { openapi, paths } = JSON.parse(description.text) as {
    openapi: string;
    paths: Record<string, Record<string, { operationId?: string }>>;
  };
  recorder.note(`OpenAPI ${openapi}`);
  for (const [path, operations] of Object.entries(paths))
    for (const [method, { operationId }] of Object.entries(operations))
      recorder.note(`${method} ${path}: ${operationId}`);
  return recorder.text;
}

async function metrics(): Promise<string> {
  const { recorder } = await start({});
  await recorder.learnEpoch();
  recorder.part("metrics");
  const socket = await RecordedSocket.open(recorder, "socket", "/ws?room=a");
  await socket.next(2);
  await send(recorder.port, "POST", "/rooms/thump:stats").then(({ ended }) => ended);
  await metricNames(recorder.port, (line) => recorder.note(line));
  await recorder.http("GET", "/metrics", { headers: { host: "evil.example" } });
  return recorder.text;
}

/** Records each metric with its type and labels. */
async function metricNames(port: number, note: (line: string) => unknown): Promise<void> {
  const metrics = await send(port, "GET", "/metrics");
  await metrics.ended;
  note(`content-type: ${metrics.header("content-type")}`);
  const labels = new Map<string, Set<string>>();
  const types = new Map<string, string>();
  for (const line of metrics.text.split("\n")) {
    const [, name, type] = /^# TYPE (\S+) (\S+)$/.exec(line) ?? [];
    if (name !== undefined) types.set(name, type as string);
    const [, sample = "", given = ""] = /^([a-z_]+)(?:\{(.*)\})? /.exec(line) ?? [];
    const base = sample.replace(/_(?:bucket|sum|count)$/, "");
    const known = types.has(sample) ? sample : base;
    const all = labels.get(known) ?? new Set();
    labels.set(known, all);
    for (const [, label] of given.matchAll(/([a-z]+)="/g)) all.add(label as string);
  }
  for (const [name, type] of [...types].toSorted(([a], [b]) => (a < b ? -1 : 1)))
    note(`${name} ${type} ${[...(labels.get(name) ?? [])].toSorted().join(",")}`.trimEnd());
}

interface Notes {
  data: { began: object[]; ended: { transport: string }[]; errors: object[]; rejects: object };
}

/** Records the fields of status messages. Their values depend on timing. */
async function ownRooms(): Promise<string> {
  const { recorder } = await start({ console: true });
  recorder.part("the server's own rooms");
  const open = (name: string) =>
    RecordedStream.open(recorder, name, `/rooms/thump:${name}`, { accept: NDJSON });
  const [stats, sessions, errors] = [await open("stats"), await open("sessions"), await open("errors")];
  await send(recorder.port, "GET", "/rooms/%00").then(({ ended }) => ended);
  const socket = await RecordedSocket.open(recorder, "socket", "/ws");
  await socket.close();
  const find = async (stream: RecordedStream, field: "began" | "ended" | "errors" | "rejects") => {
    const found = await stream.find((line) => {
      const { data } = JSON.parse(line) as Partial<Notes>;
      return data !== undefined && (field === "rejects" || data[field].length > 0);
    });
    return JSON.parse(found) as Notes;
  };
  const sample = await find(stats, "rejects");
  recorder.note(shapeOf({ ...sample, data: { ...sample.data, rejects: {} } }));
  const noted = [await find(sessions, "began"), await find(sessions, "ended")];
  for (const { data } of noted) recorder.note(Object.keys(data).join(", "));
  recorder.note(shapeOf(noted[0]?.data.began[0]));
  recorder.note(shapeOf(noted[1]?.data.ended.find(({ transport }) => transport === "websocket")));
  recorder.note(shapeOf(await find(errors, "errors")));
  return recorder.text;
}

/** Replaces the values in JSON with their types. */
function shapeOf(value: unknown): string {
  if (Array.isArray(value)) return `[${value.length > 0 ? shapeOf(value[0]) : ""}]`;
  if (typeof value !== "object" || value === null) return value === null ? "number" : typeof value;
  return `{${Object.entries(value)
    .map(([key, one]) => `${key}: ${shapeOf(one)}`)
    .join(", ")}}`;
}

/** Records a reload whose new rules end some memberships and presence. */
async function reload(): Promise<string> {
  const rules = { "a:*": {}, "b:*": { presence: true } };
  const { recorder, server, dir } = await start({ rooms: rules });
  await recorder.learnEpoch();
  recorder.part("a reload");
  const mux = await RecordedSocket.open(recorder, "mux", "/ws");
  await mux.next();
  await mux.ask({ type: "join", id: 1, room: "b:1", presence: true });
  await mux.ask({ type: "join", id: 2, room: "a:1" });
  const raw = await RecordedSocket.open(recorder, "raw", "/rooms/a:1");
  const events = await RecordedStream.open(recorder, "events", "/rooms/a:1");
  await events.next(2);
  const multiplexed = await RecordedStream.open(recorder, "multiplexed", "/events", {
    method: "POST",
    headers: JSON_TYPE,
    body: '[{"room":"a:1"}]',
  });
  await multiplexed.next(2);
  await configure(dir, { rooms: { "a:*": { join: "server" }, "b:*": {} } });
  server.process.kill("SIGHUP");
  await raw.closed();
  await events.ended();
  await multiplexed.next();
  await mux.next(2);
  multiplexed.reply.close();
  await mux.close();
  await recorder.http("GET", "/rules");
  return recorder.text;
}

/** Records the fields of JSON log lines, without their values. */
async function logLines(): Promise<string> {
  const { recorder, server } = await start({ log: "json", access: { secrets: [SECRET] } });
  recorder.part("log lines");
  const credential = token();
  recorder.hide(credential, "<token>");
  await recorder.learnEpoch({ authorization: `Bearer ${credential}` });
  const socket = await RecordedSocket.open(recorder, "socket", `/ws?token=${credential}&room=a`);
  await socket.next(2);
  server.process.kill("SIGTERM");
  await socket.closed();
  await server.process.exited;
  const written = await new Response(server.process.stderr).text();
  for (const line of written.trim().split("\n")) {
    const { logger, level, ...fields } = JSON.parse(line) as { logger: string; level: string };
    recorder.note(`${level} ${logger}: ${Object.keys(fields).toSorted().join(", ")}`);
  }
  return recorder.text;
}

/** Records a drain that waits for a client until it reads again. */
async function drain(): Promise<string> {
  const { recorder, server } = await start({
    drain: "3s",
    rooms: { "*": { history: { count: 10_000, bytes: "100MiB" } } },
  });
  await recorder.learnEpoch();
  recorder.part("a drain");
  const slow = await RecordedSocket.open(recorder, "slow", "/rooms/slow");
  slow.ws.pause();
  const body = "x".repeat(60_000);
  for (let i = 0; i < 300; i++) {
    const reply = await send(recorder.port, "POST", "/rooms/slow", { body });
    await reply.ended;
  }
  const mux = await RecordedSocket.open(recorder, "mux", "/ws?room=a");
  await mux.next(2);
  const events = await RecordedStream.open(recorder, "events", "/rooms/a");
  await events.next(2);
  const multiplexed = await RecordedStream.open(recorder, "multiplexed", "/events", {
    method: "POST",
    headers: JSON_TYPE,
    body: '[{"room":"a"}]',
  });
  await multiplexed.next(2);
  server.process.kill("SIGTERM");
  await mux.closed();
  await events.ended();
  await multiplexed.ended();
  await recorder.http("GET", "/readyz");
  await recorder.http("GET", "/healthz");
  await recorder.http("POST", "/rooms/a", { body: "still taken" });
  await recorder.http("GET", "/rooms/a");
  for (const accept of ["text/event-stream", NDJSON])
    await recorder.http("GET", "/rooms/a", { headers: { accept } });
  await recorder.http("GET", "/events?room=a");
  await recorder.http("POST", "/events", { headers: JSON_TYPE, body: '[{"room":"a"}]' });
  await recorder.http("GET", "/ws");
  slow.ws.resume();
  await slow.closed(true);
  recorder.note(`exit code ${await server.process.exited}`);
  return recorder.text;
}

/** Records how a client resumes from a data folder after a restart. */
async function restart(): Promise<string> {
  const config = {
    store: { kind: "sqlite", dir: "data" },
    rooms: { "memory:*": { history: { store: "memory" } }, "few:*": { history: { count: 1 } } },
  };
  const before = await start(config);
  const epoch = await before.recorder.learnEpoch();
  before.recorder.part("before a restart");
  const publish = (recorder: Recorder, room: string, text: string) =>
    recorder.http("POST", `/rooms/${room}`, { headers: { "idempotency-key": `key of ${text}` }, body: text });
  const at = cursorOf(await publish(before.recorder, "kept", "one"));
  await publish(before.recorder, "kept", "two");
  await publish(before.recorder, "memory:a", "three");
  await publish(before.recorder, "few:a", "four");
  await publish(before.recorder, "few:a", "five");
  await stop(before);
  const { recorder } = await start(config, before.dir);
  if ((await recorder.learnEpoch()) !== epoch) recorder.note("another epoch");
  recorder.part("after a restart");
  await recorder.http("GET", `/rooms/kept?after=${at}`);
  await publish(recorder, "kept", "two");
  await publish(recorder, "kept", "six");
  await recorder.http("GET", `/rooms/memory:a?after=${at}`);
  await recorder.http("GET", `/rooms/few:a?after=${at}`);
  await recorder.http("GET", "/rooms");
  const stream = await RecordedStream.open(recorder, "events", `/events?room=kept&room=few:a&after=${at}`);
  await stream.next(5);
  await stream.close();
  recorder.part("metrics of a data folder");
  await metricNames(recorder.port, (line) => line.startsWith("thump_store") && recorder.note(line));
  return before.recorder.text + recorder.text;
}

/** Records the responses of a server that cannot reach Redis. */
async function unavailable(): Promise<string> {
  const url = `redis://127.0.0.1:${freePort()}`;
  const { recorder } = await start({ store: { kind: "redis", url, patience: "300ms" } });
  recorder.part("a log that is not available");
  await recorder.http("GET", "/readyz");
  await recorder.http("POST", "/rooms/a", { body: "1" });
  await recorder.http("POST", "/publish", { headers: JSON_TYPE, body: '[{"room":"a","data":1}]' });
  await recorder.http("GET", "/rooms/a");
  for (const accept of ["text/event-stream", NDJSON])
    await recorder.http("GET", "/rooms/a", { headers: { accept } });
  await recorder.http("GET", "/events?room=a");
  const stream = await RecordedStream.open(recorder, "multiplexed", "/events", {
    method: "POST",
    headers: JSON_TYPE,
    body: '[{"id":1,"room":"a"}]',
  });
  await stream.next(2);
  stream.reply.close();
  const raw = await RecordedSocket.open(recorder, "raw", "/rooms/a");
  await raw.closed();
  const mux = await RecordedSocket.open(recorder, "mux", "/ws");
  await mux.next();
  await mux.ask({ type: "join", id: 1, room: "a" });
  await mux.ask({ type: "publish", id: 2, room: "a", data: 1 });
  await mux.ask({ type: "history", id: 3, room: "a" });
  await mux.close();
  recorder.part("metrics of a Redis");
  await metricNames(recorder.port, (line) => line.startsWith("thump_redis") && recorder.note(line));
  return recorder.text;
}
