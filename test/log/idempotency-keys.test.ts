// Idempotency keys are stored for a limited time and in limited number.
import { expect, test } from "bun:test";
import { hashDraft, IdempotencyKeys, scopedKey } from "../../src/log/idempotency-keys.ts";
import type { Data } from "../../src/protocol/data.ts";

const at = (seq: number, time = 0) => ({ seq, prev: 0, time });

test("a key is remembered with its position until it expires", () => {
  const keys = new IdempotencyKeys(10, 100);
  keys.set("a", at(1, 1000));
  expect(keys.get("a", 1099)).toEqual(at(1, 1000));
  expect(keys.get("a", 1100)).toBeUndefined();
  expect(keys.get("b", 1000)).toBeUndefined();
});

test("the oldest key is removed when there are too many", () => {
  const keys = new IdempotencyKeys(3, 100);
  for (const [i, key] of ["a", "b", "c", "d"].entries()) keys.set(key, at(i));
  expect(keys.size).toBe(3);
  expect(["a", "b", "c", "d"].map((key) => keys.get(key, 0)?.seq)).toEqual([undefined, 1, 2, 3]);
});

test("a key that is set again becomes the newest and is not stored twice", () => {
  const keys = new IdempotencyKeys(2, 100);
  keys.set("a", at(1));
  keys.set("b", at(2));
  keys.set("a", at(3));
  keys.set("c", at(4));
  expect(["a", "b", "c"].map((key) => keys.get(key, 0)?.seq)).toEqual([3, undefined, 4]);
});

test("a trim removes expired keys and keeps the others", () => {
  const keys = new IdempotencyKeys(10, 100);
  keys.set("old", at(1, 1000));
  keys.set("new", at(2, 1050));
  keys.trim(1120);
  expect(keys.size).toBe(1);
  expect(keys.get("new", 1120)?.seq).toBe(2);
});

test("key names in the log are unambiguous, whatever the rooms, users, scopes and keys contain", () => {
  const named = (room: string, from: string | undefined, key: string, scope?: string) =>
    scopedKey({ room, from, scope, event: "message", data: { kind: "text", text: "" } }, key);
  const all = [
    named("r", undefined, "k"),
    named("r", "", "k"),
    named("r", "null", "k"),
    named("r", "u", "k"),
    named("r2", "u", "k"),
    named("r", "u", "k2"),
    named('r","u', undefined, "k"),
    named("r", 'u","k', ""),
    named("r", undefined, "k", "code"),
    named("r", "u", "k", "code"),
    named("r", undefined, 'k","code'),
    named("r", undefined, "k", "key:a"),
  ];
  expect(new Set(all).size).toBe(all.length);
});

test("a draft's hash depends on its event, its data and its data's kind", () => {
  const hash = (data: Data, event = "message") => hashDraft({ room: "r", event, data });
  const bytes = new TextEncoder().encode("5");
  const all = [
    hash({ kind: "text", text: "5" }),
    hash({ kind: "json", text: "5" }),
    hash({ kind: "binary", bytes }),
    hash({ kind: "json", text: "5.0" }),
    hash({ kind: "text", text: "5" }, "tick"),
    hash({ kind: "text", text: "k\n5" }, "tic"),
    hash({ kind: "text", text: "5" }, "tic\nk"),
  ];
  expect(new Set(all).size).toBe(all.length);
  expect(hash({ kind: "binary", bytes: bytes.slice() })).toBe(all[2] as string);
});
