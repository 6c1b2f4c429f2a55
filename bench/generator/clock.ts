// The one clock of all the benchmark's processes: the machine's monotonic clock, in milliseconds.
import { monotonicNow } from "./libc.ts";

/** What two readings of the same clock may differ by, in ms, before it counts as another clock. */
const TOLERANCE = 0.25;
const SAMPLES = 64;

/** The machine's clock minus the process' own, from the closest of many pairs of readings. */
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

/** Milliseconds since the machine started; comparable between processes. */
export function now(): number {
  return performance.now() + offset;
}

/** Throws when the process' clock has drifted from the machine's. */
export function verifyClock(): void {
  const drift = measureOffset() - offset;
  if (Math.abs(drift) > TOLERANCE)
    throw new Error(`the clock drifted by ${drift.toFixed(3)} ms: latencies would be wrong`);
}
