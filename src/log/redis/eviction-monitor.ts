// Monitors evictions of Redis: warns if the policy allows them, and reports them.
import type { RedisConnection } from "./redis-connection.ts";
import type { RedisStats } from "./redis-stats.ts";

/** Minimum time between two reports, in ms. */
const REPORT_INTERVAL_MS = 60_000;

export class EvictionMonitor {
  /** `evicted_keys` at the last check, for one run of one server. */
  #evicted = 0;
  #run = "";
  #warnedPolicy = "noeviction";
  /** Number of evicted keys that were not reported yet, and the time of the last report. */
  #unreported = 0;
  #reported = Number.NEGATIVE_INFINITY;

  constructor(
    readonly stats: RedisStats,
    readonly onWarning: (text: string) => void,
  ) {}

  /** Resets the counter on a new connection. Entering the log detects earlier losses. */
  enter({ run, server }: RedisConnection): void {
    if (this.#run !== run) this.#evicted = server.evicted;
    this.#run = run;
    const { policy } = server;
    if (policy !== this.#warnedPolicy && policy !== "noeviction")
      this.onWarning(
        `Redis may evict keys of the log (maxmemory-policy ${policy}): messages, idempotency keys, presence and ` +
          "revocations. Set maxmemory-policy noeviction",
      );
    this.#warnedPolicy = policy;
  }

  /** Returns true if keys were evicted since the last check. */
  async check(connection: RedisConnection): Promise<boolean> {
    const info = String(await connection.call("INFO", "stats"));
    const evicted = Number(/evicted_keys:(\d+)/.exec(info)?.[1] ?? 0);
    // An operator can reset the counter.
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
      `Redis evicted ${this.#unreported} keys. Readers of lost messages get gap notices, and retries with ` +
        "a lost idempotency key are published again. Give Redis more memory, or reduce the history",
    );
    this.#unreported = 0;
  }
}
