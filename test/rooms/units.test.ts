// Durations and sizes with units.
import { expect, test } from "bun:test";
import { DURATION_FORM, durationMs, SIZE_FORM, sizeBytes } from "../../src/rooms/units.ts";

test.each([
  [25, 25_000],
  [0.5, 500],
  ["250ms", 250],
  ["90s", 90_000],
  ["1.5m", 90_000],
  ["1h", 3_600_000],
  ["2d", 172_800_000],
])("a duration of %p is %p ms", (written, ms) => {
  expect(durationMs(written)).toBe(ms);
});

test.each([
  [1000, 1000],
  ["64KiB", 65_536],
  ["64KB", 64_000],
  ["1.5MiB", 1_572_864],
  ["2GB", 2_000_000_000],
  ["10B", 10],
  ["0.0001KiB", 0],
])("a size of %p is %p bytes", (written, bytes) => {
  expect(sizeBytes(written)).toBe(bytes);
});

test.each(["", "s", "1", "1 s", "-1s", "1e3s", "1.s", "1S", "1h30m", "1s\n"])(
  "%j is not a duration",
  (text) => {
    expect(text).not.toMatch(new RegExp(DURATION_FORM, "u"));
  },
);

test.each(["", "KiB", "64", "64 KiB", "64kb", "-1B", "1TB"])("%j is not a size", (text) => {
  expect(text).not.toMatch(new RegExp(SIZE_FORM, "u"));
});
