// The file of the durable log as Prometheus sees it: its commits, its size, what was trimmed.
import { statSync } from "node:fs";
import type { Registry } from "prom-client";
import { LatencyHistogram } from "../../hub/latency-histogram.ts";
import { SqliteLog } from "../../log/sqlite/sqlite-log.ts";
import type { ServerCore } from "../server-core.ts";
import { counter, gauge, histogram } from "./collectors.ts";

/** Adds them, where there is a file. */
export function storeMetrics(registry: Registry, { hub }: ServerCore): void {
  const { log } = hub;
  if (!(log instanceof SqliteLog)) return;
  const { stats } = log.groupCommit;
  counter(registry, "thump_store_commits_total", "Transactions.", ["result"], () => [
    [{ result: "kept" }, stats.commits],
    [{ result: "failed" }, stats.failed],
  ]);
  counter(
    registry,
    "thump_store_publications_total",
    "Publications that were written to the file.",
    [],
    () => stats.publications,
  );
  counter(
    registry,
    "thump_store_trimmed_total",
    "Publications that were deleted from the file.",
    [],
    () => stats.trimmed,
  );
  const took = new LatencyHistogram();
  log.groupCommit.onCommit = (ms) => took.observe(ms);
  histogram(registry, "thump_store_commit_seconds", "How long a transaction took.", [[{}, took]]);
  gauge(registry, "thump_store_bytes", "What the file takes, and its write-ahead log.", ["file"], () => [
    [{ file: "data" }, sizeOf(log.path)],
    [{ file: "wal" }, sizeOf(`${log.path}-wal`)],
  ]);
  const loaded = "Rooms of the file that are in memory.";
  gauge(registry, "thump_store_rooms_loaded", loaded, [], () => log.loaded);
  gauge(registry, "thump_store_fault", "1 while nothing can be kept.", [], () =>
    Number(log.fault !== undefined),
  );
}

function sizeOf(path: string): number {
  return statSync(path, { throwIfNoEntry: false })?.size ?? 0;
}
