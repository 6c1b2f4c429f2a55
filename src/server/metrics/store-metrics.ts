// Prometheus metrics for the data file: transactions, size, trimming.
import { statSync } from "node:fs";
import type { Registry } from "prom-client";
import { LatencyHistogram } from "../../hub/latency-histogram.ts";
import { SqliteLog } from "../../log/sqlite/sqlite-log.ts";
import type { ServerCore } from "../server-core.ts";
import { counter, gauge, histogram } from "./collectors.ts";

/** Registers the metrics if the log is in a file. */
export function storeMetrics(registry: Registry, { hub }: ServerCore): void {
  const { log } = hub;
  if (!(log instanceof SqliteLog)) return;
  const { stats } = log.groupCommit;
  counter(registry, "thump_store_commits_total", "Transactions, by result.", ["result"], () => [
    [{ result: "kept" }, stats.commits],
    [{ result: "failed" }, stats.failed],
  ]);
  counter(
    registry,
    "thump_store_publications_total",
    "Publications written to the file.",
    [],
    () => stats.publications,
  );
  counter(
    registry,
    "thump_store_trimmed_total",
    "Publications deleted from the file.",
    [],
    () => stats.trimmed,
  );
  const duration = new LatencyHistogram();
  log.groupCommit.onCommit = (ms) => duration.observe(ms);
  histogram(registry, "thump_store_commit_seconds", "Duration of a transaction.", [[{}, duration]]);
  gauge(registry, "thump_store_bytes", "Size of the file and of its write-ahead log.", ["file"], () => [
    [{ file: "data" }, sizeOf(log.path)],
    [{ file: "wal" }, sizeOf(`${log.path}-wal`)],
  ]);
  const loaded = "Rooms in the file that are also loaded into memory.";
  gauge(registry, "thump_store_rooms_loaded", loaded, [], () => log.loaded);
  gauge(registry, "thump_store_fault", "1 while the file cannot be written, otherwise 0.", [], () =>
    Number(log.fault !== undefined),
  );
}

function sizeOf(path: string): number {
  return statSync(path, { throwIfNoEntry: false })?.size ?? 0;
}
