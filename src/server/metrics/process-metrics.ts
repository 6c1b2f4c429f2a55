// Prometheus metrics of the process: CPU time, memory, open files, event-loop delay.
import { readdirSync } from "node:fs";
import type { Registry } from "prom-client";
import type { ServerCore } from "../server-core.ts";
import { counter, gauge, histogram } from "./collectors.ts";

/** Registers the metrics under the standard names. prom-client's own default metrics require V8. */
export function processMetrics(registry: Registry, core: ServerCore): void {
  const started = Date.now() / 1000 - process.uptime();
  const cpu = () => process.cpuUsage();
  counter(
    registry,
    "process_cpu_seconds_total",
    "CPU time, user and system.",
    [],
    () => (cpu().user + cpu().system) / 1e6,
  );
  gauge(registry, "process_resident_memory_bytes", "Resident memory.", [], () => process.memoryUsage.rss());
  gauge(
    registry,
    "process_heap_bytes",
    "Memory of the JavaScript heap.",
    [],
    () => process.memoryUsage().heapUsed,
  );
  gauge(registry, "process_start_time_seconds", "Start time, in seconds since 1970.", [], () => started);
  if (process.platform === "linux") {
    gauge(
      registry,
      "process_open_fds",
      "Open files and sockets.",
      [],
      () => readdirSync("/proc/self/fd").length,
    );
  }
  histogram(registry, "thump_event_loop_delay_seconds", "Event-loop delay: how late a timer fires.", [
    [{}, core.loopDelay],
  ]);
}
