// Searches for the knee: the highest rate at which every message is delivered in order and in time.

/** Rates in messages per second, ten per decade: 10, 12.5, 16, 20 … */
const STEPS = [10, 12.5, 16, 20, 25, 31.5, 40, 50, 63, 80];
export const HIGHEST_RUNG = 55;
const STRIDE = 6;

/** Returns the rate of a rung. Rung 0 is 10 messages per second; ten rungs multiply the rate by ten. */
export function rateOf(rung: number): number {
  const power = Math.floor(rung / STEPS.length);
  return Math.round(STEPS[rung - power * STEPS.length]! * 10 ** power);
}

/** Returns the highest rung whose rate does not exceed `rate`. */
export function rungOf(rate: number): number {
  let rung = 0;
  while (rung < HIGHEST_RUNG && rateOf(rung + 1) <= rate) rung++;
  return rung;
}

/**
 * The outcome of one rate. `late`: every message was delivered, but not in time. A higher rate may still be good,
 * because many servers send larger batches under higher load.
 */
export type Outcome = "good" | "late" | "bad";

export interface Knee {
  /** The highest rung with a good outcome, if any. */
  good: number | undefined;
  /** The lowest rung above `good` that failed, if any was tried. */
  bad: number | undefined;
}

/**
 * Tries rungs until one is good and the next one is not. Moves in strides, then by bisection. After the first
 * late rung, tries one stride higher.
 * @param start the first rung to try
 * @param hint true if `start` is the knee of an earlier run: the search then starts with its neighbors
 */
export async function findKnee(
  start: number,
  hint: boolean,
  attempt: (rung: number) => Promise<Outcome>,
): Promise<Knee> {
  let [good, bad] = [-1, HIGHEST_RUNG + 1];
  let stride = hint ? 1 : STRIDE;
  let rung = start;
  let mayLookBeyond = !hint;
  while (bad - good > 1) {
    const outcome = await attempt(rung);
    if (outcome === "good") {
      good = rung;
      // The good rung is above a late one, so the late one is not a limit.
      if (good > bad) bad = HIGHEST_RUNG + 1;
    } else if (outcome === "late" && mayLookBeyond && rung + STRIDE <= HIGHEST_RUNG && bad > HIGHEST_RUNG) {
      mayLookBeyond = false;
      bad = rung;
      rung += STRIDE;
      continue;
    } else bad = Math.min(bad, rung);
    if (bad > HIGHEST_RUNG) rung = Math.min(HIGHEST_RUNG, good + stride);
    else if (good < 0) rung = Math.max(0, bad - stride);
    else rung = Math.floor((good + bad) / 2);
    // Far from the hint, move in larger steps.
    if (hint && Math.abs(rung - start) > 1) stride = STRIDE;
  }
  return { good: good < 0 ? undefined : good, bad: bad > HIGHEST_RUNG ? undefined : bad };
}
