// Looks for the knee: the highest rate that is delivered in full, in order and in time.

/** Rates to a tenth of a power of ten: 10, 12.5, 16, 20 … messages a second. */
const STEPS = [10, 12.5, 16, 20, 25, 31.5, 40, 50, 63, 80];
export const HIGHEST = 55;
const STRIDE = 4;

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
 * Tries rates until one passes and the next one up fails. Goes up and down in strides, and then halves.
 * @param start the rung to try first
 * @param hint whether `start` is where the knee was found before: then it looks beside it first
 * @returns the knee's rung, or undefined when even the lowest failed; and the lowest that failed
 */
export async function findKnee(
  start: number,
  hint: boolean,
  passes: (rung: number) => Promise<boolean>,
): Promise<{ good: number | undefined; bad: number | undefined }> {
  let [good, bad] = [-1, HIGHEST + 1];
  let stride = hint ? 1 : STRIDE;
  let rung = start;
  while (bad - good > 1) {
    if (await passes(rung)) good = rung;
    else bad = rung;
    if (bad > HIGHEST) rung = Math.min(HIGHEST, good + stride);
    else if (good < 0) rung = Math.max(0, bad - stride);
    else rung = Math.floor((good + bad) / 2);
    // Far from the hint: larger steps.
    if (hint && Math.abs(rung - start) > 1) stride = STRIDE;
  }
  return { good: good < 0 ? undefined : good, bad: bad > HIGHEST ? undefined : bad };
}
