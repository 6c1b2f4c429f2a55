// The process as Prometheus sees it: processor, memory, open files, and how late the event loop is.
import { readdirSync } from "node:fs";
import type { Registry } from "prom-client";
import type { ServerCore } from "../server-core.ts";
import { counter, gauge, histogram } from "./collectors.ts";

/** Adds them, under the names that all of Prometheus' clients use. (prom-client's own ask for V8's inside.) */
export function processMetrics(registry: Registry, core: ServerCore): void {
  const started = Date.now() / 1000 - process.uptime();
  const cpu = () => process.cpuUsage();
  counter(
    registry,
    "process_cpu_seconds_total",
    "Processor time.",
    [],
    () => (cpu().user + cpu().system) / 1e6,
  );
  gauge(registry, "process_resident_memory_bytes", "Memory.", [], () => process.memoryUsage.rss());
  gauge(
    registry,
    "process_heap_bytes",
    "Memory that JavaScript holds.",
    [],
    () => process.memoryUsage().heapUsed,
  );
  gauge(registry, "process_start_time_seconds", "When it started, since 1970.", [], () => started);
  if (process.platform === "linux") {
    gauge(
      registry,
      "process_open_fds",
      "Open files and sockets.",
      [],
      () => readdirSync("/proc/self/fd").length,
    );
  }
  histogram(registry, "thump_event_loop_delay_seconds", "How late a timer is: what everything waits for.", [
    [{}, core.loopDelay],
  ]);
}
