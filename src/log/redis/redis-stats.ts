// Counters for the log in Redis.

export class RedisStats {
  /** Connections opened, and connections broken. */
  connects = 0;
  breaks = 0;
  /** Commands sent on earlier connections. */
  commandsBefore = 0;
  /** The number of times that messages were missed in a room, per check that detected the loss. */
  readonly repairs = { prev: 0, check: 0, reconnect: 0 };
  /** New epochs. */
  renewals = 0;
  /** Requested reads, and commands sent for them. Concurrent reads of the same room share commands. */
  readonly reads = { wanted: 0, sent: 0 };
  /** Publications that were refused or that timed out. */
  refused = 0;
  /** Keys that Redis has evicted, including keys that belong to other programs. */
  evicted = 0;
}
