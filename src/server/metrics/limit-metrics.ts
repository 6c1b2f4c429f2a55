// Prometheus metrics for limits: refusals per limit, and current usage.
import type { Registry } from "prom-client";
import { RATE_KINDS } from "../../limits/token-buckets.ts";
import { RATE_SCOPES } from "../../limits/rate-options.ts";
import type { ServerCore } from "../server-core.ts";
import { counter, gauge } from "./collectors.ts";

/** Registers the metrics. */
export function limitMetrics(registry: Registry, { service, hub, memoryBudget }: ServerCore): void {
  const { limiter, sessionLimit, bodyMemory } = service;
  counter(
    registry,
    "thump_rate_limited_total",
    "Operations refused by a rate limit, by scope and kind of the limit.",
    ["scope", "kind"],
    () =>
      RATE_SCOPES.flatMap((scope) =>
        RATE_KINDS.map((kind): [Record<string, string>, number] => [
          { scope, kind },
          limiter.refused[scope][kind],
        ]),
      ),
  );
  const tracked = "Users, addresses and API keys with rate-limit state.";
  gauge(registry, "thump_rates_remembered", tracked, [], () => limiter.remembered);
  counter(
    registry,
    "thump_sessions_refused_total",
    "Sessions refused by the total limit or the per-address limit.",
    ["among"],
    () => [
      [{ among: "all" }, sessionLimit.refused.all],
      [{ among: "address" }, sessionLimit.refused.address],
    ],
  );
  gauge(registry, "thump_sessions_limit", "Maximum number of sessions.", [], () => sessionLimit.max);
  const { roomLimits } = hub;
  counter(
    registry,
    "thump_rooms_refused_total",
    "Rooms not opened because of the total, per-address or per-user limit.",
    ["among"],
    () => Object.entries(roomLimits.refused).map(([among, count]) => [{ among }, count]),
  );
  gauge(registry, "thump_rooms_limit", "Maximum number of rooms in use.", [], () => roomLimits.max);
  const counted = "Rooms that count against the address or user that opened them.";
  gauge(registry, "thump_rooms_counted", counted, [], () => roomLimits.counted);
  gauge(registry, "thump_bodies_bytes", "Memory of request bodies in transit.", [], () => bodyMemory.bytes);
  counter(
    registry,
    "thump_bodies_given_up_total",
    "Request bodies aborted because the bodies in transit exceeded their memory limit.",
    [],
    () => bodyMemory.aborted,
  );
  gauge(registry, "thump_kept_bytes", "Memory of all stored publications.", [], () => memoryBudget.bytes);
  const ofRooms = "Memory of rooms without sessions, not counting their publications.";
  gauge(registry, "thump_kept_rooms_bytes", ofRooms, [], () => memoryBudget.roomBytes);
  const limit = "Memory limit for stored publications and rooms together.";
  gauge(registry, "thump_kept_limit_bytes", limit, [], () => memoryBudget.limit);
  counter(
    registry,
    "thump_evictions_total",
    "Publications evicted because all rooms together exceeded the memory limit.",
    [],
    () => memoryBudget.evicted,
  );
  const rooms = "Rooms evicted completely because of the memory limit.";
  counter(registry, "thump_evicted_rooms_total", rooms, [], () => memoryBudget.evictedRooms);
}
