// Loaded into the server's process before anything else: tells its runner what CPU it used, and how long ticks took.
import type { Probed } from "./worst.ts";

/** A timer that is due each millisecond comes late by what a tick takes. */
const LOOK_MS = 1;

let longest = 0;
let due = performance.now() + LOOK_MS;
let cpu = process.cpuUsage();

setInterval(() => {
  const now = performance.now();
  longest = Math.max(longest, now - due);
  due = now + LOOK_MS;
}, LOOK_MS).unref();

process.on("message", () => {
  const { user, system } = process.cpuUsage(cpu);
  process.send?.({ cpu: (user + system) / 1000, longest, rss: process.memoryUsage.rss() } satisfies Probed);
  longest = 0;
  due = performance.now() + LOOK_MS;
  cpu = process.cpuUsage();
});
