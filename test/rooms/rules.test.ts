// Rules: the first matching pattern applies, missing settings have defaults, and schemas validate data.
import { expect, test } from "bun:test";
import { Type } from "typebox";
import { Rules } from "../../src/rooms/rules.ts";

test("the first matching pattern applies, in the order of the config", () => {
  const rules = new Rules({
    "chat:vip": { publish: "server" },
    "chat:*": { publish: "members" },
    "chat:late": { publish: "server" },
    "*": { join: "server" },
  });
  expect(rules.of("chat:vip").pattern).toBe("chat:vip");
  expect(rules.of("chat:late").pattern).toBe("chat:*");
  expect(rules.of("other").pattern).toBe("*");
});

test("a room that no pattern matches gets the defaults", () => {
  const { retention, ownerOf, ...rest } = new Rules({ a: { publish: "server" } }).of("b");
  const anyone = { join: "anyone", publish: "anyone", history: "anyone", members: "anyone" };
  expect(rest).toEqual({
    pattern: "*",
    lag: "catch-up",
    compressOver: Infinity,
    compressStreams: false,
    ...anyone,
  } as typeof rest);
  expect(ownerOf("b")).toBeUndefined();
  expect(retention).toEqual({ count: 1000, age: 600_000, bytes: 1 << 20 });
});

test("access levels come from the rule or the server; `history` and `members` default to the level of `join`", () => {
  const rules = new Rules(
    {
      "news:*": { join: "anyone" },
      "club:*": { join: "users", members: "server", history: { read: "granted" } },
      "log:*": { join: "server", history: false },
    },
    "granted",
  );
  const levels = (room: string) => {
    const { join, publish, history, members } = rules.of(room);
    return [join, publish, history, members];
  };
  expect(levels("news:1")).toEqual(["anyone", "granted", "anyone", "anyone"]);
  expect(levels("club:1")).toEqual(["users", "granted", "granted", "server"]);
  expect(levels("log:1")).toEqual(["server", "granted", "server", "server"]);
  expect(levels("other")).toEqual(["granted", "granted", "granted", "granted"]);
});

test.each<[pattern: string, room: string, owner: string | undefined]>([
  ["user:{id}", "user:u7", "u7"],
  ["user:{id}:*", "user:u7:inbox:1", "u7"],
  ["{org}:{id}", "acme:u7", "u7"],
  ["{id}", "u7", "u7"],
  ["*:{id}", "a:u7", undefined],
  ["user:{id}-{x}", "user:u7-1", undefined],
  ["user:{name}", "user:u7", undefined],
  ["user:*", "user:{id}", undefined],
])("in a rule for %s the room %s belongs to %s", (pattern, room, owner) => {
  expect(new Rules({ [pattern]: {} }).of(room).ownerOf(room)).toBe(owner as string);
});

test("units in a rule are parsed; omitted fields keep their defaults", () => {
  const rules = new Rules({ a: { history: { age: "1h", bytes: "64KiB" } }, b: { history: { age: 30 } } });
  expect(rules.of("a").retention).toEqual({ count: 1000, age: 3_600_000, bytes: 65_536 });
  expect(rules.of("b").retention.age).toBe(30_000);
});

test("presence is off by default, and has defaults of its own", () => {
  const rules = new Rules({
    on: { presence: true },
    set: { presence: { grace: "90s", list: 7, info: false } },
    some: { presence: { grace: 0.5 } },
    off: { presence: false },
  });
  expect(rules.of("on").presence).toEqual({ grace: 5000, list: 100, info: true });
  expect(rules.of("set").presence).toEqual({ grace: 90_000, list: 7, info: false });
  expect(rules.of("some").presence).toEqual({ grace: 500, list: 100, info: true });
  for (const room of ["off", "other"]) expect(rules.of(room)).not.toHaveProperty("presence");
});

test("history: false stores nothing", () => {
  expect(new Rules({ a: { history: false } }).of("a").retention.count).toBe(0);
});

test("rooms under the same rule share one retention object; rooms under different rules do not", () => {
  const rules = new Rules({ "a:*": { history: false }, "b:*": { history: false } });
  expect(rules.of("a:1").retention).toBe(rules.of("a:2").retention);
  expect(rules.of("a:1").retention).not.toBe(rules.of("b:1").retention);
});

test("a TypeBox schema reports the error and its path", () => {
  const schema = Type.Object({ text: Type.String(), "a/b": Type.Optional(Type.Number()) });
  const { check } = new Rules({ a: { schema } }).of("a");
  expect(check?.({ text: "hi" })).toBeUndefined();
  expect(check?.({})).toEqual([{ path: "/text", message: "is required" }]);
  expect(check?.({ text: 1 })?.[0]?.path).toBe("/text");
  expect(check?.({ text: "", "a/b": "x" })?.[0]?.path).toBe("/a~1b");
});

test("a plain JSON Schema works the same way", () => {
  const { check } = new Rules({ a: { schema: { type: "array", items: { type: "integer" } } } }).of("a");
  expect(check?.([1, 2])).toBeUndefined();
  expect(check?.([1, "2"])?.[0]?.path).toBe("/1");
});

test("data with a thousand errors gets a response that lists only a few", () => {
  const { check } = new Rules({ a: { schema: Type.Array(Type.Integer()) } }).of("a");
  const { length } = check?.(Array.from({ length: 1000 }, () => "x")) ?? [];
  expect(length).toBeGreaterThan(0);
  expect(length).toBeLessThanOrEqual(10);
});
