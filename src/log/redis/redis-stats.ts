// Counters of the log in Redis.

export class RedisStats {
  /** Connections opened, and connections broken. */
  connects = 0;
  breaks = 0;
  /** Commands sent on earlier connections. */
  commandsBefore = 0;
  /** Rooms that had missed messages, by the check that detected it. */
  readonly repairs = { prev: 0, check: 0, reconnect: 0 };
  /** New epochs. */
  renewals = 0;
  /** Reads requested, and commands sent for them. Concurrent reads of one room share commands. */
  readonly reads = { wanted: 0, sent: 0 };
  /** Publications that were refused or timed out. */
  refused = 0;
  /** Keys evicted by Redis, of all programs. */
  evicted = 0;
}
