// thump.subscribe(): an async iterator over a room, for code in the same process.
import { expect, test } from "bun:test";
import { type RoomMessage, serve, type ThumpServer } from "../../src/index.ts";
import { cleanup } from "../support/cleanup.ts";

function start(options: Parameters<typeof serve>[0] = {}): ThumpServer {
  const running = serve({ port: 0, demo: false, console: false, drain: 0, ...options });
  cleanup(() => running.stop());
  return running.thump;
}

/** Takes the next items. Messages are reduced to their data. */
async function take(subscription: AsyncIterator<{ type: string }>, count: number): Promise<unknown[]> {
  const items: unknown[] = [];
  while (items.length < count) {
    const { done, value } = await subscription.next();
    if (done) return [...items, "done"];
    items.push(value.type === "message" ? (value as RoomMessage).data : value);
  }
  return items;
}

test("a subscription yields the messages published after the call, with all their fields", async () => {
  const thump = start();
  const subscription = thump.subscribe("a");
  const { at } = await thump.publish("a", { n: 1 }, { event: "e" });
  await thump.publish("b", "elsewhere");
  await thump.publish("a", new Uint8Array([1, 2]));
  const { value } = (await subscription.next()) as { value: RoomMessage };
  expect(value).toMatchObject({ type: "message", at, event: "e", data: { n: 1 }, text: '{"n":1}' });
  expect(Math.abs(value.time - Date.now())).toBeLessThan(10_000);
  expect(await take(subscription, 1)).toEqual([new Uint8Array([1, 2])]);
});

test("stored messages come first, either those after a cursor or the newest", async () => {
  const thump = start();
  const { at } = await thump.publish("a", 1);
  await thump.publish("a", 2);
  await thump.publish("a", 3);
  const after = thump.subscribe("a", { after: at });
  const last = thump.subscribe("a", { last: 1 });
  await thump.publish("a", 4);
  expect(await take(after, 3)).toEqual([2, 3, 4]);
  expect(await take(last, 2)).toEqual([3, 4]);
});

test("a paused loop holds only a position, and later receives all messages in order", async () => {
  const thump = start({ rooms: { "*": { history: { count: 10_000, bytes: "10MB" } } } });
  const subscription = thump.subscribe("a");
  const count = 5000;
  for (let n = 0; n < count; n++) await thump.publish("a", n);
  const queued = subscription as unknown as { unreadBytes(): number };
  expect(queued.unreadBytes()).toBeLessThan(10_000);
  expect(await take(subscription, count)).toEqual(Array.from({ length: count }, (_, n) => n));
  await thump.publish("a", "live again");
  expect(await take(subscription, 1)).toEqual(["live again"]);
});

test("a loop that is too slow receives a gap notice for messages that are no longer stored", async () => {
  const thump = start({ rooms: { "*": { history: { count: 10 } } } });
  const subscription = thump.subscribe("a");
  for (let n = 0; n < 1000; n++) await thump.publish("a", n);
  const items = await take(subscription, 256 + 1 + 10);
  expect(items[256]).toMatchObject({ type: "gap", room: "a" });
  expect(items.slice(257)).toEqual(Array.from({ length: 10 }, (_, n) => 990 + n));
});

test("a subscription yields its start position, and its current position while the room is idle", async () => {
  const thump = start({ heartbeat: "100ms" });
  const { at } = await thump.publish("a", 1);
  const subscription = thump.subscribe("a", { positions: true });
  expect(await take(subscription, 1)).toEqual([{ type: "position", at }]);
  const elsewhere = await thump.publish("b", 1);
  expect(await take(subscription, 1)).toEqual([{ type: "position", at: elsewhere.at }]);
});

test("a subscription ends when its loop exits, when its signal is aborted, on a drain, and when the server closes", async () => {
  const thump = start();
  const left = async () => {
    for await (const item of thump.subscribe("a", { last: 1 })) if (item.type === "message") return item.data;
    return undefined;
  };
  await thump.publish("a", 1);
  expect(await left()).toBe(1);
  expect(thump.sessionsIn("a")).toBe(0);

  const abort = new AbortController();
  const aborted = take(thump.subscribe("a", { signal: abort.signal }), 1);
  abort.abort();
  expect(await aborted).toEqual(["done"]);
  expect(await take(thump.subscribe("a", { signal: abort.signal }), 1)).toEqual(["done"]);
  expect(thump.sessionsIn("a")).toBe(0);

  const drained = take(thump.subscribe("a"), 1);
  await thump.drain();
  expect(await drained).toEqual(["done"]);
  expect(() => thump.subscribe("a")).toThrow(expect.objectContaining({ code: "draining" }));

  const other = start();
  const closed = take(other.subscribe("a"), 1);
  await other.close();
  expect(await closed).toEqual(["done"]);
});

test("invalid names, invalid cursors and the session limit cause errors", () => {
  const thump = start({ limits: { sessions: 1 } });
  const code = (expected: string) => expect.objectContaining({ code: expected });
  expect(() => thump.subscribe("")).toThrow(code("invalid-room"));
  expect(() => thump.subscribe("a", { after: "17" })).toThrow(code("invalid-cursor"));
  thump.subscribe("a");
  expect(() => thump.subscribe("a")).toThrow(code("busy"));
});

test("a subscription does not make a user present", async () => {
  const thump = start({ rooms: { "*": { presence: true } } });
  thump.subscribe("a");
  expect(thump.sessionsIn("a")).toBe(1);
});
