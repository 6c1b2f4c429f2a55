// The clock of publications: ms since 1970, without jumps when the machine's clock is set.
import { uptime } from "node:os";

/** In ms. Smaller differences are not steps: the clock follows the machine's clock. */
const MIN_STEP_MS = 2000;
/** After a step, the clock approaches the machine's clock by this share of the elapsed time. */
const MAX_SLEW = 0.1;

/** Sources of time, in ms. */
export interface TimeSources {
  /** Since 1970; the operator or NTP may set it. */
  wall(): number;
  /** Never set. May stop while the machine sleeps. */
  stopwatch(): number;
  /** Time that the machine has slept, accurate to a second. */
  asleep(): number;
}

const MACHINE: TimeSources = {
  wall: () => Date.now(),
  stopwatch: () => performance.now(),
  // The uptime includes sleep.
  asleep: () => uptime() * 1000 - performance.now(),
};

/**
 * Follows the machine's clock until that is set. Then it continues without a jump, up to 10 % faster or slower, until
 * both agree. So messages with a retention of an hour are stored for about an hour, and times are eventually correct.
 */
export class SteadyClock {
  #wall: number;
  #stopwatch: number;
  #asleep: number;
  /** Difference to the machine's clock; positive if this clock is ahead. */
  #ahead = 0;

  constructor(readonly sources: TimeSources = MACHINE) {
    this.#wall = sources.wall();
    this.#stopwatch = sources.stopwatch();
    this.#asleep = sources.asleep();
  }

  now(): number {
    const { sources } = this;
    const wall = sources.wall();
    const stopwatch = sources.stopwatch();
    const passed = stopwatch - this.#stopwatch;
    const step = wall - this.#wall - passed;
    this.#wall = wall;
    this.#stopwatch = stopwatch;
    if (this.#ahead !== 0) {
      const slewed = Math.min(Math.abs(this.#ahead), passed * MAX_SLEW);
      this.#ahead -= Math.sign(this.#ahead) * slewed;
    }
    if (Math.abs(step) > MIN_STEP_MS) this.#ahead -= this.#set(step);
    return Math.round(wall + this.#ahead);
  }

  /** Returns the part of a step that was not the machine's sleep. */
  #set(step: number): number {
    const asleep = this.sources.asleep();
    const slept = asleep - this.#asleep;
    this.#asleep = asleep;
    const set = slept > MIN_STEP_MS ? step - slept : step;
    return Math.abs(set) > MIN_STEP_MS ? set : 0;
  }
}

const clock = new SteadyClock();

/** Returns the time of publications and the reference for their age: ms since 1970, by `SteadyClock`. */
export function now(): number {
  return clock.now();
}

/**
 * Returns a time that is past by this clock and by the machine's. Signed expiry dates use it, so that they are not
 * passed too early when either clock is set.
 */
export function surelyPast(): number {
  return Math.min(Date.now(), clock.now());
}
