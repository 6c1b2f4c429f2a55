// Preloaded into the server process: reports its CPU time and its longest tick to the runner.
import type { Probed } from "./expensive-request.ts";

/** Interval of a timer, in ms. The timer's delay shows the length of a tick. */
const INTERVAL_MS = 1;

let longest = 0;
let due = performance.now() + INTERVAL_MS;
let cpu = process.cpuUsage();

setInterval(() => {
  const now = performance.now();
  longest = Math.max(longest, now - due);
  due = now + INTERVAL_MS;
}, INTERVAL_MS).unref();

process.on("message", () => {
  const { user, system } = process.cpuUsage(cpu);
  process.send?.({ cpu: (user + system) / 1000, longest, rss: process.memoryUsage.rss() } satisfies Probed);
  longest = 0;
  due = performance.now() + INTERVAL_MS;
  cpu = process.cpuUsage();
});
