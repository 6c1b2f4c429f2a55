// The clock of publications: ms since 1970, which pass as they do on a stopwatch when the machine's clock is set.
import { uptime } from "node:os";

/** A difference below this, in ms, is no step: the machine's clock is followed as it is. */
const MIN_STEP_MS = 2000;
/** After a step this part of the time that passes goes into coming back to the machine's clock. */
const MAX_SLEW = 0.1;

/** Where time comes from, in ms. */
export interface TimeSources {
  /** Since 1970; somebody may set it. */
  wall(): number;
  /** Never set. May stand still while the machine sleeps. */
  stopwatch(): number;
  /** How long the machine has slept, to within a second. */
  asleep(): number;
}

const MACHINE: TimeSources = {
  wall: () => Date.now(),
  stopwatch: () => performance.now(),
  // The uptime counts sleep.
  asleep: () => uptime() * 1000 - performance.now(),
};

/**
 * The machine's clock, until that is set: then it goes on as if it had not been, up to a tenth faster or slower, until
 * both agree. So what is kept for an hour is kept for about an hour, and times still come right in the end.
 */
export class SteadyClock {
  #wall: number;
  #stopwatch: number;
  #asleep: number;
  /** By how much it is ahead of the machine's clock. */
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

  /** How much of a step was somebody's doing, and not the machine's sleep. */
  #set(step: number): number {
    const asleep = this.sources.asleep();
    const slept = asleep - this.#asleep;
    this.#asleep = asleep;
    const set = slept > MIN_STEP_MS ? step - slept : step;
    return Math.abs(set) > MIN_STEP_MS ? set : 0;
  }
}

const clock = new SteadyClock();

/** What publications are stamped with and what they are as old as: ms since 1970, by `SteadyClock`. */
export function now(): number {
  return clock.now();
}

/**
 * The time before which everything is over by this clock and by the machine's: what counts until a date that somebody
 * signed is to outlive a step of either.
 */
export function surelyPast(): number {
  return Math.min(Date.now(), clock.now());
}
