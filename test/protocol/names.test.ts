// Room names, event names and idempotency keys: valid ones, and the error for each invalid one.
import { expect, test } from "bun:test";
import { checkEventName, checkKey, checkRoomName } from "../../src/protocol/names.ts";
import { codeOf } from "../support/errors.ts";

const allowed = [
  "a",
  "chat:42",
  "with space",
  "a/b?c#d%",
  "...",
  "a..b",
  ".a/b.",
  "🐇",
  "ü".repeat(127),
  "a".repeat(255),
];
const refused: [name: string, why: string][] = [
  ["", "empty"],
  ["a".repeat(256), "256 bytes"],
  ["ü".repeat(128), "256 bytes of UTF-8"],
  ["🐇".repeat(64), "256 bytes of four-byte characters"],
  ["a\nb", "line feed"],
  ["a\rb", "carriage return"],
  ["\u0000", "NUL"],
  ["a\u007f", "DEL"],
  ["a\u0085b", "a C1 control"],
  ["a\u2028b", "line separator"],
  ["\ud800", "lone surrogate"],
];

test.each(allowed)("%p may name a room, an event and a key", (name) => {
  expect(checkRoomName(name)).toBe(name);
  expect(checkEventName(name)).toBe(name);
  expect(checkKey(name)).toBe(name);
});

const unsafe = [".", "..", "./a", "../a", "a/..", "a/./b", "a/../b", "a\\..\\b", "..\\a", "a\ufffdb"];

test.each(unsafe)(
  "%j may name an event or a key, but not a room, because room names occur in paths",
  (name) => {
    expect(codeOf(() => checkRoomName(name))).toBe("invalid-room");
    expect(checkEventName(name)).toBe(name);
    expect(checkKey(name)).toBe(name);
  },
);

test.each(refused)("%j is rejected with a specific code: %s", (name) => {
  expect(codeOf(() => checkRoomName(name))).toBe("invalid-room");
  expect(codeOf(() => checkEventName(name))).toBe("invalid-event");
  expect(codeOf(() => checkKey(name))).toBe("invalid");
});

test("the prefix thump: is reserved in event names, but not in room names", () => {
  expect(codeOf(() => checkEventName("thump:gap"))).toBe("invalid-event");
  expect(codeOf(() => checkEventName("thump:"))).toBe("invalid-event");
  expect(checkEventName("thump")).toBe("thump");
  expect(checkRoomName("thump:gap")).toBe("thump:gap");
});
