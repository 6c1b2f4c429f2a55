// Bounded work: bodies and frames are measured and charged before they are parsed, validated or rejected.
import { expect, spyOn, test } from "bun:test";
import type { Options } from "../../src/index.ts";
import { Content } from "../../src/protocol/content.ts";
import { LongWork } from "../../src/scheduling/long-work.ts";
import { dataOf, problemOf, stateOf } from "../support/answers.ts";
import { cleanup } from "../support/cleanup.ts";
import { connect, type Frame, multiplexed } from "../support/clients.ts";
import { metricsOf } from "../support/metrics.ts";
import { startServer, type TestServer } from "../support/server.ts";

const MIB = 1 << 20;
const rate = (burst: number) => ({ rate: 0.001, burst });
/** Marks requests as coming from an external address, which is subject to limits. */
const elsewhere = { "x-forwarded-for": "203.0.113.9" };
const openServer = (options: Options = {}): TestServer => startServer({ open: true, ...options });
const limited = (address: object, options: Options = {}): TestServer =>
  openServer({ proxies: ["loopback"], limits: { rates: { address } }, ...options });

const post = (server: TestServer, path: string, body: string, headers: Record<string, string> = elsewhere) =>
  fetch(`${server.url}${path}`, { method: "POST", body, headers });

interface Result {
  room?: string;
  at?: string;
  error?: { code: string; errors?: object[] };
}

async function resultsOf(answer: Promise<Response>): Promise<Result[]> {
  const response = await answer;
  expect(response.status).toBe(200);
  return ((await response.json()) as { results: Result[] }).results;
}

const codes = (results: Result[]) =>
  Object.groupBy(results, ({ error }) => error?.code ?? "published") as Record<string, Result[]>;

/** Records the length of every text that is parsed from now on. */
function parsedFromNow(): number[] {
  const lengths: number[] = [];
  const parse = JSON.parse.bind(JSON);
  const spy = spyOn(JSON, "parse").mockImplementation((text: string, reviver) => {
    lengths.push(String(text).length);
    return parse(text, reviver) as unknown;
  });
  cleanup(() => spy.mockRestore());
  return lengths;
}

const JUNK = `[${"[],".repeat(330_000)}[]]`;
const TOO_MANY: [name: string, path: string, body: string][] = [
  ["500,000 invalid items", "/publish", `[${"1,".repeat(500_000)}1]`],
  ["items that are arrays", "/publish", JUNK],
  ["one item for 300,000 rooms", "/publish", `{"rooms":[${'"",'.repeat(300_000)}""],"data":1}`],
  ["invalid rooms", "/publish", `{"rooms":${JUNK},"data":1}`],
  ["rooms of many items", "/publish", `[${`{"rooms":["a","b"]},`.repeat(501)}1]`],
  ["rooms of a stream", "/events", JUNK],
];

test.each(TOO_MANY)("%s: rejected by count, without parsing", async (_, path, body) => {
  const server = openServer();
  const parsed = parsedFromNow();
  expect(await problemOf(post(server, path, body))).toMatchObject({ status: 429, code: "limit" });
  expect(Math.max(0, ...parsed)).toBeLessThan(100);
});

const TOO_LARGE: [name: string, body: string, code: string][] = [
  ["an item of 1 MiB of unknown fields", `{"room":"r","x":${JUNK}}`, "malformed"],
  ["data of 1 MiB", `{"room":"r","data":${JUNK}}`, "too-large"],
  ["a text of 1 MiB", `{"room":"r","data":"${"x".repeat(MIB - 100)}"}`, "too-large"],
  ["bytes of 1 MiB", `{"room":"r","data":"${"x".repeat(MIB - 100)}","encoding":"base64"}`, "too-large"],
];

test.each(TOO_LARGE)("%s: rejected without parsing", async (_, body, code) => {
  const server = openServer();
  const parsed = parsedFromNow();
  const response = await post(server, "/publish", `[${body}]`);
  expect(await response.text()).toContain(`"code":"${code}"`);
  expect(Math.max(0, ...parsed)).toBeLessThan(1000);
});

test("a frame is parsed without its data; the data is parsed after it is charged", async () => {
  const server = openServer({ limits: { rates: { session: { publishes: rate(1), requests: rate(2) } } } });
  const client = await multiplexed(server.socket("/ws"));
  await client.find(({ type }) => type === "welcome");
  const parsed = parsedFromNow();
  const data = `[${"[],".repeat(20_000)}[]]`;
  const send = async (frame: string): Promise<Frame> => {
    client.socket.send(frame);
    return client.next();
  };
  const largest = () => Math.max(0, ...parsed.splice(0));
  expect(await send(`{"type":"ping","data":${data}}`)).toMatchObject({ type: "pong" });
  expect(await send(`{"type":"ping","x":${data}}`)).toMatchObject({ code: "malformed" });
  expect(await send(`{"type":"ping","x":${data}}`)).toMatchObject({ code: "rate" });
  const publish = `{"type":"publish","id":1,"room":"r","data":${data}}`;
  // This test itself parses the replies.
  expect(largest()).toBeLessThan(1000);
  expect(await send(publish)).toMatchObject({ type: "published" });
  expect(largest()).toBe(data.length);
  expect(await send(publish)).toMatchObject({ code: "rate" });
  expect(largest()).toBeLessThan(1000);
});

test("an item is parsed once for all its rooms, and may not list a room twice", async () => {
  const server = openServer();
  const rooms = Array.from({ length: 1000 }, (_, i) => `r${i}`);
  const data = `[${"[],".repeat(15_000)}[]]`;
  const parsed = parsedFromNow();
  const results = await resultsOf(
    post(server, "/publish", `{"rooms":${JSON.stringify(rooms)},"data":${data}}`),
  );
  expect(parsed.filter((length) => length === data.length)).toHaveLength(1);
  expect(results.map(({ room, at }) => [room, typeof at])).toEqual(rooms.map((room) => [room, "string"]));
  const twice = await resultsOf(post(server, "/publish", '{"rooms":["mine","other","mine"],"data":1}'));
  expect(twice).toMatchObject([{ error: { code: "invalid", errors: [{ path: "/rooms" }] } }]);
  expect(dataOf(await stateOf(server, "mine"))).toEqual([]);
});

test("data is validated only once per schema", () => {
  let checks = 0;
  const check = () => void checks++;
  const content = Content.json('{"a":1}');
  for (let i = 0; i < 5; i++) expect(content.errors(check, false)).toBeUndefined();
  expect(checks).toBe(1);
});

test("schema errors for large data are not collected", async () => {
  const asked: (boolean | undefined)[] = [];
  const check = (_: unknown, brief?: boolean) => {
    asked.push(brief);
    return brief ? [] : [{ path: "/0", message: "is wrong" }];
  };
  expect(Content.json("[1,2,3]").errors(check, false)).toHaveLength(1);
  expect(Content.json(`[${"1,".repeat(1000)}1]`).errors(check, false)).toEqual([]);
  expect(asked).toEqual([true, undefined, true]);
  const server = openServer({ rooms: { "*": { schema: { type: "array", items: { type: "number" } } } } });
  const refused = post(server, "/rooms/r", `[${'"",'.repeat(20_000)}1]`, {});
  expect(await problemOf(refused)).toMatchObject({ status: 422, code: "invalid" });
});

test("invalid items are charged like others, and only a few errors have details", async () => {
  const server = limited({ publishes: rate(1500) });
  const items = `[${'{"room":7},'.repeat(999)}7]`;
  const invalid = codes(await resultsOf(post(server, "/publish", items)));
  expect(invalid["invalid"]).toHaveLength(1000);
  expect(invalid["invalid"]?.filter(({ error }) => error?.errors)).toHaveLength(10);
  const second = codes(await resultsOf(post(server, "/publish", items)));
  expect(second["invalid"]).toHaveLength(500);
  expect(second["rate"]).toHaveLength(500);
});

test("only a few schema errors have details", async () => {
  const server = openServer({ rooms: { "*": { schema: { type: "object", required: ["text"] } } } });
  const items = JSON.stringify(Array.from({ length: 50 }, () => ({ room: "r", data: [] })));
  const results = await resultsOf(post(server, "/publish", items));
  expect(codes(results)["invalid"]).toHaveLength(50);
  expect(results.filter(({ error }) => error?.errors)).toHaveLength(10);
  const rooms = JSON.stringify({ rooms: Array.from({ length: 50 }, (_, i) => `r${i}`), data: [] });
  const many = await resultsOf(post(server, "/publish", rooms));
  expect(many.filter(({ error }) => error?.errors)).toHaveLength(10);
});

test.each<[name: string, path: string, body: string]>([
  ["not JSON", "/publish", "[{]"],
  ["too many", "/publish", `[${"1,".repeat(2000)}1]`],
  ["too large", "/rooms/r", "x".repeat(70_000)],
  ["forbidden", "/rooms/closed", "x"],
  ["an invalid event", "/publish", '{"room":"r","event":"thump:x"}'],
  ["an invalid room", "/publish", '{"room":""}'],
  ["invalid base64", "/publish", '{"room":"r","data":"?","encoding":"base64"}'],
])("a rejected publication is charged: %s", async (_, path, body) => {
  const server = limited({ publishes: rate(1) }, { rooms: { closed: { publish: "server" } } });
  const codeOf = async () => /"code":"([\w-]+)"/.exec(await (await post(server, path, body)).text())?.[1];
  expect(await codeOf()).not.toBe("rate");
  expect(await codeOf()).toBe("rate");
});

test.each(["/rooms/r", "/publish", "/events"])(
  "POST %s is charged to `requests` before its body is read",
  async (path) => {
    const server = limited({ requests: rate(1) });
    await post(server, path, "[{");
    const refused = await problemOf(post(server, path, "x".repeat(70_000)));
    expect(refused).toMatchObject({ status: 429, code: "rate" });
    expect(
      (await metricsOf(server)).of("thump_rate_limited_total", { scope: "address", kind: "requests" }),
    ).toBe(1);
  },
);

test("rejected publications on sockets are charged too", async () => {
  const rates = { session: { publishes: rate(3) } };
  const server = openServer({ limits: { rates }, rooms: { closed: { publish: "server" } } });
  const client = await multiplexed(server.socket("/ws"));
  const ask = (more: object) => client.ask({ type: "publish", room: "r", data: 1, ...more });
  expect(await ask({ room: "closed" })).toMatchObject({ code: "forbidden" });
  expect(await ask({ event: "thump:x" })).toMatchObject({ code: "invalid-event" });
  expect(await ask({ data: "?", encoding: "base64" })).toMatchObject({ code: "invalid" });
  expect(await ask({})).toMatchObject({ code: "rate" });
  const raw = await connect(server.socket("/rooms/closed"));
  for (let i = 0; i < 4; i++) raw.send("x");
  const told = (await raw.until((frames) => frames.length === 4)).map(
    (frame) => JSON.parse(String(frame)) as Frame,
  );
  expect(told.map(({ code }) => code as string)).toEqual(["forbidden", "forbidden", "forbidden", "rate"]);
});

test("long work runs one slice per tick, one request at a time, and stops when its client disconnects", async () => {
  let gone = false;
  const works = [1, 2, 3].map(() => new LongWork(MIB, () => gone));
  expect(works.map(({ isDue }) => isDue)).toEqual([true, true, true]);
  let tick = 0;
  const count = () => {
    tick++;
    if (tick < 20) setImmediate(count);
  };
  setImmediate(count);
  const ticks = await Promise.all(works.map(async (work) => (await work.pause(), tick)));
  expect(new Set(ticks).size).toBe(works.length);
  expect(new LongWork(100, () => false).isDue).toBe(false);
  gone = true;
  await expect(works[0]?.pause()).rejects.toMatchObject({ code: "malformed" });
});

test("reads that arrive in one packet are answered over several ticks, in order, before a later ping", async () => {
  const server = openServer();
  await server.thump.publish("full", 1);
  const client = await multiplexed(server.socket("/ws"));
  await client.find(({ type }) => type === "welcome");
  // Counts the answers in each tick.
  const { log } = server.thump.hub;
  const perTick: number[] = [];
  let isNew = true;
  const newest = log.newest.bind(log);
  const spy = spyOn(log, "newest").mockImplementation((room, last) => {
    if (isNew) {
      isNew = false;
      perTick.push(0);
      setImmediate(() => void (isNew = true));
    }
    perTick.push((perTick.pop() ?? 0) + 1);
    const until = performance.now() + 1;
    while (performance.now() < until);
    return newest(room, last);
  });
  cleanup(() => spy.mockRestore());
  for (let id = 0; id < 100; id++)
    client.socket.send(JSON.stringify({ type: "history", id, room: "full", last: 1 }));
  client.socket.send('{"type":"ping","id":100}');
  const seen: number[] = [];
  while (seen.length < 101) seen.push((await client.next())["id"] as number);
  expect(seen).toEqual(Array.from({ length: 101 }, (_, id) => id));
  expect(Math.max(...perTick)).toBeLessThan(10);
});

test("a packet of frames that publish nothing is answered over several ticks, in order", async () => {
  const server = openServer({ rooms: { closed: { publish: "server" } } });
  const client = await multiplexed(server.socket("/ws?room=r"));
  await client.find(({ type }) => type === "joined");
  // Records the ticks in which pings are answered.
  let tick = 0;
  let running = true;
  const count = () => {
    tick++;
    if (running) setImmediate(count);
  };
  setImmediate(count);
  cleanup(() => void (running = false));
  const ticks = new Set<number>();
  const { hub } = server.thump;
  const sentUpTo = hub.sentUpTo.bind(hub);
  const spy = spyOn(hub, "sentUpTo").mockImplementation((session) => {
    ticks.add(tick);
    return sentUpTo(session);
  });
  cleanup(() => spy.mockRestore());
  const kinds = [
    { type: "ping" },
    { type: "publish", room: "closed", data: 1 },
    { type: "leave", room: "elsewhere" },
    { type: "nonsense" },
    { type: "publish", room: "r", data: 1 },
  ];
  const frames = Array.from({ length: 1000 }, (_, id) => JSON.stringify({ ...kinds[id % kinds.length], id }));
  for (const frame of frames) client.socket.send(frame);
  const seen: number[] = [];
  while (seen.length < frames.length) seen.push((await client.next())["id"] as number);
  expect(seen).toEqual(frames.map((_, id) => id));
  expect(ticks.size).toBeGreaterThan(3);
});

test("on a socket, only the first few invalid publications in a row get error details", async () => {
  const server = openServer({ rooms: { "*": { schema: { type: "number" } } } });
  const client = await multiplexed(server.socket("/ws"));
  await client.find(({ type }) => type === "welcome");
  const publish = async (data: unknown): Promise<Frame> => {
    client.socket.send(JSON.stringify({ type: "publish", id: 1, room: "r", data }));
    return client.next();
  };
  const refused: Frame[] = [];
  for (let i = 0; i < 12; i++) refused.push(await publish("none"));
  expect(refused.map(({ code }) => code)).toEqual(Array(12).fill("invalid"));
  expect(refused.filter(({ errors }) => errors)).toEqual(refused.slice(0, 10));
  expect(await publish(1)).toMatchObject({ type: "published" });
  expect(await publish("none")).toHaveProperty("errors");
});
