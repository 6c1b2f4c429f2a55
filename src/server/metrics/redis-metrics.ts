// Prometheus metrics for the log in Redis: connection, commands, repairs.
import type { Registry } from "prom-client";
import { RedisLog } from "../../log/redis/redis-log.ts";
import type { ServerCore } from "../server-core.ts";
import { counter, gauge } from "./collectors.ts";

/** Registers the metrics if the log is in Redis. */
export function redisMetrics(registry: Registry, { hub }: ServerCore): void {
  const { log } = hub;
  if (!(log instanceof RedisLog)) return;
  const { stats } = log;
  const { repairs, reads } = stats;
  gauge(registry, "thump_redis_up", "1 while Redis accepts publications, otherwise 0.", [], () =>
    Number(log.fault === undefined),
  );
  counter(registry, "thump_redis_connects_total", "Connections established.", [], () => stats.connects);
  counter(registry, "thump_redis_breaks_total", "Connections lost.", [], () => stats.breaks);
  counter(registry, "thump_redis_commands_total", "Commands sent.", [], () => log.commands);
  counter(
    registry,
    "thump_redis_reads_total",
    "Reads of stored publications: requested (wanted), and sent to Redis after combining them (sent).",
    ["what"],
    () => [
      [{ what: "wanted" }, reads.wanted],
      [{ what: "sent" }, reads.sent],
    ],
  );
  counter(
    registry,
    "thump_redis_repairs_total",
    "Rooms repaired after missed notifications, by the check that detected the loss.",
    ["by"],
    () => Object.entries(repairs).map(([by, count]) => [{ by }, count]),
  );
  counter(
    registry,
    "thump_redis_refused_total",
    "Publications that Redis refused or did not answer.",
    [],
    () => stats.refused,
  );
  counter(
    registry,
    "thump_redis_renewals_total",
    "Number of times Redis lost the log and a new epoch started.",
    [],
    () => stats.renewals,
  );
  counter(
    registry,
    "thump_redis_evicted_total",
    "Keys that Redis evicted while this node was connected, including other programs' keys.",
    [],
    () => stats.evicted,
  );
}
