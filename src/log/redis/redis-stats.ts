// What a log in Redis counts: plain numbers.

export class RedisStats {
  /** Connections that were made, and those that broke. */
  connects = 0;
  breaks = 0;
  /** Commands of connections that are gone. */
  commandsBefore = 0;
  /** How often a room was found to have missed something, and by what. */
  readonly repairs = { prev: 0, check: 0, reconnect: 0 };
  /** How often it began anew. */
  renewals = 0;
  /** Reads that were asked for, and commands that they took: those of one room share. */
  readonly reads = { wanted: 0, sent: 0 };
  /** Publications that were refused, or not answered in time. */
  refused = 0;
  /** Keys that Redis evicted, of any program. */
  evicted = 0;
}
