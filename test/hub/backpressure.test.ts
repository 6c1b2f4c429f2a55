// The arithmetic of lossless fan-out: the limits add up, and no more than the budget is published between sweeps.
import { expect, test } from "bun:test";
import { randomBytes } from "node:crypto";
import { constants, deflateRawSync } from "node:zlib";
import { FlowBudget, wireBytes, socketLimitsFor } from "../../src/hub/backpressure.ts";
import { randomTest } from "../support/random.ts";

const UNCOUNTED = 32 * 16 * 1024;

test.each([0, 1, 1024, 64 * 1024, 218_453, 1 << 20, 16 << 20])(
  "the high watermark, the budget and Bun's uncounted bytes add up to less than the limit, at %p bytes per message",
  (message) => {
    const { highWatermark, budget, limit } = socketLimitsFor(message);
    expect(highWatermark + budget + UNCOUNTED).toBeLessThanOrEqual(limit);
    // The largest possible message on the wire: every character escaped, and the longest names.
    expect(budget).toBeGreaterThanOrEqual(wireBytes(message * 6 + 2 * 255 * 2 + 500));
  },
);

randomTest("no more than the budget is published between sweeps", (random) => {
  const socketLimits = socketLimitsFor(random.below(300_000));
  let published = 0;
  let sweeps = 0;
  const flow = new FlowBudget(socketLimits, () => {
    published = 0;
    sweeps++;
  });
  for (let i = 0; i < 20_000; i++) {
    const max = socketLimits.budget - wireBytes(socketLimits.budget >>> 10);
    const bytes = random.chance(10) ? random.below(max) : random.below(20_000);
    flow.reserve(bytes);
    // The sweep runs before these bytes are sent.
    published += wireBytes(bytes);
    expect(published).toBeLessThanOrEqual(socketLimits.budget);
    if (random.chance(5)) flow.backedUp();
  }
  expect(sweeps).toBeGreaterThan(10);
});

test("frame headers count in addition to data: many empty frames cause a sweep too", () => {
  const socketLimits = socketLimitsFor(1024);
  let sweeps = 0;
  const flow = new FlowBudget(socketLimits, () => sweeps++);
  // An empty message's frame has two bytes.
  for (let i = 0; i < socketLimits.budget / 2; i++) flow.reserve(0);
  expect(sweeps).toBeGreaterThan(0);
});

test("deflated data of any kind fits into the bytes reserved for it", () => {
  for (const size of [0, 1, 100, 15_000, 16_384, 65_536, 400_000]) {
    const frame = 10 + deflateRawSync(randomBytes(size), { finishFlush: constants.Z_SYNC_FLUSH }).length;
    expect(frame).toBeLessThanOrEqual(wireBytes(size) + 4);
  }
});

test("a backed-up socket causes an early sweep, but not one per message", () => {
  let sweeps = 0;
  const socketLimits = socketLimitsFor(1024);
  const flow = new FlowBudget(socketLimits, () => sweeps++);
  for (let i = 0; i < 100; i++) {
    flow.reserve(100);
    flow.backedUp();
  }
  expect(sweeps).toBe(0);
  flow.reserve(socketLimits.highWatermark);
  flow.backedUp();
  expect(sweeps).toBe(1);
});
