// Durations and numbers of repetitions for a quick run and for a thorough run.

/** All values are in seconds, except `runs` and `slow`. */
export interface Pace {
  /** Runs per row. Servers alternate. */
  runs: number;
  /** Runs per row of the slow-consumer scenario, which takes a long time. */
  slow: number;
  /** Warm-up at a quarter of the rate, during which the server's code is compiled. */
  gentle: number;
  warmup: number;
  /** Length of a measured window at a fixed rate. `step` is the length of each window of a sweep. */
  seconds: number;
  step: number;
  /** Maximum time to wait for messages still in flight. */
  grace: number;
  /** Maximum time for memory to settle. */
  settle: number;
}

export const quick: Pace = {
  runs: 3,
  slow: 1,
  gentle: 0.3,
  warmup: 0.3,
  seconds: 1.5,
  step: 0.5,
  grace: 1,
  settle: 2,
};

export const thorough: Pace = {
  ...quick,
  slow: 3,
  gentle: 0.75,
  warmup: 1,
  seconds: 3,
  step: 1,
  grace: 3,
  settle: 12,
};
