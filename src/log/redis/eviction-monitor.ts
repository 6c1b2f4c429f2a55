// Monitors key evictions in Redis: warns if the policy allows evictions, and reports evictions that happen.
import type { RedisConnection } from "./redis-connection.ts";
import type { RedisStats } from "./redis-stats.ts";

/** The minimum time between reports, in ms. */
const REPORT_INTERVAL_MS = 60_000;

export class EvictionMonitor {
  /** The value of `evicted_keys` at the last check. Redis resets this counter when it starts. */
  #evicted = 0;
  #run = "";
  #warnedPolicy = "noeviction";
  /** The number of evicted keys that have not been reported yet, and the time of the last report. */
  #unreported = 0;
  #reported = Number.NEGATIVE_INFINITY;

  constructor(
    readonly stats: RedisStats,
    readonly onWarning: (text: string) => void,
  ) {}

  /** Resets the counter on a new connection. Earlier losses are detected when the node enters the log. */
  enter({ run, server }: RedisConnection): void {
    if (this.#run !== run) this.#evicted = server.evicted;
    this.#run = run;
    const { policy } = server;
    if (policy !== this.#warnedPolicy && policy !== "noeviction")
      this.onWarning(
        `Redis may evict keys that Thump needs (maxmemory-policy ${policy}): messages, idempotency keys, presence and ` +
          "revocations. Set maxmemory-policy noeviction",
      );
    this.#warnedPolicy = policy;
  }

  /** Returns true if keys have been evicted since the last check. */
  async check(connection: RedisConnection): Promise<boolean> {
    const info = String(await connection.call("INFO", "stats"));
    const evicted = Number(/evicted_keys:(\d+)/.exec(info)?.[1] ?? 0);
    // An operator may have reset the counter.
    const more = evicted < this.#evicted ? evicted : evicted - this.#evicted;
    this.#evicted = evicted;
    if (more === 0) return false;
    this.stats.evicted += more;
    this.#report(more);
    return true;
  }

  #report(more: number): void {
    this.#unreported += more;
    const now = performance.now();
    if (now - this.#reported < REPORT_INTERVAL_MS) return;
    this.#reported = now;
    this.onWarning(
      `Redis evicted ${this.#unreported} keys. Clients that miss lost messages get gap notices, and retries with ` +
        "a lost idempotency key are published again. Give Redis more memory, or reduce the history",
    );
    this.#unreported = 0;
  }
}
