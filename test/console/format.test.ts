// How the console formats numbers, data and URLs.
import { expect, test } from "bun:test";
import {
  ago,
  bytes,
  count,
  dataText,
  duration,
  latency,
  plural,
  rate,
} from "../../src/console/app/format.ts";
import { href, parseRoute, patternOf, type Route } from "../../src/console/app/route.ts";
import { type Item, RoomTail, MAX_LINES } from "../../src/console/app/room-tail.ts";

test.each<[written: string, expected: string]>([
  [count(1234), "1,234"],
  [count(123_456), "123.5K"],
  [rate(0.5), "0.5"],
  [rate(12.4), "12"],
  [bytes(0), "0 B"],
  [bytes(1536), "1.5 KiB"],
  [bytes(300 * 1024), "300 KiB"],
  [bytes(5 * 1024 ** 3), "5 GiB"],
  [latency(null), "–"],
  [latency(0), "0 ms"],
  [latency(0.004), "< 0.01 ms"],
  [latency(0.12), "0.12 ms"],
  [latency(12.6), "13 ms"],
  [latency(1234), "1.2 s"],
  [duration(0), "0 s"],
  [duration(45), "45 s"],
  [duration(3661), "1 h 1 min"],
  [duration(600), "10 min"],
  [duration(86_400 * 2 + 7200), "2 d 2 h"],
  [ago(1000, 1200), "now"],
  [ago(0, 61_000), "1 min ago"],
  [plural(1, "room"), "1 room"],
  [plural(2000, "room"), "2,000 rooms"],
  [dataText({ a: 1 }), '{"a":1}'],
  [dataText("text"), "text"],
  [dataText(new Uint8Array([0, 255])), "2 B: 00 ff"],
  [dataText("x".repeat(100), 3), "xxx … (100 characters)"],
])("%s", (written, expected) => expect(written).toBe(expected));

test.each<Route>([
  { page: "overview" },
  { page: "rooms", search: "a b&c", sort: "name", cursor: "x:ü/y", from: 100 },
  { page: "room", name: "chat:ä/ö?#&%" },
  { page: "sessions", room: "r?", user: "ü", lagging: true, cursor: "12.ab", from: 3 },
  { page: "session", id: "ab-_c" },
  { page: "rules", room: "x/y" },
])("a view's URL parses to the same view: %j", (route) => {
  expect(parseRoute(href(route))).toEqual(route);
});

test.each(["", "#", "#/", "#/nothing", "#/room", "#/room/", "#x"])("%p selects the overview", (hash) => {
  expect(parseRoute(hash)).toEqual({ page: "overview" });
});

test("an invalid URL still has a route", () => {
  expect(parseRoute("#/room/%E0%A4%A")).toEqual({ page: "room", name: "%E0%A4%A" });
});

test.each([
  ["", "*"],
  [" chat ", "*chat*"],
  ["chat:*", "chat:*"],
  ["user:{id}", "user:{id}"],
  ["thump:stats", "thump:stats"],
])("a search for %p uses the pattern %p", (search, pattern) => expect(patternOf(search)).toBe(pattern));

const line = (data: unknown) => ({ data, event: "message", at: "", from: undefined, time: 0 });
const shown = (items: readonly Item[]) => items.map((item) => ("gap" in item ? "gap" : item.data));

test("a paused tail shows the messages that arrived during the pause once it resumes, in order", () => {
  const tail = new RoomTail();
  tail.add(line(1));
  tail.pause();
  tail.add(line(2));
  tail.add({ gap: { after: "a", at: "b" } });
  expect(shown(tail.items)).toEqual([1]);
  expect(tail.waiting).toBe(2);
  tail.resume();
  tail.add(line(3));
  expect(shown(tail.items)).toEqual([1, 2, "gap", 3]);
  expect(tail.waiting).toBe(0);
  tail.clear();
  expect(tail.items).toEqual([]);
});

test("a tail is bounded, paused or not, and reports the number of waiting messages", () => {
  const tail = new RoomTail();
  for (let i = 0; i < 5000; i++) tail.add(line(i));
  expect(tail.items.length).toBeWithin(MAX_LINES, MAX_LINES * 2 + 1);
  expect(shown(tail.items).at(-1)).toBe(4999);
  tail.pause();
  for (let i = 0; i < 5000; i++) tail.add(line(-i));
  expect(tail.waiting).toBe(5000);
  tail.resume();
  expect(tail.items).toHaveLength(MAX_LINES);
  expect(shown(tail.items).at(-1)).toBe(-4999);
});
