// Prometheus metrics. They are read from the counters in hub/stats.ts at each scrape, and cost nothing between scrapes.
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
  "subscription",
];

/**
 * Creates a prom-client registry with all metrics of a server, for an app that serves its own metrics.
 * docs/operating.md describes the metrics.
 * @param thump the plugin's handle
 * @returns a registry that reads the current values at each scrape. Create one registry per server
 * @example const registry = createMetrics(app.decorator.thump);
 * app.get("/metrics", () => registry.metrics());
 */
export function createMetrics(thump: ThumpServer): Registry {
  return createRegistry(coreOf(thump));
}

/** Creates the registry for a server. */
export function createRegistry(core: ServerCore): Registry {
  const registry = new Registry();
  new Gauge({
    name: "thump_info",
    help: "Version of the server.",
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
  // Counters start at 0 before a transport's first session; otherwise, `increase()` would miss that session.
  for (const transport of TRANSPORTS) opened.set(transport, opened.get(transport) ?? 0);
  gauge(registry, "thump_sessions", "Connected sessions, by transport.", ["transport"], () =>
    hub.stats.connected().map(([transport, count]) => [{ transport }, count]),
  );
  counter(registry, "thump_sessions_opened_total", "Sessions opened, by transport.", ["transport"], () =>
    [...opened].map(([transport, count]) => [{ transport }, count]),
  );
  counter(
    registry,
    "thump_sessions_closed_total",
    "Sessions closed, by transport and reason.",
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
    "Lagging sessions, which are being caught up.",
    [],
    () => hub.stats.lagging,
  );
}

function publications(registry: Registry, hub: Hub): void {
  const { stats } = hub;
  counter(registry, "thump_publications_total", "Publications accepted.", [], () => stats.publications);
  counter(
    registry,
    "thump_published_bytes_total",
    "Bytes of data in accepted publications.",
    [],
    () => stats.publishedBytes,
  );
  counter(
    registry,
    "thump_deliveries_total",
    "Publications sent, counted once per receiver.",
    [],
    () => stats.deliveries,
  );
  counter(registry, "thump_delivered_bytes_total", "Bytes delivered.", [], () => stats.deliveredBytes);
  gauge(registry, "thump_rooms", "Rooms with at least one session.", [], () => hub.rooms.size);
  gauge(registry, "thump_tail_bytes", "Memory of the stored publications of rooms with sessions.", [], () =>
    hub.rooms.values().reduce((sum, { history }) => sum + history.bytes, 0),
  );
  histogram(
    registry,
    "thump_log_append_seconds",
    "Time from the arrival of a publication until the log has stored it.",
    [[{}, stats.append]],
  );
  histogram(
    registry,
    "thump_fan_out_seconds",
    "Time from the arrival of a publication until it was passed to all sockets, or all streams, of its room.",
    [
      [{ to: "sockets" }, stats.toSockets],
      [{ to: "streams" }, stats.toStreams],
    ],
  );
}

function presence(registry: Registry, { presence: tracker, stats }: Hub): void {
  const users = "Users on this node in rooms with presence, counted once per room.";
  gauge(registry, "thump_presence_users", users, [], () => tracker.users);
  const messages = "Presence messages. Each is counted once, regardless of the number of receivers.";
  counter(registry, "thump_presence_messages_total", messages, [], () => stats.presence.messages);
  const netted =
    "Presence changes not sent as separate messages: combined with other changes, or reverted before they were sent.";
  counter(registry, "thump_presence_netted_total", netted, [], () => stats.presence.netted);
}

function failures(registry: Registry, core: ServerCore): void {
  const { stats } = core.hub;
  counter(registry, "thump_lags_total", "Number of times a session fell behind.", [], () => stats.lagged);
  counter(
    registry,
    "thump_catch_ups_total",
    "Number of times a lagging session caught up.",
    [],
    () => stats.caughtUp,
  );
  counter(
    registry,
    "thump_gaps_total",
    "Gap notices, sent because missed publications were no longer stored.",
    [],
    () => stats.gaps,
  );
  counter(
    registry,
    "thump_drops_total",
    'Publications not sent to a session: skipped by lag "latest", or dropped by Bun (engine).',
    ["reason"],
    () => [
      [{ reason: "latest" }, stats.skipped],
      [{ reason: "engine" }, stats.lost],
    ],
  );
  counter(registry, "thump_rejects_total", "Errors returned to clients, by code.", ["code"], () =>
    (Object.keys(STATUS) as (keyof typeof STATUS)[]).map((code) => [{ code }, stats.rejects.get(code) ?? 0]),
  );
  counter(registry, "thump_reloads_total", "Reloads of the configuration, by result.", ["result"], () => [
    [{ result: "done" }, core.reloads.done],
    [{ result: "failed" }, core.reloads.failed],
  ]);
  const { tls } = core.initialSettings;
  const expiry = "Expiry time of the certificate in use, in seconds since 1970.";
  if (tls) gauge(registry, "thump_certificate_expires_seconds", expiry, [], () => tls.expires / 1000);
  gauge(registry, "thump_draining", "1 while the server is draining, otherwise 0.", [], () =>
    Number(core.draining),
  );
}
