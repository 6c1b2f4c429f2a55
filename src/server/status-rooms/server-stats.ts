// Server statistics for the room `thump:stats`: how much the counters in hub/stats.ts have increased since the last
// sample.
import pkg from "../../../package.json" with { type: "json" };
import type { Hub } from "../../hub/hub.ts";
import { LatencyWindow } from "../../hub/latency-histogram.ts";
import type { Stats } from "../../hub/stats.ts";
import type { Code } from "../../protocol/codes.ts";
import { OWN_ROOMS, type Quantiles, type ServerSample } from "../../protocol/status-rooms.ts";
import type { ServerCore } from "../server-core.ts";

/** Counters whose increase since the previous sample is reported. */
const COUNTERS = [
  "publications",
  "publishedBytes",
  "ownPublications",
  "ownBytes",
  "deliveries",
  "deliveredBytes",
  "lagged",
  "caughtUp",
  "gaps",
  "skipped",
  "lost",
] as const satisfies (keyof Stats)[];
type Counts = Record<(typeof COUNTERS)[number], number>;

export class ServerStats {
  #before: Counts;
  #rejects: ReadonlyMap<Code, number>;
  #time = performance.now();
  readonly #toSockets: LatencyWindow;
  readonly #toStreams: LatencyWindow;
  readonly #log: LatencyWindow;
  readonly #loop: LatencyWindow;
  /** @param node name of this process */
  constructor(
    readonly core: ServerCore,
    readonly node: string,
  ) {
    const { stats } = core.hub;
    this.#before = countsOf(stats);
    this.#rejects = new Map(stats.rejects);
    this.#toSockets = new LatencyWindow(stats.toSockets);
    this.#toStreams = new LatencyWindow(stats.toStreams);
    this.#log = new LatencyWindow(stats.append);
    this.#loop = new LatencyWindow(core.loopDelay);
  }

  /** Returns the current state, and the changes since the previous call. */
  take(): ServerSample {
    const { core, node } = this;
    const { hub, service, memoryBudget } = core;
    const now = performance.now();
    const { rss, heapUsed } = process.memoryUsage();
    const seconds = (now - this.#time) / 1000;
    this.#time = now;
    return {
      node,
      version: pkg.version,
      time: Date.now(),
      seconds: round(seconds),
      uptime: Math.floor(process.uptime()),
      draining: core.draining,
      sessions: {
        total: hub.sessions.size,
        lagging: hub.stats.lagging,
        limit: service.sessionLimit.max,
        byTransport: Object.fromEntries(hub.stats.connected()),
      },
      rooms: roomsInUse(hub),
      ...this.#changes(hub.stats),
      rejects: this.#rejected(hub.stats),
      toSockets: quantiles(this.#toSockets),
      toStreams: quantiles(this.#toStreams),
      log: quantiles(this.#log),
      loop: quantiles(this.#loop),
      memory: { rss, heap: heapUsed, kept: memoryBudget.taken, limit: memoryBudget.limit },
    };
  }

  #changes(stats: Stats) {
    const now = countsOf(stats);
    const since = (name: keyof Counts) => now[name] - this.#before[name];
    const changes = {
      in: {
        publications: since("publications") - since("ownPublications"),
        bytes: since("publishedBytes") - since("ownBytes"),
      },
      out: { deliveries: since("deliveries"), bytes: since("deliveredBytes") },
      lags: since("lagged"),
      catchUps: since("caughtUp"),
      gaps: since("gaps"),
      skipped: since("skipped"),
      lost: since("lost"),
    };
    this.#before = now;
    return changes;
  }

  #rejected({ rejects }: Stats): ServerSample["rejects"] {
    const since: ServerSample["rejects"] = {};
    for (const [code, count] of rejects) {
      const increase = count - (this.#rejects.get(code) ?? 0);
      if (increase > 0) since[code] = increase;
    }
    this.#rejects = new Map(rejects);
    return since;
  }
}

/** Number of rooms with sessions, not counting the status rooms. */
export function roomsInUse({ rooms }: Hub): number {
  return rooms.size - OWN_ROOMS.filter((name) => rooms.has(name)).length;
}

function countsOf(stats: Stats): Counts {
  return Object.fromEntries(COUNTERS.map((name) => [name, stats[name]])) as Counts;
}

function quantiles(window: LatencyWindow): Quantiles {
  const [p50 = null, p99 = null] = window.take(0.5, 0.99);
  return { p50: p50 === null ? null : round(p50), p99: p99 === null ? null : round(p99) };
}

function round(value: number): number {
  return Math.round(value * 1000) / 1000;
}
