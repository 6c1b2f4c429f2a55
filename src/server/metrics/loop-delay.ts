// How late the event loop is: what everything in this process waits for.
import { Latency } from "../../hub/latency-histogram.ts";

/** How often it is looked at, in ms. */
const LOOK_MS = 50;

/** Looks again and again; `stop` ends it. */
export function watchLoop(): { delay: Latency; stop(): void } {
  const delay = new Latency();
  let due = performance.now() + LOOK_MS;
  const timer = setInterval(() => {
    const now = performance.now();
    delay.observe(Math.max(0, now - due));
    due = now + LOOK_MS;
  }, LOOK_MS);
  timer.unref();
  return { delay, stop: () => clearInterval(timer) };
}
