// The settings of a log in Redis, and whom it tells of what.

export interface RedisLogOptions {
  /** As `parseRedisAddress` takes it. */
  url: string;
  /** What the names of all its keys begin with. */
  prefix?: string | undefined;
  /** How long a publication, a read or a join waits for Redis, in ms. */
  patience?: number | undefined;
  /** How often rooms are asked for their newest, in ms. */
  check?: number | undefined;
  /** A node that was not heard of for so long is gone, with all who are there, in ms. */
  lease?: number | undefined;
  /** Told when what is kept of a room was forgotten, here or on another node. */
  onForget?: ((room: string) => void) | undefined;
  /** Told of what goes wrong, and without an error when it is over. */
  onFault?: ((what: string, error?: unknown) => void) | undefined;
  /** Given what an operator should know, though it works. */
  onWarning?: ((text: string) => void) | undefined;
  /** What is known of a room is remembered for three times this, in ms. */
  period?: number | undefined;
}
