// Options for the log in Redis.

export interface RedisLogOptions {
  /** The Redis URL. See `parseRedisAddress`. */
  url: string;
  /**
   * The prefix of all key names.
   * @default "thump"
   */
  prefix?: string | undefined;
  /**
   * The timeout for a publication, a read or a join, in ms.
   * @default 5000
   */
  patience?: number | undefined;
  /**
   * The interval between checks for missed messages, in ms.
   * @default 5000
   */
  check?: number | undefined;
  /**
   * The lease of a node, in ms. After this time without renewal, the node and its users count as gone.
   * @default 6000
   */
  lease?: number | undefined;
  /** Called when this or another node has deleted a room's messages. */
  onForget?: ((room: string) => void) | undefined;
  /** Called with a fault, and again without an error when the fault has been resolved. */
  onFault?: ((what: string, error?: unknown) => void) | undefined;
  /** Called with a warning for the operator. */
  onWarning?: ((text: string) => void) | undefined;
  /**
   * The length of a period, in ms. A room's position is remembered for three periods.
   * @default 1200000
   */
  period?: number | undefined;
}
