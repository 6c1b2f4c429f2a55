import { expect, test } from "bun:test";
import { SteadyClock } from "../../src/log/clock.ts";

const START = 1_700_000_000_000;
const HOUR = 3_600_000;

/** A simulated machine that can sleep and whose clock can be set. */
function machine() {
  const time = { wall: START, stopwatch: 5, asleep: 0 };
  const clock = new SteadyClock({
    wall: () => time.wall,
    stopwatch: () => time.stopwatch,
    asleep: () => time.asleep,
  });
  return {
    clock,
    time,
    pass(ms: number) {
      time.wall += ms;
      time.stopwatch += ms;
    },
  };
}

test("the clock follows the machine's clock until the machine's clock is set", () => {
  const { clock, time, pass } = machine();
  for (const ms of [0, 1, 999, HOUR]) {
    pass(ms);
    expect(clock.now()).toBe(time.wall);
  }
  // A small correction, such as a time service makes.
  time.wall += 900;
  expect(clock.now()).toBe(time.wall);
});

test.each([HOUR, -HOUR])(
  "after a step of %d ms the clock continues, and is correct again after ten times that",
  (step) => {
    const { clock, time, pass } = machine();
    time.wall += step;
    expect(clock.now()).toBe(START);
    pass(1000);
    expect(clock.now()).toBe(START + 1000 + Math.sign(step) * 100);
    for (let left = HOUR * 10 - 1000; left > 0; left -= 1000) pass(1000);
    expect(clock.now()).toBe(time.wall);
    pass(1000);
    expect(clock.now()).toBe(time.wall);
  },
);

test("the clock never goes backwards", () => {
  const { clock, time, pass } = machine();
  let before = clock.now();
  for (let i = 0; i < 1000; i++) {
    pass(i % 7);
    if (i % 100 === 50) time.wall -= HOUR;
    if (i % 100 === 70) time.wall += 30 * 60_000;
    const now = clock.now();
    expect(now).toBeGreaterThanOrEqual(before);
    before = now;
  }
});

test("a night of sleep does not count as a clock step", () => {
  const { clock, time } = machine();
  time.wall += 8 * HOUR;
  time.asleep += 8 * HOUR - 700;
  expect(clock.now()).toBe(time.wall);
  // The clock was set during the sleep.
  time.wall += 2 * HOUR;
  time.asleep += HOUR;
  expect(clock.now()).toBe(time.wall - HOUR);
});
