// Watches whether Redis evicts keys: warns when its policy allows that, and reports when it did.
import type { RedisConnection } from "./redis-connection.ts";
import type { RedisStats } from "./redis-stats.ts";

/** At most one report in this time, in ms. */
const REPORT_INTERVAL_MS = 60_000;

export class EvictionMonitor {
  /** `evicted_keys` at the last look, in one life of one server. */
  #evicted = 0;
  #run = "";
  #warnedOf = "noeviction";
  /** Keys that no report has counted yet, and when the last report was made. */
  #unreported = 0;
  #reported = Number.NEGATIVE_INFINITY;

  constructor(
    readonly stats: RedisStats,
    readonly onWarning: (text: string) => void,
  ) {}

  /** A new connection: what happened before is seen to by entering the log. */
  enter({ run, server }: RedisConnection): void {
    if (this.#run !== run) this.#evicted = server.evicted;
    this.#run = run;
    const { policy } = server;
    if (policy !== this.#warnedOf && policy !== "noeviction")
      this.onWarning(
        `Redis may evict keys of the log (maxmemory-policy ${policy}): messages, idempotency keys, presence and ` +
          "revocations. Set maxmemory-policy noeviction",
      );
    this.#warnedOf = policy;
  }

  /** Resolves with whether keys were evicted since the last look. */
  async look(connection: RedisConnection): Promise<boolean> {
    const info = String(await connection.call("INFO", "stats"));
    const evicted = Number(/evicted_keys:(\d+)/.exec(info)?.[1] ?? 0);
    // The counter can be reset by hand.
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
      `Redis evicted ${this.#unreported} keys: readers of lost messages get gap notices; lost idempotency keys let a ` +
        "repeated publication through. Give Redis more memory, or keep less history",
    );
    this.#unreported = 0;
  }
}
