// How late the event loop is: what everything in this process waits for.
import { LatencyHistogram } from "../../hub/latency-histogram.ts";

/** How often it is looked at, in ms. */
const MEASURE_INTERVAL_MS = 50;

/** Looks again and again; `stop` ends it. */
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
