// Cursors: valid and invalid ones.
import { expect, test } from "bun:test";
import { formatCursor, newEpoch, parseCursor } from "../../src/protocol/cursor.ts";
import { codeOf, thrown } from "../support/errors.ts";
import { randomTest } from "../support/random.ts";

test("a formatted cursor parses to the same values", () => {
  for (const seq of [0, 1, 1042, Number.MAX_SAFE_INTEGER]) {
    expect(parseCursor(formatCursor("k3f9zq", seq))).toEqual({ epoch: "k3f9zq", seq });
  }
});

test.each([
  ["", "empty"],
  ["k3f9zq", "no seq"],
  ["k3f9zq-", "empty seq"],
  ["-1", "empty epoch"],
  ["k3f9zq-01", "leading zero"],
  ["k3f9zq--1", "negative"],
  ["k3f9zq-1.5", "fraction"],
  ["k3f9zq-1e3", "exponent"],
  ["k3f9zq-9007199254740992", "above the largest safe integer"],
  ["k3f9zq-99999999999999999", "too many digits"],
  ["K3F9ZQ-1", "capitals"],
  ["k3f9zq-1\n", "trailing line break"],
  [" k3f9zq-1", "space before"],
  [`${"a".repeat(33)}-1`, "epoch too long"],
])("%p is not a cursor: %s", (text) => {
  expect(codeOf(() => parseCursor(text))).toBe("invalid-cursor");
});

test("the error for a very long cursor quotes only its beginning", () => {
  expect(thrown(() => parseCursor("x".repeat(100_000))).message.length).toBeLessThan(300);
});

test("epochs fit into cursors and are unique", () => {
  const epochs = Array.from({ length: 200 }, newEpoch);
  for (const epoch of epochs) expect(parseCursor(formatCursor(epoch, 7))).toEqual({ epoch, seq: 7 });
  expect(new Set(epochs).size).toBe(200);
});

randomTest("random text is a cursor only if formatting the parsed value gives the same text", (random) => {
  for (let i = 0; i < 5_000; i++) {
    const valid = new TextEncoder().encode(formatCursor("k3f9zq", random.below(100_000)));
    const text = new TextDecoder().decode(random.mutate(valid));
    let cursor;
    try {
      cursor = parseCursor(text);
    } catch {
      expect(codeOf(() => parseCursor(text))).toBe("invalid-cursor");
      continue;
    }
    expect(formatCursor(cursor.epoch, cursor.seq)).toBe(text);
  }
});
