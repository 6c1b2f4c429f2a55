// The clock for publication times: ms since 1970, without jumps when the machine's clock is set.
import { uptime } from "node:os";

/**
 * The minimum difference that counts as a step, in ms. If the difference is smaller, the clock simply follows the
 * machine's clock.
 */
const MIN_STEP_MS = 2000;
/**
 * After a step, the clock corrects its difference from the machine's clock by at most this fraction of the elapsed
 * time.
 */
const MAX_SLEW = 0.1;

/** Sources of time, in ms. */
export interface TimeSources {
  /** Time since 1970. The operator or NTP may set this clock. */
  wall(): number;
  /** A monotonic time. May stop while the machine sleeps. */
  stopwatch(): number;
  /** The time that the machine has spent asleep, accurate to a second. */
  asleep(): number;
}

const MACHINE: TimeSources = {
  wall: () => Date.now(),
  stopwatch: () => performance.now(),
  // The uptime includes time asleep.
  asleep: () => uptime() * 1000 - performance.now(),
};

/**
 * Follows the machine's clock. When the machine's clock is set, this clock does not jump but runs up to 10 % faster or
 * slower until both agree. Messages with a one-hour retention are therefore stored for about an hour, and times
 * eventually become correct.
 */
export class SteadyClock {
  #wall: number;
  #stopwatch: number;
  #asleep: number;
  /** The difference from the machine's clock; positive if this clock is ahead. */
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

  /** Returns the part of a step that the machine's sleep does not explain. */
  #set(step: number): number {
    const asleep = this.sources.asleep();
    const slept = asleep - this.#asleep;
    this.#asleep = asleep;
    const set = slept > MIN_STEP_MS ? step - slept : step;
    return Math.abs(set) > MIN_STEP_MS ? set : 0;
  }
}

const clock = new SteadyClock();

/** Returns the current time on the `SteadyClock`, in ms since 1970. Publication times and ages use this clock. */
export function now(): number {
  return clock.now();
}

/**
 * Returns a time that both this clock and the machine's clock have passed. Used for signed expiry times, so that
 * nothing expires too early when a clock is set.
 */
export function surelyPast(): number {
  return Math.min(Date.now(), clock.now());
}
