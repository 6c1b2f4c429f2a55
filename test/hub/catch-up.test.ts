// The cost, memory use and completeness of catch-up, in many rooms and for clients that do not read.
import { expect, test } from "bun:test";
import type { Session } from "../../src/hub/session.ts";
import { cleanup } from "../support/cleanup.ts";
import { Clock } from "../support/clock.ts";
import { multiplexed } from "../support/clients.ts";
import { folder } from "../support/process.ts";
import { startServer, type TestServer } from "../support/server.ts";
import { openEvents } from "../support/streams.ts";
import { bearer, SECRET, token } from "../support/tokens.ts";

const WIDE = { history: { count: 100_000, bytes: "200MiB" } };
const roomNames = (count: number) => Array.from({ length: count }, (_, i) => `r${i}`);

/** Publishes to all rooms in turn. Returns a cursor that precedes these messages. */
async function fill(server: TestServer, rooms: string[], each: number): Promise<string> {
  const { at } = await server.thump.publish("first", 0);
  for (let n = 0; n < each; n++)
    for (const [i, room] of rooms.entries()) await server.thump.publish(room, n * rooms.length + i);
  return at;
}

/** Opens a multiplexed stream. Returns the data of its first `count` messages. */
async function returnByPost(server: TestServer, joins: object[], count: number): Promise<unknown[]> {
  const leave = new AbortController();
  const body = JSON.stringify(joins);
  const answer = await fetch(`${server.url}/events`, { method: "POST", body, signal: leave.signal });
  const data: unknown[] = [];
  let rest = "";
  const decoder = new TextDecoder();
  for await (const chunk of answer.body as ReadableStream<Uint8Array>) {
    const lines = (rest + decoder.decode(chunk, { stream: true })).split("\n");
    rest = lines.pop() as string;
    for (const line of lines) {
      const [, number] = /^data: \{"type":"message".*"data":([0-9]+),/.exec(line) ?? [];
      if (number !== undefined) data.push(Number(number));
    }
    if (data.length >= count) break;
  }
  leave.abort();
  return data;
}

const upTo = (count: number) => Array.from({ length: count }, (_, i) => i);

/** Ways to return to many rooms. Each returns the data in order of arrival. */
const WAYS: Record<string, (server: TestServer, rooms: string[], after: string) => Promise<unknown[]>> = {
  "POST /events": async (server, rooms, after) => {
    const joins = rooms.map((room) => ({ room, after }));
    return returnByPost(server, joins, rooms.length * 5);
  },
  "GET /events": async (server, rooms, after) => {
    const query = rooms.map((room) => `room=${room}`).join("&");
    const { events } = await openEvents(`${server.url}/events?${query}`, { "last-event-id": after });
    await events.until((all) => all.length === rooms.length * 5);
    return events.all.map(({ data }) => (JSON.parse(data) as { data: unknown }).data);
  },
  "/ws": async (server, rooms, after) => {
    const query = rooms.map((room) => `room=${room}`).join("&");
    const client = await multiplexed(server.socket(`/ws?${query}&after=${after}`));
    await client.until(() => client.messages().length === rooms.length * 5);
    return client.messages().map((frame) => frame["data"]);
  },
};

for (const [way, returnTo] of Object.entries(WAYS)) {
  test(`${way}: a client that returns to 1,000 rooms receives everything once and in order`, async () => {
    const server = startServer({ rooms: { "*": WIDE } });
    const rooms = roomNames(1000);
    const after = await fill(server, rooms, 5);
    expect(await returnTo(server, rooms, after)).toEqual(upTo(5000));
  });
}

for (const query of ["rooms/a?last=10", "rooms/a?after=CURSOR", "events?room=a&room=b&room=c&after=CURSOR"]) {
  test(`${query}: a client that is caught up costs nothing, even if other rooms have newer messages`, async () => {
    const server = startServer({});
    const after = await fill(server, ["a", "b", "d"], 3);
    const { events } = await openEvents(`${server.url}/${query.replace("CURSOR", after)}`);
    await events.until((all) => all.length === (query.startsWith("rooms") ? 3 : 6));
    const ticks = async () => {
      for (let i = 0; i < 50; i++) await new Promise(setImmediate);
    };
    await ticks();
    const { steps } = server.thump.hub.catchUp.work;
    await ticks();
    expect(server.thump.hub.catchUp.work.steps).toBe(steps);
    await server.thump.publish("a", "later");
    await events.until((all) => all.some(({ data }) => data.includes("later")));
  });
}

test("the work per publication grows at most with the logarithm of the number of rooms", async () => {
  const perPublication = async (count: number) => {
    const server = startServer({ rooms: { "*": WIDE } });
    const rooms = roomNames(count);
    const after = await fill(server, rooms, 10_000 / count);
    const joins = rooms.map((room) => ({ room, after }));
    expect(await returnByPost(server, joins, 10_000)).toEqual(upTo(10_000));
    const { steps, comparisons } = server.thump.hub.catchUp.work;
    return { steps: steps / 10_000, comparisons: comparisons / 10_000 };
  };
  const few = await perPublication(10);
  const many = await perPublication(1000);
  // A constant factor is acceptable. Sorting in each piece would take 40 steps per publication.
  expect(many.steps).toBeLessThan(few.steps * 3);
  expect(many.comparisons).toBeLessThan(few.comparisons * 10);
});

/**
 * Joins with the newest 1,000 messages on sockets that report a backlog from the start or after the first message. The
 * backlog is simulated, so the kernel's buffers do not matter.
 */
async function joinStalled(
  { thump, socket }: TestServer,
  sockets: number,
  isStalled: (session: Session) => boolean,
): Promise<void> {
  const { hub } = thump;
  for (let i = 0; i < sockets; i++) {
    const client = await multiplexed(socket("/ws"));
    for (const session of hub.sessions.values()) session.backedUp = () => isStalled(session);
    expect(await client.ask({ type: "join", room: "r", last: 1000 })).toMatchObject({ replay: 1000 });
  }
}

test("for sockets that do not read, the server holds only a position, not the messages", async () => {
  const server = startServer({ rooms: { "*": WIDE } });
  const { hub } = server.thump;
  for (let i = 0; i < 1000; i++) await server.thump.publish("r", `${i} ${"x".repeat(10_000)}`);
  const newest = new WeakRef((await hub.log.newest("r", 1)).publications[0] as object);
  await joinStalled(server, 4, () => true);
  expect(hub.catchUp.backlog.heldBytes).toBe(0);
  await hub.forget("r");
  // Neither the room nor a waiting session holds the deleted message, but garbage collection may take a moment.
  for (let i = 0; newest.deref() && i < 100; i++) {
    await new Promise(setImmediate);
    Bun.gc(true);
  }
  expect(newest.deref()).toBeUndefined();
});

test("messages read from a file for clients that do not read share one memory limit", async () => {
  const server = startServer({ rooms: { "*": WIDE }, store: { kind: "sqlite", dir: folder() } });
  const { backlog } = server.thump.hub.catchUp;
  backlog.limits.heldBytes = 1 << 20;
  const data = "x".repeat(10_000);
  await Promise.all(Array.from({ length: 1000 }, () => server.thump.publish("r", data)));
  await joinStalled(server, 4, ({ sent }) => sent > 0);
  expect(backlog.heldBytes).toBeGreaterThan(0);
  // The slice being sent may push the total over the limit.
  expect(backlog.heldBytes).toBeLessThan((1 << 20) + 256 * 10_300);
});

test("a replay that exceeds the client's rate waits instead of failing, and is complete", async () => {
  const server = startServer({
    access: { secrets: SECRET },
    limits: { rates: { user: { reads: { rate: "2MiB", burst: "64KiB" } } } },
  });
  for (let i = 0; i < 1000; i++) await server.thump.publish("r", i);
  // Only the test moves the clock, so the debt remains, however long the test takes.
  const clock = new Clock(server);
  const headers = bearer(token());
  const client = await multiplexed(server.socket("/ws"), { headers });
  const joined = await client.ask({ type: "join", room: "r", last: 1000 });
  expect(joined).toMatchObject({ type: "joined", replay: 1000 });
  const [session] = server.thump.hub.sessions.values();
  while (!session?.paceTimer) await new Promise(setImmediate);
  // While the replay waits, other reads are rejected, and new messages are sent after the replay.
  expect(await client.ask({ type: "history", room: "r" })).toMatchObject({ type: "error", code: "rate" });
  await server.thump.publish("r", 1000);
  // Moves the clock far enough that the replay continues each time it checks its debt.
  const passing = setInterval(() => clock.pass(1000), 1);
  cleanup(() => clearInterval(passing));
  await client.until(() => client.messages().length === 1001);
  expect(client.messages().map((frame) => frame["data"])).toEqual(upTo(1001));
  expect(client.all.some(({ type }) => type === "gap")).toBe(false);
});

test("a client that returns repeatedly must first pay off the debt of its last replay", async () => {
  const server = startServer({
    access: { secrets: SECRET },
    limits: { rates: { user: { reads: { rate: "60KiB", burst: "60KiB" } } } },
  });
  for (let i = 0; i < 1000; i++) await server.thump.publish("r", i);
  const clock = new Clock(server);
  const headers = bearer(token());
  const join = async () => {
    const client = await multiplexed(server.socket("/ws"), { headers });
    expect(await client.ask({ type: "join", room: "r", last: 1000 })).toMatchObject({ replay: 1000 });
    await client.ask({ type: "ping" });
    client.socket.ws.terminate();
    return client.messages().length;
  };
  const first = await join();
  expect(first).toBeGreaterThan(0);
  for (let i = 0; i < 3; i++) expect(await join()).toBe(0);
  clock.pass(2000);
  expect(await join()).toBe(first);
});
