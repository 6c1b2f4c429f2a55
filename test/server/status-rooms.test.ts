// Status rooms: their contents and permitted subscribers. Only the server publishes in them.
import { expect, test } from "bun:test";
import type { ErrorReport, ServerSample, SessionReport } from "../../src/protocol/status-rooms.ts";
import type { Options } from "../../src/index.ts";
import { problemOf, publishAt, type State } from "../support/answers.ts";
import { connect, type Frame, Multiplexed, multiplexed } from "../support/clients.ts";
import { startServer, type TestServer } from "../support/server.ts";
import { bearer, claims, SECRET, token } from "../support/tokens.ts";
import { attempt, shakeHands } from "../support/ways-in.ts";

const STATS = "thump:stats";
const MASTER = "thump_master";
const hash = (key: string) => new Bun.CryptoHasher("sha256").update(key).digest("hex");
const withConsole = (options: Options = {}) => startServer({ console: true, ...options });
const secured = () =>
  withConsole({ access: { secrets: SECRET, apiKeys: [{ name: "master", hash: hash(MASTER) }] } });

/** Subscribes to rooms from this machine. */
async function listen(server: TestServer, ...rooms: string[]): Promise<Multiplexed> {
  const query = rooms.map((room) => `room=${room}`).join("&");
  return multiplexed(server.socket(`/ws?${query}`));
}

const samples = (client: Multiplexed) =>
  client.messages(STATS).map((frame: Frame) => frame["data"] as ServerSample);

async function nextSample(client: Multiplexed): Promise<ServerSample> {
  const seen = samples(client).length;
  await client.until(() => samples(client).length > seen);
  return samples(client)[seen] as ServerSample;
}

test("the server publishes statistics once a second", async () => {
  const server = withConsole();
  const client = await listen(server, STATS);
  const reader = await connect(server.socket("/rooms/r"));
  const first = await nextSample(client);
  expect(first).toMatchObject({
    node: expect.stringMatching(/^.+:[0-9]+(\/[0-9]+)?$/) as string,
    draining: false,
    rooms: 1,
    sessions: { total: 2, lagging: 0, byTransport: { websocket: 1, "raw-websocket": 1 } },
  });
  for (let i = 0; i < 5; i++) await publishAt(server, "r", "12345");
  await problemOf(fetch(`${server.url}/nowhere`));
  await reader.until((frames) => frames.length === 5);
  // The publications may be spread over two samples.
  const after = () => samples(client).slice(1);
  const sum = (of: (sample: ServerSample) => number) => after().reduce((all, sample) => all + of(sample), 0);
  const all = () =>
    sum((sample) => sample.in.publications) >= 5 && sum(({ rejects }) => rejects["not-found"] ?? 0) > 0;
  await client.until(all);
  expect(sum((sample) => sample.in.publications)).toBe(5);
  expect(sum((sample) => sample.in.bytes)).toBe(25);
  expect(sum(({ rejects }) => rejects["not-found"] ?? 0)).toBe(1);
  const { toSockets, log, memory, loop, seconds } = after().find(
    (sample) => sample.in.publications > 0,
  ) as ServerSample;
  for (const quantiles of [toSockets, log, loop]) {
    expect(quantiles.p50).toBeNumber();
    expect(quantiles.p99 ?? 0).toBeGreaterThanOrEqual(quantiles.p50 ?? 0);
  }
  expect(memory.rss).toBeGreaterThan(1 << 20);
  expect(memory.kept).toBeGreaterThan(25);
  expect(seconds).toBeGreaterThan(0);
  // Status messages do not count as inbound publications.
  expect((await nextSample(client)).in).toEqual({ publications: 0, bytes: 0 });
});

test("earlier statistics are stored for later subscribers", async () => {
  const server = withConsole();
  const first = await listen(server, STATS);
  await first.until(() => samples(first).length === 2);
  const late = await multiplexed(server.socket(`/ws?room=${STATS}&last=300`));
  await late.until(() => samples(late).length >= 2);
  expect(samples(late).slice(0, 2)).toEqual(samples(first));
});

test("status messages report opened and closed sessions, close reasons and errors, but no client data", async () => {
  const server = withConsole();
  const client = await listen(server, "thump:sessions", "thump:errors");
  const visitor = await connect(server.socket("/rooms/r"));
  const [id] = [...server.thump.hub.sessions.values()]
    .filter(({ transport }) => transport === "raw-websocket")
    .map((session) => session.id);
  await fetch(server.room("r"), {
    method: "POST",
    body: '{"secret-word',
    headers: { "content-type": "application/json" },
  });
  await fetch(`${server.url}/sessions/${id}`, { method: "DELETE" });
  await visitor.closed;
  const notes = () => client.messages("thump:sessions").map((frame) => frame["data"] as SessionReport);
  await client.until(() => notes().some(({ ended }) => ended.length > 0));
  expect(notes().flatMap(({ began }) => began)).toContainEqual({
    session: id as string,
    transport: "raw-websocket",
    address: "127.0.0.1",
    since: expect.any(Number) as number,
  });
  expect(notes().flatMap(({ ended }) => ended)).toMatchObject([
    { session: id, transport: "raw-websocket", reason: "removed", code: 4403 },
  ]);
  const errors = () => client.messages("thump:errors").map((frame) => frame["data"] as ErrorReport);
  await client.until(() => errors().length > 0);
  expect(errors()[0]?.errors).toEqual([{ code: "malformed", count: 1 }]);
  expect(JSON.stringify(client.all)).not.toContain("secret-word");
});

test("many sessions and errors are combined in one short report", async () => {
  const server = withConsole();
  const client = await listen(server, "thump:sessions", "thump:errors");
  const all = await Promise.all(Array.from({ length: 120 }, () => connect(server.socket("/rooms/r"))));
  await Promise.all(Array.from({ length: 120 }, () => fetch(`${server.url}/nowhere`)));
  const notes = () => client.messages("thump:sessions").map((frame) => frame["data"] as SessionReport);
  const began = () => notes().reduce((sum, note) => sum + note.began.length + note.more.began, 0);
  // The count includes the subscriber, which is a session too.
  await client.until(() => began() === all.length + 1);
  for (const note of notes()) expect(note.began.length).toBeLessThanOrEqual(50);
  const errors = () =>
    client.messages("thump:errors").flatMap((frame) => (frame["data"] as ErrorReport).errors);
  await client.until(() => errors().reduce((sum, { count }) => sum + count, 0) === 120);
  expect(new Set(errors().map(({ code }) => code))).toEqual(new Set(["not-found"]));
});

test("only the server itself publishes in status rooms: clients, API keys and code cannot", async () => {
  const open = withConsole();
  expect(await problemOf(open.publish(STATS, "x"))).toMatchObject({ status: 403, code: "forbidden" });
  const client = await listen(open, STATS);
  await client.find(({ type }) => type === "joined");
  expect(await client.ask({ type: "publish", room: STATS, data: 1 })).toMatchObject({ code: "forbidden" });
  expect(open.thump.publish("thump:other", 1)).rejects.toMatchObject({ code: "forbidden" });
  const closed = secured();
  expect(await problemOf(closed.publish(STATS, "x", bearer(MASTER)))).toMatchObject({ code: "forbidden" });
  const batch = await fetch(`${closed.url}/publish`, {
    method: "POST",
    body: JSON.stringify([{ room: "thump:sessions", data: 1 }]),
    headers: bearer(MASTER),
  });
  expect(await batch.json()).toMatchObject({ results: [{ error: { code: "forbidden" } }] });
});

test.each<[who: string, headers: Record<string, string>, status: number]>([
  ["an API key", bearer(MASTER), 101],
  ["a user with every grant", bearer(token(claims({ rooms: { "*": ["join"], "thump:*": ["join"] } }))), 403],
  ["an anonymous client", {}, 401],
])("with a secret, only API keys may subscribe: %s", async (_, headers, status) => {
  const server = secured();
  expect((await shakeHands(server.socket(`/rooms/${STATS}`), headers)).status).toBe(status);
  const expected = status === 101 ? 200 : status;
  for (const query of ["", "?last=3"])
    expect((await attempt(server.room(STATS, query), { headers })).status).toBe(expected);
});

test("on an open server, only programs on this machine may subscribe", async () => {
  const server = withConsole({ open: true });
  expect((await shakeHands(server.socket(`/ws?room=${STATS}`))).status).toBe(101);
  const passedOn = { "x-forwarded-for": "10.0.0.1" };
  expect((await shakeHands(server.socket(`/ws?room=${STATS}`), passedOn)).status).toBe(403);
  expect((await attempt(server.room(STATS), { headers: passedOn })).status).toBe(403);
});

test("lists contain status rooms only if the request names them and has permission", async () => {
  const server = secured();
  await multiplexed(server.socket("/ws")).catch(() => undefined);
  const client = new Multiplexed(
    await connect(server.socket(`/ws?room=${STATS}&room=r`), { headers: bearer(MASTER) }),
  );
  await client.until((frames) => frames.filter(({ type }) => type === "joined").length === 2);
  const names = async (match: string) => {
    const response = await fetch(`${server.url}/rooms?match=${match}`, { headers: bearer(MASTER) });
    const { rooms } = (await response.json()) as { rooms: { room: string }[] };
    return rooms.map(({ room }) => room);
  };
  expect(await names("*")).toEqual(["r"]);
  expect(await names("thump:*")).toContain(STATS);
});

test("configured rules do not apply to status rooms, and only clients with permission delete their history", async () => {
  const server = withConsole({ rooms: { "*": { join: "anyone", history: false } } });
  const client = await listen(server, STATS);
  await nextSample(client);
  const state = (await (await fetch(server.room(STATS))).json()) as State;
  expect(state.messages.length).toBeGreaterThan(0);
  const forgotten = fetch(`${server.room(STATS)}/history`, { method: "DELETE" });
  expect(await problemOf(forgotten)).toMatchObject({ code: "forbidden" });
});

test("without the console, nothing is published and the log does not advance", async () => {
  const server = startServer();
  const noisy = withConsole();
  await nextSample(await listen(noisy, STATS));
  expect(server.thump.hub.log.last).toBe(0);
});
