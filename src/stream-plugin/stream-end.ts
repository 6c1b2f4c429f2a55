// How a stream ended.

/**
 * Why a stream ended:
 * - `done`: the source has no more values;
 * - `client`: the client left;
 * - `error`: the source failed;
 * - `stopped`: the server is stopping;
 * - `slow`: the client did not read fast enough.
 */
export type CloseReason = "done" | "client" | "error" | "stopped" | "slow";

/** The end of a stream, for its close hook. */
export interface StreamEnd {
  /** Why the stream ended. */
  readonly reason: CloseReason;
  /** The value that the source threw, if the reason is `error`. */
  readonly error?: unknown;
}
