// Limits as Prometheus sees them: how often each has bitten, and how near the others are.
import type { Registry } from "prom-client";
import { RATE_KINDS } from "../../limits/token-buckets.ts";
import { RATE_SCOPES } from "../../limits/rate-options.ts";
import type { ServerCore } from "../server-core.ts";
import { counter, gauge } from "./collectors.ts";

/** Adds them. */
export function limitMetrics(registry: Registry, { service, hub, memoryBudget }: ServerCore): void {
  const { limiter, sessionLimit, bodyMemory } = service;
  counter(
    registry,
    "thump_rate_limited_total",
    "What was refused because somebody was too fast: as whom they were counted, and what it was.",
    ["scope", "kind"],
    () =>
      RATE_SCOPES.flatMap((scope) =>
        RATE_KINDS.map((kind): [Record<string, string>, number] => [
          { scope, kind },
          limiter.refused[scope][kind],
        ]),
      ),
  );
  const remembered = "Users, addresses and API keys whose rates are remembered.";
  gauge(registry, "thump_rates_remembered", remembered, [], () => limiter.remembered);
  counter(
    registry,
    "thump_sessions_refused_total",
    "Sessions for which there was no place: among all, or among those of their address.",
    ["among"],
    () => [
      [{ among: "all" }, sessionLimit.refused.all],
      [{ among: "address" }, sessionLimit.refused.address],
    ],
  );
  gauge(registry, "thump_sessions_limit", "How many sessions there may be.", [], () => sessionLimit.max);
  const { roomLimits } = hub;
  counter(
    registry,
    "thump_rooms_refused_total",
    "Rooms that could not be opened: all that there may be were in use, or one address or user had opened too many.",
    ["among"],
    () => Object.entries(roomLimits.refused).map(([among, count]) => [{ among }, count]),
  );
  gauge(registry, "thump_rooms_limit", "How many rooms may be in use.", [], () => roomLimits.max);
  const counted = "Rooms that count for the address or user who opened them.";
  gauge(registry, "thump_rooms_counted", counted, [], () => roomLimits.counted);
  gauge(registry, "thump_bodies_bytes", "What has come of bodies on their way.", [], () => bodyMemory.bytes);
  counter(
    registry,
    "thump_bodies_given_up_total",
    "Bodies that had to give way, because all that were on their way took too much.",
    [],
    () => bodyMemory.aborted,
  );
  gauge(
    registry,
    "thump_kept_bytes",
    "Memory that all kept publications take.",
    [],
    () => memoryBudget.bytes,
  );
  const ofRooms = "Memory that rooms take beside their publications, where nobody is in them.";
  gauge(registry, "thump_kept_rooms_bytes", ofRooms, [], () => memoryBudget.roomBytes);
  const limit = "What both may take together.";
  gauge(registry, "thump_kept_limit_bytes", limit, [], () => memoryBudget.limit);
  counter(
    registry,
    "thump_evictions_total",
    "Publications let go of before their time, because all rooms together took too much.",
    [],
    () => memoryBudget.evicted,
  );
  const rooms = "Rooms that were forgotten altogether for that reason.";
  counter(registry, "thump_evicted_rooms_total", rooms, [], () => memoryBudget.evictedRooms);
}
