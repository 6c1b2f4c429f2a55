// Redis evicts or expires keys, or a test deletes them. A reader still gets every publication, or a gap notice in place
// of the missing ones.
import { expect, test } from "bun:test";
import { dataOf, publishAt, type State, stateOf } from "../support/answers.ts";
import { LinkProxy } from "../support/link-proxy.ts";
import { collect, connect, Inbox, multiplexed, type Socket } from "../support/clients.ts";
import { longTests } from "../support/long.ts";
import { parseMetrics } from "../support/metrics.ts";
import { readyNode, type TestNode, until } from "../support/nodes.ts";
import { folder, startProcess } from "../support/process.ts";
import { noRedis, RedisServer } from "../support/redis.ts";
import { describeIf } from "../support/skip.ts";
import { openEvents, openMultiplexed, openNdjson, type OpenStream } from "../support/streams.ts";

const POLICIES = ["allkeys-lru", "allkeys-random", "volatile-lru", "volatile-ttl"];
const longTest = longTests(POLICIES.length);

const ROOMS = 500;
const EACH = 10;
/** 500 × 10 publications of this size do not fit into 8 MB. */
const PAD = "x".repeat(1500);
const HISTORY = { history: { count: 1000, age: "1h", bytes: "64MiB" } };
const OPTIONS = { rooms: { "*": HISTORY } };

/** The items that a reader received, in order: numbered publications and gap notices. */
type Received = (number | "gap")[];

/** Finds the publications and gap notices in a text. */
function read(text: string): Received {
  return Array.from(text.matchAll(/"n":(\d+)|"type":"gap"|event: thump:gap|"gap":\{/g), ([, n]) =>
    n === undefined ? "gap" : Number(n),
  );
}

const body = (n: number) => JSON.stringify({ n, pad: PAD });

/**
 * Resumes a room after a cursor and calls `onStart`. Returns the received items once publication `last` has arrived.
 */
type Resume = (
  node: TestNode,
  room: string,
  after: string,
  onStart: () => Promise<number>,
) => Promise<Received>;

/**
 * Reads until publication `last` has arrived.
 * @throws Error if the response ends earlier or is refused
 */
async function readUpTo<T>(last: number, inbox: Inbox<T>, ended: Promise<unknown>): Promise<Received> {
  const text = () => inbox.all.join("\n");
  const done = inbox.until(() => read(text()).includes(last) || text().includes('"type":"error"'));
  const early = ended.then(() => Promise.reject(new Error("the response ended too early")));
  await Promise.race([done, early]);
  const received = read(text());
  if (!received.includes(last)) throw new Error("it was refused");
  return received;
}

async function fromStream(opening: Promise<OpenStream>, onStart: () => Promise<number>): Promise<Received> {
  const stream = await opening;
  const received = await readUpTo(await onStart(), stream.lines, stream.ended);
  stream.abort();
  return received;
}

async function fromSocket(socket: Socket, onStart: () => Promise<number>): Promise<Received> {
  const received = await readUpTo(await onStart(), socket, socket.closed);
  socket.ws.terminate();
  return received;
}

async function fromAnswer(url: string, onStart: () => Promise<number>): Promise<Received> {
  await onStart();
  const answer = await fetch(url);
  if (!answer.ok) throw new Error(`the status is ${answer.status}`);
  return read(await answer.text());
}

/**
 * Retries, because Redis may evict the log's own keys too, and the server refuses clients while the log starts a new
 * epoch.
 */
async function persist(run: () => Promise<Received>): Promise<Received> {
  for (;;) {
    try {
      return await run();
    } catch {
      // The test's time limit ends the loop.
      await Bun.sleep(10);
    }
  }
}

const RESUMES: Record<string, Resume> = {
  "GET ?after": (node, room, after, onStart) => fromAnswer(node.room(room, `?after=${after}`), onStart),
  "long poll": (node, room, after, onStart) => fromAnswer(node.room(room, `?after=${after}&wait=1`), onStart),
  "event stream": (node, room, after, onStart) =>
    fromStream(openEvents(node.room(room), { "last-event-id": after }), onStart),
  "event stream of several rooms": (node, room, after, onStart) =>
    fromStream(openEvents(`${node.url}/events?room=${room}`, { "last-event-id": after }), onStart),
  NDJSON: (node, room, after, onStart) => fromStream(openNdjson(node.room(room, `?after=${after}`)), onStart),
  "multiplexed stream": (node, room, after, onStart) =>
    fromStream(openMultiplexed(node.url, [{ room, after, id: 1 }]), onStart),
  "raw socket": async (node, room, after, onStart) =>
    fromSocket(await connect(node.socket(`/rooms/${room}?after=${after}`)), onStart),
  "multiplexed socket": async (node, room, after, onStart) => {
    const { socket } = await multiplexed(node.socket("/ws"));
    socket.send(JSON.stringify({ type: "join", room, after, id: 1 }));
    await socket.until((all) => all.some((text) => /"joined"|"error"/.test(String(text))));
    return fromSocket(socket, onStart);
  },
};

/** Throws unless each publication directly follows the previous one or a gap notice. */
function check(what: string, received: Received, after: number, last: number): "complete" | "reported" {
  let at = after;
  let gap = false;
  let reported = false;
  for (const one of received) {
    if (one === "gap") [gap, reported] = [true, true];
    else {
      if (one <= at) throw new Error(`${what}: ${one} after ${at}: ${received.join(" ")}`);
      if (one !== at + 1 && !gap)
        throw new Error(`${what}: ${one} after ${at} without a gap: ${received.join(" ")}`);
      [at, gap] = [one, false];
    }
  }
  if (at !== last && !gap)
    throw new Error(`${what}: ends with ${at} of ${last} without a gap: ${received.join(" ")}`);
  return reported ? "reported" : "complete";
}

/** Publishes, and retries while Redis is full or the log starts a new epoch. Returns the cursor. */
async function publishUntilTaken(node: TestNode, room: string, data: string): Promise<string> {
  for (;;) {
    const response = await node.publish(room, data);
    const { at } = (await response.json()) as { at: string };
    if (response.status === 201) return at;
    expect(response.status).toBe(503);
    await Bun.sleep(10);
  }
}

async function stateWhenKnown(node: TestNode, room: string, query: string): Promise<State> {
  for (;;) {
    const response = await fetch(node.room(room, query));
    if (response.ok) return (await response.json()) as State;
    expect(response.status).toBe(503);
    await Bun.sleep(10);
  }
}

/** Runs a function for each room, a few at a time. */
async function forRooms(count: number, run: (i: number) => Promise<void>): Promise<void> {
  let next = 0;
  const worker = async () => {
    while (next < count) await run(next++);
  };
  await Promise.all(Array.from({ length: 20 }, worker));
}

async function smallRedis(policy: string): Promise<RedisServer> {
  return RedisServer.start("--maxmemory", "8mb", "--maxmemory-policy", policy);
}

async function evictedBy(redis: RedisServer): Promise<number> {
  return Number(/evicted_keys:(\d+)/.exec(String(await redis.ask("INFO", "stats")))?.[1]);
}

/** Starts a server in a separate process and waits until it is ready. Returns its URL and log lines. */
async function serve(redis: RedisServer): Promise<{ url: string; log: Inbox<string> }> {
  const store = { kind: "redis", url: redis.url, check: 0.2 };
  const dir = folder({ "thump.config.json": JSON.stringify({ store }) });
  const started = await startProcess(["--port", "0", "--config", `${dir}/thump.config.json`]);
  const log = new Inbox<string>();
  void collect(started.process.stderr, log);
  await until(async () => (await fetch(`${started.url}/readyz`)).ok);
  return { url: started.url, log };
}

/** The number of evicted keys according to a server's metrics. */
async function evictedOf(url: string): Promise<number> {
  return parseMetrics(await (await fetch(`${url}/metrics`)).text()).of("thump_redis_evicted_total");
}

describeIf(noRedis)("evictions and deletions cause gap notices", () => {
  for (const policy of POLICIES)
    longTest(
      `with 8 MB and ${policy}, each room is complete or reports a gap, on every transport that resumes`,
      async () => {
        const redis = await smallRedis(policy);
        const node = await readyNode(redis.url, OPTIONS);
        const reader = await readyNode(redis.url, OPTIONS);
        const cursors: string[] = [];
        const numbers: number[] = [];
        for (let n = 0; n < EACH; n++)
          await forRooms(ROOMS, async (i) => {
            const at = await publishUntilTaken(node, `room-${i}`, body(n));
            if (n === 0) cursors[i] = at;
            numbers[i] = n;
          });
        expect(await evictedBy(redis)).toBeGreaterThan(0);
        const publishNext = async (i: number) => {
          const n = (numbers[i] as number) + 1;
          await publishUntilTaken(node, `room-${i}`, body(n));
          return (numbers[i] = n);
        };
        const outcomes = { complete: 0, reported: 0 };
        const ways = Object.entries(RESUMES);
        // One more message is published during each resume, so that other rooms are evicted during the reads.
        await forRooms(ROOMS, async (i) => {
          const [way, resume] = ways[i % ways.length] as [string, Resume];
          const received = await persist(() =>
            resume(reader, `room-${i}`, cursors[i] as string, () => publishNext(i)),
          );
          outcomes[check(`${way}, room ${i}`, received, 0, numbers[i] as number)]++;
        });
        expect(outcomes.complete + outcomes.reported).toBe(ROOMS);
        expect(outcomes.reported).toBeGreaterThan(0);
        // A read of the newest messages has no holes, and reports that older messages were removed.
        await forRooms(ROOMS, async (i) => {
          const { at, messages, gap } = await stateWhenKnown(reader, `room-${i}`, "?last=1000");
          const received = messages.map(({ data }) => (data as { n: number }).n);
          const begin = received[0] ?? Number.NaN;
          expect(received).toEqual(received.map((_, k) => begin + k));
          const whole = begin === 0 && received.at(-1) === numbers[i];
          // A log that lost its own hash has a new epoch and no record of earlier rooms.
          const renewed = at.split("-")[0] !== cursors[i]?.split("-")[0];
          expect([i, received, whole || gap !== undefined || renewed]).toEqual([i, received, true]);
        });
      },
      120_000,
    );

  /** Damages the keys of a room or of the log. */
  type Harm = (
    redis: RedisServer,
    names: Record<"hash" | "stream" | "index" | "rooms" | "log", string>,
  ) => unknown;
  test.each<[name: string, harm: Harm, whole: boolean]>([
    [
      "a room's hash is lost, but its stream has everything",
      (redis, { hash }) => redis.ask("DEL", hash),
      true,
    ],
    ["a room's stream is lost", (redis, { stream }) => redis.ask("DEL", stream), false],
    ["a room's hash and stream are lost", (redis, { hash, stream }) => redis.ask("DEL", hash, stream), false],
    [
      "both expired",
      (redis, { hash, stream }) => Promise.all([hash, stream].map((key) => redis.ask("PEXPIRE", key, -1))),
      false,
    ],
    [
      "the index, then both",
      async (redis, { hash, stream, index }) => {
        await redis.ask("DEL", index);
        await redis.ask("DEL", hash, stream);
      },
      false,
    ],
    ["only the index is lost", (redis, { index }) => redis.ask("DEL", index), true],
    ["the list of rooms is lost", (redis, { rooms }) => redis.ask("DEL", rooms), true],
    ["an entry in the middle is lost", (redis, { stream }) => redis.ask("XDEL", stream, "3-0"), false],
    ["the log's own hash is lost", (redis, { log }) => redis.ask("DEL", log), false],
    ["the database was flushed", (redis) => redis.ask("FLUSHDB"), false],
  ])("%s", async (_, harm, whole) => {
    const redis = await RedisServer.start();
    const node = await readyNode(redis.url, OPTIONS);
    const { epoch, names } = node.log;
    const room = "a";
    const first = await publishAt(node, room, "1");
    for (const n of [2, 3, 4]) await publishAt(node, room, String(n));
    await harm(redis, {
      hash: names.room(epoch, room),
      stream: names.stream(epoch, room),
      index: names.index(epoch),
      rooms: names.rooms(epoch),
      log: names.log,
    });
    // Reads fail until the log has started its new epoch.
    const before = await stateWhenKnown(node, room, `?after=${first}`);
    if (whole) expect(before.gap).toBeUndefined();
    else expect(before.gap).toMatchObject({ after: first });
    // The notice advances the client's cursor, so the client receives it only once.
    const again = await stateOf(node, room, `?after=${before.at}`);
    expect([again.gap, again.messages]).toEqual([undefined, []]);
    await publishAt(node, room, "5");
    expect(dataOf(await stateOf(node, room, `?after=${before.at}`))).toEqual([5]);
    const after = await stateOf(node, room, `?after=${first}`);
    expect(after.gap !== undefined).toBe(!whole);
    if (whole) expect(dataOf(after)).toEqual([2, 3, 4, 5]);
    // Reads of the newest messages have no holes either.
    expect([[5], [4, 5], [1, 2, 3, 4, 5]]).toContainEqual(dataOf(await stateOf(node, room)) as number[]);
  });

  test("a room that was never used has no gap, even if other rooms were lost", async () => {
    const redis = await RedisServer.start();
    const node = await readyNode(redis.url, OPTIONS);
    const before = await publishAt(node, "used", "1");
    const { epoch, names } = node.log;
    await redis.ask("DEL", names.room(epoch, "used"), names.stream(epoch, "used"));
    expect((await stateOf(node, "used", `?after=${epoch}-0`)).gap).toBeDefined();
    await publishAt(node, "used", "2");
    expect((await stateOf(node, "unused", `?after=${before}`)).gap).toBeUndefined();
  });

  test("if a room is lost while a node is cut off, the node's live clients receive a gap notice", async () => {
    const redis = await RedisServer.start();
    const link = await LinkProxy.start(redis.port);
    const near = await readyNode(redis.url, OPTIONS);
    const far = await readyNode(`redis://127.0.0.1:${link.port}`, OPTIONS);
    const { epoch, names } = near.log;
    const listener = await openEvents(far.room("a"));
    const quiet = await openEvents(far.room("b"));
    await publishAt(near, "b", "1");
    await publishAt(near, "a", "1");
    await listener.events.next();
    link.refuse();
    await until(() => far.log.fault !== undefined);
    await publishAt(near, "a", "lost");
    await redis.ask("DEL", names.room(epoch, "a"), names.stream(epoch, "a"));
    link.accept();
    await until(() => far.log.fault === undefined);
    await publishAt(near, "a", "2");
    await publishAt(near, "b", "2");
    await listener.events.until((all) => all.length === 3);
    expect(listener.events.all.map(({ event, data }) => event ?? data)).toEqual(["1", "thump:gap", "2"]);
    await quiet.events.until((all) => all.length === 2);
    expect(quiet.events.all.map(({ event, data }) => event ?? data)).toEqual(["1", "2"]);
  });

  test("if several rooms are lost at once, a client in all of them receives a notice for each and continues", async () => {
    const redis = await RedisServer.start();
    const link = await LinkProxy.start(redis.port);
    const near = await readyNode(redis.url, OPTIONS);
    const far = await readyNode(`redis://127.0.0.1:${link.port}`, OPTIONS);
    const { epoch, names } = near.log;
    const rooms = ["a", "b", "c", "d"];
    const query = rooms.map((room) => `room=${room}`).join("&");
    const stream = await openEvents(`${far.url}/events?${query}`);
    link.refuse();
    await until(() => far.log.fault !== undefined);
    for (const room of rooms) {
      await publishAt(near, room, "lost");
      await redis.ask("DEL", names.room(epoch, room), names.stream(epoch, room));
    }
    link.accept();
    await stream.events.until((all) => all.length === rooms.length);
    const notices = stream.frames.map(({ type, room }) => `${type} ${room}`);
    expect(notices.toSorted()).toEqual(rooms.map((room) => `gap ${room}`));
    for (const room of rooms) await publishAt(near, room, "next");
    await stream.events.until((all) => all.length === 2 * rooms.length);
    expect(stream.frames.slice(4).map(({ data }) => data)).toEqual(rooms.map(() => "next"));
  });

  test("a server warns at startup that Redis may evict keys, and later that it did", async () => {
    const redis = await smallRedis("allkeys-random");
    const { url, log } = await serve(redis);
    await log.until((lines) => lines.some((line) => line.includes("maxmemory-policy allkeys-random")));
    expect(await evictedOf(url)).toBe(0);
    for (let i = 0; i < 10; i++) await redis.ask("SET", `other-${i}`, "x".repeat(1_000_000));
    await log.until((lines) => lines.some((line) => /Redis evicted [1-9]/.test(line)));
    expect(await evictedOf(url)).toBeGreaterThan(0);
  });

  test("there is no warning if nothing is evicted", async () => {
    const { log } = await serve(await RedisServer.start());
    expect(log.all.filter((line) => line.includes("evict"))).toEqual([]);
  });
});
