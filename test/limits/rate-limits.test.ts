// Rate limits as clients see them: errors have the code `rate` and state when to retry.
import { expect, test } from "bun:test";
import { createHash } from "node:crypto";
import type { RatesOptions } from "../../src/index.ts";
import { problemOf, refusalOf } from "../support/answers.ts";
import { bystander } from "../support/bystander.ts";
import { Clock } from "../support/clock.ts";
import { connect, multiplexed, Multiplexed } from "../support/clients.ts";
import { metricsOf } from "../support/metrics.ts";
import { startServer, type TestServer } from "../support/server.ts";
import { bearer, claims, SECRET, token } from "../support/tokens.ts";
import { shakeHands } from "../support/ways-in.ts";

const KEY = "thump_backend";

function limited(rates: RatesOptions, secured = false): { server: TestServer; clock: Clock } {
  const apiKeys = [{ name: "backend", hash: createHash("sha256").update(KEY).digest("hex") }];
  const server = startServer({
    limits: { rates },
    ...(secured ? { access: { secrets: SECRET, apiKeys } } : {}),
  });
  return { server, clock: new Clock(server) };
}

const publish = (client: Multiplexed, data: unknown = "x") =>
  client.ask({ type: "publish", room: "r", data });

test("a session may publish a burst, then at a fixed rate, and errors state when to retry", async () => {
  const { server, clock } = limited({ session: { publishes: { rate: 2, burst: 3 } } });
  const client = await multiplexed(server.socket("/ws?room=r"));
  const listener = await connect(server.socket("/rooms/r"));
  for (let i = 0; i < 3; i++) expect(await publish(client, i)).toMatchObject({ type: "published" });
  const refused = { type: "error", code: "rate", room: "r", retry: 500 };
  expect(await publish(client)).toMatchObject(refused);
  clock.pass(499);
  expect(await publish(client)).toMatchObject({ ...refused, retry: 1 });
  clock.pass(1);
  expect(await publish(client, 3)).toMatchObject({ type: "published" });
  expect(await publish(client)).toMatchObject(refused);
  // A different session has its own bucket.
  expect(await publish(await multiplexed(server.socket("/ws")), 4)).toMatchObject({ type: "published" });
  await listener.until((frames) => frames.length === 5);
  expect(listener.all).toEqual(["0", "1", "2", "3", "4"]);
  expect((await metricsOf(server)).of("thump_rejects_total", { code: "rate" })).toBe(3);
});

test("raw sockets get the error too", async () => {
  const { server } = limited({ session: { publishes: { rate: 1, burst: 1 } } });
  const raw = await connect(server.socket("/rooms/r"));
  raw.send("one");
  raw.send("two");
  expect(JSON.parse(String(await raw.next()))).toMatchObject({ type: "error", code: "rate", retry: 1000 });
});

test("bytes are limited in addition to publications; if either limit is exceeded, neither is charged", async () => {
  const { server, clock } = limited(
    { user: { publishes: { rate: 1, burst: 3 }, bytes: { rate: 100, burst: "1KB" } } },
    true,
  );
  const headers = bearer(token());
  const post = (bytes: number) => server.publish("r", "x".repeat(bytes), headers);
  expect((await post(900)).status).toBe(201);
  const refused = await post(301);
  expect([refused.status, refused.headers.get("retry-after")]).toEqual([429, "3"]);
  expect(await problemOf(refused)).toMatchObject({ code: "rate", retry: 2010 });
  expect([(await post(50)).status, (await post(50)).status]).toEqual([201, 201]);
  expect(await problemOf(post(0))).toMatchObject({ code: "rate", retry: 1000 });
  clock.pass(1000);
  expect((await post(100)).status).toBe(201);
});

test("a user's limits cover all of that user's sessions and requests, and no others", async () => {
  const { server } = limited({ user: { publishes: { rate: 1, burst: 2 } } }, true);
  const headers = bearer(token());
  const client = new Multiplexed(await connect(server.socket("/ws"), { headers }));
  expect((await server.publish("r", "x", headers)).status).toBe(201);
  expect(await publish(client)).toMatchObject({ type: "published" });
  expect(await publish(client)).toMatchObject({ code: "rate" });
  expect((await server.publish("r", "x", bearer(token(claims({ jti: "other" }))))).status).toBe(429);
  expect((await server.publish("r", "x", bearer(token(claims({ sub: "u8" }))))).status).toBe(201);
  await server.thump.publish("r", "code in the server is not counted");
});

test("an API key has its own limits, for all of its connections together", async () => {
  const { server } = limited({ key: { publishes: { rate: 1, burst: 3 } }, session: { publishes: 1 } }, true);
  const headers = bearer(KEY);
  const client = new Multiplexed(await connect(server.socket("/ws"), { headers }));
  for (let i = 0; i < 2; i++) expect(await publish(client)).toMatchObject({ type: "published" });
  const body = JSON.stringify([
    { room: "r", data: 1 },
    { room: "r", data: 2 },
  ]);
  const response = await fetch(`${server.url}/publish`, { method: "POST", body, headers });
  const { results } = (await response.json()) as { results: object[] };
  expect(results).toMatchObject([{ room: "r" }, { error: { code: "rate", retry: 1000 } }]);
  expect(results[0]).not.toHaveProperty("error");
  expect((await server.publish("r", "x", bearer(token()))).status).toBe(201);
});

test("rooms in a handshake are charged as joins, and so are reads", async () => {
  const { server, clock } = limited({ user: { joins: { rate: 1, burst: 4 } } }, true);
  const headers = bearer(token());
  const client = new Multiplexed(await connect(server.socket("/ws?room=a&room=b"), { headers }));
  expect(await client.ask({ type: "join", room: "c" })).toMatchObject({ type: "joined" });
  expect(await client.ask({ type: "history", room: "c" })).toMatchObject({ type: "history" });
  for (const type of ["join", "history", "members"])
    expect(await client.ask({ type, room: "d" })).toMatchObject({ type: "error", code: "rate", retry: 1000 });
  expect(await shakeHands(server.socket("/rooms/r"), headers)).toMatchObject({ status: 429, code: "rate" });
  clock.pass(1000);
  expect(await client.ask({ type: "join", room: "d" })).toMatchObject({ type: "joined" });
});

test("the connect limit is checked before the upgrade and before a stream's first byte", async () => {
  const { server, clock } = limited({ user: { connects: { rate: 0.5, burst: 2 } } }, true);
  const headers = bearer(token());
  for (let i = 0; i < 2; i++)
    expect(await shakeHands(server.socket("/ws"), headers)).toMatchObject({ status: 101 });
  expect(await shakeHands(server.socket("/ws"), headers)).toMatchObject({ status: 429, code: "rate" });
  const events = await fetch(server.room("r"), { headers: { accept: "text/event-stream", ...headers } });
  const { status, code, retry } = await refusalOf(events);
  expect([status, code]).toEqual([429, "rate"]);
  expect(retry).toBeWithin(3000, 7001);
  clock.pass(2000);
  expect(await shakeHands(server.socket("/ws"), headers)).toMatchObject({ status: 101 });
});

test.each(["/ws", "/rooms/r"])(
  "a client that floods %s and ignores retry times is disconnected, and others are not affected",
  async (path) => {
    const { server } = limited({ session: { publishes: { rate: 1, burst: 10 } } });
    const other = await bystander(server, "r");
    const flood = await connect(server.socket(path));
    const frame = JSON.stringify({ type: "publish", room: "r", data: "flood" });
    for (let i = 0; i < 300; i++) flood.send(frame);
    expect(await flood.closed).toMatchObject({ code: 4429 });
    await other.isWell();
    expect(server.thump.hub.stats.publications).toBe(10 + 2);
    const closed = { transport: path === "/ws" ? "websocket" : "raw-websocket", reason: "rate" };
    expect((await metricsOf(server)).of("thump_sessions_closed_total", closed)).toBe(1);
  },
);

test("a client that waits as requested is never disconnected", async () => {
  const { server, clock } = limited({ session: { publishes: { rate: 1000, burst: 1 } } });
  const client = await multiplexed(server.socket("/ws"));
  let published = 0;
  for (let i = 0; i < 600; i++) {
    const { type, retry } = await publish(client);
    if (type === "published") published++;
    else clock.pass(Number(retry));
  }
  expect(published).toBe(300);
});

test("false disables a limit", async () => {
  const { server } = limited({ session: { publishes: false } });
  const client = await multiplexed(server.socket("/ws?room=r"));
  const frame = JSON.stringify({ type: "publish", room: "r", data: "x" });
  for (let i = 0; i < 60_000; i++) client.socket.send(frame);
  expect(await publish(client)).toMatchObject({ type: "published" });
  expect(server.thump.hub.stats.publications).toBe(60_001);
});

test("history reads are charged by size, and a debt delays the next read", async () => {
  const { server, clock } = limited({ user: { reads: { rate: 1000, burst: 1000 } } }, true);
  const headers = bearer(token());
  for (let i = 0; i < 10; i++) await server.thump.publish("r", "x".repeat(244));
  const read = (last: number) => fetch(server.room("r", `?last=${last}`), { headers });
  // A response costs 256 bytes plus 500 per message. This one is complete and leaves the bucket 4,256 bytes in debt.
  expect(((await (await read(10)).json()) as { messages: unknown[] }).messages).toHaveLength(10);
  const client = new Multiplexed(await connect(server.socket("/ws"), { headers }));
  const refused = { code: "rate", retry: 4257 };
  expect(await problemOf(read(1))).toMatchObject(refused);
  expect(await client.ask({ type: "history", room: "r", last: 1 })).toMatchObject(refused);
  clock.pass(4257);
  expect((await read(0)).status).toBe(200);
  expect(await client.ask({ type: "history", room: "r" })).toMatchObject({ code: "rate", retry: 256 });
});

test("a read of 1,000 large messages is charged only for the messages in its answer", async () => {
  const { server } = limited({ user: { reads: { rate: 1000, burst: "1MiB" } } }, true);
  const headers = bearer(token());
  for (let i = 0; i < 100; i++) await server.thump.publish("r", "x".repeat(60_000));
  for (let i = 0; i < 3; i++)
    expect((await fetch(server.room("r", "?last=1000"), { headers })).status).toBe(200);
});
