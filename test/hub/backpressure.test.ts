// The arithmetic of lossless fan-out: the bounds add up, and no more than the budget leaves between two looks.
import { expect, test } from "bun:test";
import { randomBytes } from "node:crypto";
import { constants, deflateRawSync } from "node:zlib";
import { FlowBudget, wireBytes, socketLimitsFor } from "../../src/hub/backpressure.ts";
import { randomTest } from "../support/random.ts";

const HELD = 32 * 16 * 1024;

test.each([0, 1, 1024, 64 * 1024, 218_453, 1 << 20, 16 << 20])(
  "high watermark, budget and what Bun holds fit under the limit at %p bytes a message",
  (message) => {
    const { highWatermark, budget, limit } = socketLimitsFor(message);
    expect(highWatermark + budget + HELD).toBeLessThanOrEqual(limit);
    // One message at its largest on the wire: every character escaped, and the longest names.
    expect(budget).toBeGreaterThanOrEqual(wireBytes(message * 6 + 2 * 255 * 2 + 500));
  },
);

randomTest("no more than the budget leaves between two looks", (random) => {
  const socketLimits = socketLimitsFor(random.below(300_000));
  let since = 0;
  let looks = 0;
  const flow = new FlowBudget(socketLimits, () => {
    since = 0;
    looks++;
  });
  for (let i = 0; i < 20_000; i++) {
    const most = socketLimits.budget - wireBytes(socketLimits.budget >>> 10);
    const bytes = random.chance(10) ? random.below(most) : random.below(20_000);
    flow.reserve(bytes);
    // The look comes before these bytes leave.
    since += wireBytes(bytes);
    expect(since).toBeLessThanOrEqual(socketLimits.budget);
    if (random.chance(5)) flow.backedUp();
  }
  expect(looks).toBeGreaterThan(10);
});

test("frames count, not their data alone: so many empty ones are looked at too", () => {
  const socketLimits = socketLimitsFor(1024);
  let looks = 0;
  const flow = new FlowBudget(socketLimits, () => looks++);
  // The frame of an empty message has two bytes.
  for (let i = 0; i < socketLimits.budget / 2; i++) flow.reserve(0);
  expect(looks).toBeGreaterThan(0);
});

test("deflated data of any kind fits what is reserved for it", () => {
  for (const size of [0, 1, 100, 15_000, 16_384, 65_536, 400_000]) {
    const frame = 10 + deflateRawSync(randomBytes(size), { finishFlush: constants.Z_SYNC_FLUSH }).length;
    expect(frame).toBeLessThanOrEqual(wireBytes(size) + 4);
  }
});

test("a backed-up socket calls for a look soon, but not for every message", () => {
  let looks = 0;
  const socketLimits = socketLimitsFor(1024);
  const flow = new FlowBudget(socketLimits, () => looks++);
  for (let i = 0; i < 100; i++) {
    flow.reserve(100);
    flow.backedUp();
  }
  expect(looks).toBe(0);
  flow.reserve(socketLimits.highWatermark);
  flow.backedUp();
  expect(looks).toBe(1);
});
