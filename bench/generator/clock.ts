// The clock of all benchmark processes: the machine's monotonic clock, in milliseconds.
import { monotonicNow } from "./libc.ts";

/** Largest accepted drift between the clocks, in ms. */
const MAX_DRIFT_MS = 0.25;
const SAMPLES = 64;

/** Returns the difference between the machine's clock and the process's clock, from the two closest readings. */
function measureOffset(): number {
  let [best, offset] = [Infinity, 0];
  for (let sample = 0; sample < SAMPLES; sample++) {
    const before = performance.now();
    const machine = monotonicNow();
    const after = performance.now();
    if (after - before >= best) continue;
    best = after - before;
    offset = machine - (before + after) / 2;
  }
  return offset;
}

const offset = measureOffset();

/** Milliseconds since the machine started. Values are comparable between processes. */
export function now(): number {
  return performance.now() + offset;
}

/** @throws if the process's clock has drifted from the machine's */
export function verifyClock(): void {
  const drift = measureOffset() - offset;
  if (Math.abs(drift) > MAX_DRIFT_MS)
    throw new Error(`the clock drifted by ${drift.toFixed(3)} ms: latencies would be wrong`);
}
