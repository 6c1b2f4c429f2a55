// Log lines: each connection has one line with the reason why it ended, and no line contains private data.
import { expect, test } from "bun:test";
import { createHash } from "node:crypto";
import { WarningThrottle } from "../../src/server/session-logger.ts";
import { word } from "../../src/server/logging.ts";
import { cleanup } from "../support/cleanup.ts";
import { connect, multiplexed } from "../support/clients.ts";
import { ACTED_ON } from "../support/evil.ts";
import { folder, startProcess, type Started } from "../support/process.ts";
import { openEvents } from "../support/streams.ts";
import { bearer, claims, ec, OTHER_SECRET, SECRET, token, tokenBy } from "../support/tokens.ts";

interface Line {
  "@timestamp": string;
  level: string;
  message: string;
  logger: string;
  [field: string]: unknown;
}

const ARGS = ["--port", "0", "--no-demo", "--drain", "0"];

async function stop({ process }: Started): Promise<string> {
  process.kill("SIGTERM");
  expect(await process.exited).toBe(0);
  return new Response(process.stderr).text();
}

const linesOf = (text: string) =>
  text
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line) as Line);

test("one line per connection: client, counts, duration, and why it ended", async () => {
  const started = await startProcess([...ARGS, "--log", "json"]);
  const socket = (path: string) => `ws://127.0.0.1:${started.port}${path}`;
  const raw = await connect(socket("/rooms/r"));
  const mux = await multiplexed(socket("/ws?room=r&room=s"));
  const sse = await openEvents(`${started.url}/rooms/r`);
  await mux.until((frames) => frames.length === 3);
  raw.send("1");
  raw.send("2");
  await mux.until(() => mux.messages().length === 2);
  await mux.ask({ type: "publish", room: "r", data: 3 });
  await raw.next();
  await sse.events.until((events) => events.length === 3);
  const { session } = await mux.next();
  raw.ws.close(3001, "bye");
  await raw.closed;
  sse.abort();
  await fetch(`${started.url}/sessions/${String(session)}`, { method: "DELETE" });
  const lines = linesOf(await stop(started)).filter(({ logger }) => logger === "thump.session");
  expect(lines).toHaveLength(3);
  const of = (transport: string) => lines.find((line) => line["transport"] === transport);
  const common = { level: "INFO", address: "127.0.0.1" };
  expect(of("raw-websocket")).toMatchObject({
    ...common,
    rooms: 1,
    sent: 1,
    received: 2,
    reason: "client",
    code: 3001,
  });
  expect(of("websocket")).toMatchObject({
    ...common,
    session,
    rooms: 2,
    sent: 2,
    received: 1,
    reason: "removed",
    code: 4403,
  });
  expect(of("event-stream")).toMatchObject({ ...common, rooms: 1, sent: 3, received: 0, reason: "client" });
  for (const line of lines) {
    expect(line["seconds"]).toBeWithin(0, 20);
    expect(String(line["session"])).toHaveLength(16);
  }
});

test("lagging and sampling sessions are counted correctly too", async () => {
  const rooms = '{"*":{"history":{"count":10000,"bytes":"100MiB"}}}';
  const started = await startProcess([...ARGS, "--log", "json", "--rooms", rooms]);
  const slow = await connect(`ws://127.0.0.1:${started.port}/rooms/r`);
  const sampling = await connect(`ws://127.0.0.1:${started.port}/rooms/r?max=100`);
  slow.ws.pause();
  for (let i = 0; i < 300; i++)
    await fetch(`${started.url}/rooms/r`, { method: "POST", body: "x".repeat(60_000) });
  slow.ws.resume();
  await slow.until((frames) => frames.length === 300);
  for (const { ws } of [slow, sampling]) ws.close();
  const lines = linesOf(await stop(started));
  const sent = lines.filter(({ logger, level }) => logger === "thump.session" && level === "INFO");
  expect(sent.map((line) => line["sent"]).toSorted((a, b) => Number(a) - Number(b))).toEqual([
    sampling.all.length,
    300,
  ]);
  const warnings = lines.filter(({ level }) => level === "WARN" || level === "WARNING");
  expect(warnings).toHaveLength(1);
  expect(warnings[0]?.message).toContain("too slowly");
});

test("even at the lowest level, no line contains a token, a payload, a query or a key", async () => {
  const started = await startProcess([...ARGS, "--log", "json", "--log-level", "debug"]);
  const headers = {
    authorization: "Bearer secret-token",
    cookie: "secret-cookie",
    "idempotency-key": "secret-key",
  };
  const post = (body: string) =>
    fetch(`${started.url}/rooms/r?token=secret-query`, { method: "POST", body, headers });
  const raw = await connect(`ws://127.0.0.1:${started.port}/rooms/r?token=secret-query`, { headers });
  const mux = await multiplexed(`ws://127.0.0.1:${started.port}/ws?room=r&token=secret-query`);
  await post("secret-payload");
  raw.send("secret-payload");
  await mux.ask({ type: "auth", token: "secret-token" });
  await mux.ask({ type: "secret-type" });
  await fetch(`${started.url}/rooms/%00?token=secret-query`, { headers });
  await fetch(`${started.url}/secret-path`);
  raw.ws.close(4000, "secret-reason");
  await raw.closed;
  mux.socket.ws.terminate();
  const text = await stop(started);
  expect(linesOf(text).length).toBeGreaterThanOrEqual(5);
  expect(text).not.toContain("secret");
});

test("with secrets configured, lines about accepted, refused and removed clients contain no private data either", async () => {
  const KEY = "thump_key-of-the-backend";
  const apiKeys = [{ name: "backend", hash: createHash("sha256").update(KEY).digest("hex") }];
  const cwd = folder({ "thump.config.json": JSON.stringify({ access: { secrets: SECRET, apiKeys } }) });
  const started = await startProcess([...ARGS, "--log", "json", "--log-level", "debug"], {}, cwd);
  const [good, forged] = [token(), token(claims(), OTHER_SECRET)];
  const socket = `ws://127.0.0.1:${started.port}/ws?room=r`;
  const client = await multiplexed(`${socket}&token=${good}`);
  for (const credential of [forged, `${KEY}-guessed`])
    expect((await fetch(`${started.url}/rooms/r?token=${credential}`)).status).toBe(401);
  expect(await client.ask({ type: "auth", token: forged })).toMatchObject({ code: "unauthorized" });
  const revoke = { method: "POST", body: '{"user":"u7"}', headers: bearer(KEY) };
  expect((await fetch(`${started.url}/revoke`, revoke)).status).toBe(200);
  expect((await client.closed).code).toBe(4403);
  const text = await stop(started);
  const line = linesOf(text).find(({ logger }) => logger === "thump.session");
  expect(line).toMatchObject({ user: "u7", reason: "removed", code: 4403 });
  for (const hidden of [good, forged, SECRET, KEY]) expect(text).not.toContain(hidden);
});

test("start, drain and stop are logged with times", async () => {
  const started = await startProcess([...ARGS, "--log", "json"]);
  const lines = linesOf(await stop(started));
  expect(lines.map(({ message }) => message.split(",", 1)[0]?.split(":", 1)[0])).toEqual([
    "started",
    "{signal}",
    "stopped",
  ]);
  expect(lines[0]).toMatchObject({ logger: "thump", host: "127.0.0.1", port: started.port });
  for (const line of lines) expect(new Date(line["@timestamp"]).getTime()).toBeGreaterThan(1e12);
});

test("pretty: a text, followed by the fields", async () => {
  const started = await startProcess(ARGS);
  const raw = await connect(`ws://127.0.0.1:${started.port}/rooms/r`);
  raw.ws.close();
  await raw.closed;
  const text = await stop(started);
  expect(text).toMatch(
    /^[0-9:.]+ INFO raw-websocket session \S+ of 127\.0\.0\.1 ended: client rooms=1 sent=0 received=0 seconds=/m,
  );
});

test.each([
  [["--log", "none"], 0],
  [["--log", "json", "--log-level", "warning"], 0],
  [["--log", "json", "--log-level", "info"], 4],
])("%j: %d lines", async (args, count) => {
  const started = await startProcess([...ARGS, ...args]);
  const raw = await connect(`ws://127.0.0.1:${started.port}/rooms/r`);
  raw.ws.close();
  await raw.closed;
  const text = await stop(started);
  expect(text.split("\n").filter(Boolean)).toHaveLength(count);
});

test("a value never contains a line break", () => {
  expect(word("plain:name-7")).toBe("plain:name-7");
  for (const evil of ["a\n12:00 INFO forged", "a\u001b[31m", "a b=c", 'a"b', ""]) {
    expect(word(evil)).not.toMatch(/\p{Cc}/u);
    expect(JSON.parse(word(evil))).toBe(evil);
  }
});

test("repeated warnings are limited, and the number of suppressed ones is logged", () => {
  const said: [kind: string, others: number][] = [];
  const seldom = new WarningThrottle(1_000_000);
  for (let i = 0; i < 5; i++) seldom.run("a", (others) => said.push(["a", others]));
  seldom.run("b", (others) => said.push(["b", others]));
  expect(said).toEqual([
    ["a", 0],
    ["b", 0],
  ]);
  const often = new WarningThrottle(0);
  for (let i = 0; i < 3; i++) often.run("a", (others) => said.push(["c", others]));
  expect(said.filter(([kind]) => kind === "c")).toHaveLength(3);
});

test.each(["json", "pretty"])(
  "--log %s: text from clients and services cannot control the terminal",
  async (form) => {
    const service = Bun.serve({
      port: 0,
      hostname: "127.0.0.1",
      fetch: () => new Response("", { headers: { "content-encoding": "\u00c2\u009b31mred" } }),
    });
    cleanup(() => service.stop(true));
    const config = {
      access: { secrets: SECRET, jwks: `http://127.0.0.1:${service.port}/` },
      rooms: { r: { join: "anyone" } },
    };
    const cwd = folder({ "thump.config.json": JSON.stringify(config) });
    const started = await startProcess([...ARGS, "--log", form], {}, cwd);
    const socket = `ws://127.0.0.1:${started.port}/rooms/r`;
    const raw = await connect(socket, { headers: bearer(token(claims({ sub: "u\u202e\u2066 WARN" }))) });
    const foreign = bearer(tokenBy(ec(), "ES256"));
    expect((await fetch(`${started.url}/rooms/r`, { headers: foreign })).status).toBe(503);
    raw.ws.close();
    await raw.closed;
    const text = await stop(started);
    expect(text).not.toMatch(ACTED_ON);
    expect(text).toContain("\\u202e");
    expect(text).toContain("could not be fetched");
    if (form === "json") expect(linesOf(text).map((line) => line["user"])).toContain("u\u202e\u2066 WARN");
    // Stack trace lines are indented, so they cannot be mistaken for log lines.
    else for (const line of text.trim().split("\n")) expect(line).toMatch(/^(?:[0-9:.]+ [A-Z]+ | {4})/);
  },
);
