// Options of the log in Redis.

export interface RedisLogOptions {
  /** URL of Redis, see `parseRedisAddress`. */
  url: string;
  /**
   * Prefix of the names of all keys.
   * @default "thump"
   */
  prefix?: string | undefined;
  /**
   * Timeout of a publication, a read or a join, in ms.
   * @default 5000
   */
  patience?: number | undefined;
  /**
   * Interval between checks for missed messages, in ms.
   * @default 5000
   */
  check?: number | undefined;
  /**
   * Lease of a node, in ms: after this time without a renewal, the node and its users count as gone.
   * @default 6000
   */
  lease?: number | undefined;
  /** Called when the messages of a room were deleted, by this or another node. */
  onForget?: ((room: string) => void) | undefined;
  /** Called with a fault, and without an error when the fault is over. */
  onFault?: ((what: string, error?: unknown) => void) | undefined;
  /** Called with a warning for the operator. */
  onWarning?: ((text: string) => void) | undefined;
  /**
   * A room's position is remembered for three times this, in ms.
   * @default 1200000
   */
  period?: number | undefined;
}
