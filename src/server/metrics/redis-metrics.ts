// The log in Redis as Prometheus sees it: its connection, what it cost, and what had to be repaired.
import type { Registry } from "prom-client";
import { RedisLog } from "../../log/redis/redis-log.ts";
import type { ServerCore } from "../server-core.ts";
import { counter, gauge } from "./collectors.ts";

/** Adds them, where there is one. */
export function redisMetrics(registry: Registry, { hub }: ServerCore): void {
  const { log } = hub;
  if (!(log instanceof RedisLog)) return;
  const { stats } = log;
  const { repairs, reads } = stats;
  gauge(registry, "thump_redis_up", "1 while publications can be kept in Redis.", [], () =>
    Number(log.fault === undefined),
  );
  counter(registry, "thump_redis_connects_total", "Connections that were made.", [], () => stats.connects);
  counter(registry, "thump_redis_breaks_total", "Connections that broke.", [], () => stats.breaks);
  counter(registry, "thump_redis_commands_total", "Commands that were sent.", [], () => log.commands);
  counter(registry, "thump_redis_reads_total", "Reads of what is kept.", ["what"], () => [
    [{ what: "wanted" }, reads.wanted],
    [{ what: "sent" }, reads.sent],
  ]);
  counter(
    registry,
    "thump_redis_repairs_total",
    "Rooms that had missed something, by what found it.",
    ["by"],
    () => Object.entries(repairs).map(([by, count]) => [{ by }, count]),
  );
  counter(
    registry,
    "thump_redis_refused_total",
    "Publications that Redis refused, or left without an answer.",
    [],
    () => stats.refused,
  );
  counter(
    registry,
    "thump_redis_renewals_total",
    "How often what was kept was lost.",
    [],
    () => stats.renewals,
  );
  counter(
    registry,
    "thump_redis_evicted_total",
    "Keys that Redis evicted while this node was connected, of any program.",
    [],
    () => stats.evicted,
  );
}
