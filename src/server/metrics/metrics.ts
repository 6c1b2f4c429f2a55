// Metrics for Prometheus: read from the plain numbers of hub/stats.ts when somebody asks, and at no other time.
import { Gauge, Registry } from "prom-client";
import pkg from "../../../package.json" with { type: "json" };
import type { Hub } from "../../hub/hub.ts";
import { reasonName } from "../../hub/session-events.ts";
import { STATUS } from "../../protocol/codes.ts";
import type { ServerCore } from "../server-core.ts";
import { coreOf, type ThumpServer } from "../thump-server.ts";
import { counter, gauge, histogram } from "./collectors.ts";
import { limitMetrics } from "./limit-metrics.ts";
import { processMetrics } from "./process-metrics.ts";
import { redisMetrics } from "./redis-metrics.ts";
import { storeMetrics } from "./store-metrics.ts";

const TRANSPORTS = [
  "websocket",
  "raw-websocket",
  "event-stream",
  "envelope-stream",
  "multiplexed-stream",
  "ndjson",
  "poll",
];

/**
 * Creates a prom-client registry with all metrics of a server, for an app that serves its own metrics.
 * docs/operating.md describes the metrics.
 * @param thump the plugin's handle
 * @returns a registry that reads the current values whenever it is scraped. Create one per server
 * @example app.get("/metrics", () => createMetrics(app.decorator.thump).metrics());
 */
export function createMetrics(thump: ThumpServer): Registry {
  return createRegistry(coreOf(thump));
}

/** As `createMetrics`. */
export function createRegistry(core: ServerCore): Registry {
  const registry = new Registry();
  new Gauge({
    name: "thump_info",
    help: "The version that runs.",
    labelNames: ["version"],
    registers: [registry],
  })
    .labels(pkg.version)
    .set(1);
  sessions(registry, core.hub);
  publications(registry, core.hub);
  presence(registry, core.hub);
  failures(registry, core);
  limitMetrics(registry, core);
  storeMetrics(registry, core);
  redisMetrics(registry, core);
  processMetrics(registry, core);
  return registry;
}

function sessions(registry: Registry, hub: Hub): void {
  const { opened, closed } = hub.stats;
  // A graph begins at nothing, and not with the first of a kind.
  for (const transport of TRANSPORTS) opened.set(transport, opened.get(transport) ?? 0);
  gauge(registry, "thump_sessions", "Sessions that are connected, by transport.", ["transport"], () =>
    hub.stats.connected().map(([transport, count]) => [{ transport }, count]),
  );
  counter(registry, "thump_sessions_opened_total", "Sessions that began.", ["transport"], () =>
    [...opened].map(([transport, count]) => [{ transport }, count]),
  );
  counter(
    registry,
    "thump_sessions_closed_total",
    "Sessions that ended, and why.",
    ["transport", "reason"],
    () =>
      [...closed].flatMap(([transport, reasons]) =>
        [...reasons].map(([reason, count]): [Record<string, string>, number] => [
          { transport, reason: reasonName(reason) },
          count,
        ]),
      ),
  );
  gauge(
    registry,
    "thump_sessions_lagging",
    "Sessions that are behind and being caught up.",
    [],
    () => hub.stats.lagging,
  );
}

function publications(registry: Registry, hub: Hub): void {
  const { stats } = hub;
  counter(registry, "thump_publications_total", "Publications taken in.", [], () => stats.publications);
  counter(registry, "thump_published_bytes_total", "Bytes of their data.", [], () => stats.publishedBytes);
  counter(
    registry,
    "thump_deliveries_total",
    "Publications sent, counted once a receiver.",
    [],
    () => stats.deliveries,
  );
  counter(registry, "thump_delivered_bytes_total", "Bytes of deliveries.", [], () => stats.deliveredBytes);
  gauge(registry, "thump_rooms", "Rooms that somebody is in.", [], () => hub.rooms.size);
  gauge(registry, "thump_tail_bytes", "Memory that the kept publications of those rooms take.", [], () =>
    hub.rooms.values().reduce((sum, { history }) => sum + history.bytes, 0),
  );
  histogram(registry, "thump_log_append_seconds", "From a publication's arrival until the log kept it.", [
    [{}, stats.append],
  ]);
  histogram(
    registry,
    "thump_fan_out_seconds",
    "From a publication's arrival until it was handed to all sockets, or all streams, of its room.",
    [
      [{ to: "sockets" }, stats.toSockets],
      [{ to: "streams" }, stats.toStreams],
    ],
  );
}

function presence(registry: Registry, { presence: kept, stats }: Hub): void {
  const users = "Users of this node who are present in rooms with presence, counted once a room.";
  gauge(registry, "thump_presence_users", users, [], () => kept.users);
  const messages = "Presence messages, counted once however many receive one.";
  counter(registry, "thump_presence_messages_total", messages, [], () => stats.presence.messages);
  const netted = "Changes of presence that took no message of their own: told as one, or undone before that.";
  counter(registry, "thump_presence_netted_total", netted, [], () => stats.presence.netted);
}

function failures(registry: Registry, core: ServerCore): void {
  const { stats } = core.hub;
  counter(registry, "thump_lags_total", "How often a session fell behind.", [], () => stats.lagged);
  counter(registry, "thump_catch_ups_total", "How often one was level again.", [], () => stats.caughtUp);
  counter(registry, "thump_gaps_total", "Gap notices: something was no longer kept.", [], () => stats.gaps);
  counter(registry, "thump_drops_total", "Publications that a session was not sent.", ["reason"], () => [
    [{ reason: "latest" }, stats.skipped],
    [{ reason: "engine" }, stats.lost],
  ]);
  counter(registry, "thump_rejects_total", "Errors that clients were told, by code.", ["code"], () =>
    (Object.keys(STATUS) as (keyof typeof STATUS)[]).map((code) => [{ code }, stats.rejects.get(code) ?? 0]),
  );
  counter(registry, "thump_reloads_total", "Reloads of the configuration.", ["result"], () => [
    [{ result: "done" }, core.reloads.done],
    [{ result: "failed" }, core.reloads.failed],
  ]);
  const { tls } = core.initialSettings;
  const ends = "When the certificate that it listens with ends, in seconds since 1970.";
  if (tls) gauge(registry, "thump_certificate_expires_seconds", ends, [], () => tls.expires / 1000);
  gauge(registry, "thump_draining", "1 once the server was told to stop.", [], () => Number(core.draining));
}
