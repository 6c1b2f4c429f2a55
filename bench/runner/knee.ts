// Looks for the knee: the highest rate that is delivered in full, in order and in time.

/** Rates to a tenth of a power of ten: 10, 12.5, 16, 20 … messages a second. */
const STEPS = [10, 12.5, 16, 20, 25, 31.5, 40, 50, 63, 80];
export const HIGHEST = 55;
const STRIDE = 6;

/** Rung 0 is 10 messages a second; ten rungs up is ten times as much. */
export function rateOf(rung: number): number {
  const power = Math.floor(rung / STEPS.length);
  return Math.round(STEPS[rung - power * STEPS.length]! * 10 ** power);
}

/** The rung at or below a rate. */
export function rungOf(rate: number): number {
  let rung = 0;
  while (rung < HIGHEST && rateOf(rung + 1) <= rate) rung++;
  return rung;
}

/**
 * How a rate went. `late`: all was delivered, but not in time. That may pass: many servers send more at a time the
 * more there is to send, so a higher rate can go better than a lower one.
 */
export type Outcome = "good" | "late" | "bad";

export interface Knee {
  /** The highest rung that went well, if any did. */
  good: number | undefined;
  /** The lowest one above it that did not, if any was tried. */
  bad: number | undefined;
}

/**
 * Tries rungs until one goes well and the next one up does not. Goes up and down in strides, and then halves; where
 * a rung was only late it looks once further up.
 * @param start the rung to try first
 * @param hint whether `start` is where the knee was found before: then it looks beside it first
 */
export async function findKnee(
  start: number,
  hint: boolean,
  attempt: (rung: number) => Promise<Outcome>,
): Promise<Knee> {
  let [good, bad] = [-1, HIGHEST + 1];
  let stride = hint ? 1 : STRIDE;
  let rung = start;
  let beyond = !hint;
  while (bad - good > 1) {
    const outcome = await attempt(rung);
    if (outcome === "good") {
      good = rung;
      // It was found beyond one that was late: that one is no bound.
      if (good > bad) bad = HIGHEST + 1;
    } else if (outcome === "late" && beyond && rung + STRIDE <= HIGHEST && bad > HIGHEST) {
      beyond = false;
      bad = rung;
      rung += STRIDE;
      continue;
    } else bad = Math.min(bad, rung);
    if (bad > HIGHEST) rung = Math.min(HIGHEST, good + stride);
    else if (good < 0) rung = Math.max(0, bad - stride);
    else rung = Math.floor((good + bad) / 2);
    // Far from the hint: larger steps.
    if (hint && Math.abs(rung - start) > 1) stride = STRIDE;
  }
  return { good: good < 0 ? undefined : good, bad: bad > HIGHEST ? undefined : bad };
}
