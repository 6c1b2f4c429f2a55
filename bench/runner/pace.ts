// How long things take: a quick look, or a thorough one.

/** Seconds, but for `runs`. */
export interface Pace {
  /** Runs of a row; servers take turns. */
  runs: number;
  /** The same of slow consumers, which take long. */
  slow: number;
  /** At a quarter of the rate, in which a server's code gets compiled. */
  gentle: number;
  warmup: number;
  /** A measured window at a fixed rate, and each of a sweep's. */
  seconds: number;
  step: number;
  /** How long to wait for what is still on its way. */
  grace: number;
  /** How long memory may take to settle. */
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
