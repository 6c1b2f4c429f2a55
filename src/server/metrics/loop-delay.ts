// Measures event-loop delay: how late a timer fires.
import { LatencyHistogram } from "../../hub/latency-histogram.ts";

const MEASURE_INTERVAL_MS = 50;

/** Measures until `stop` is called. */
export function measureLoopDelay(): { delay: LatencyHistogram; stop(): void } {
  const delay = new LatencyHistogram();
  let due = performance.now() + MEASURE_INTERVAL_MS;
  const timer = setInterval(() => {
    const now = performance.now();
    delay.observe(Math.max(0, now - due));
    due = now + MEASURE_INTERVAL_MS;
  }, MEASURE_INTERVAL_MS);
  timer.unref();
  return { delay, stop: () => clearInterval(timer) };
}
