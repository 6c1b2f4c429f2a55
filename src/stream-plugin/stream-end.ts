// The end of a stream: its reason.

/**
 * Why a stream ended: `done`, the source has no more; `client`, the client left; `error`, the source failed;
 * `stopped`, the server stops; `slow`, the client did not read.
 */
export type CloseReason = "done" | "client" | "error" | "stopped" | "slow";

/** The end of a stream, for its close hook. */
export interface StreamEnd {
  /** Why the stream ended. */
  readonly reason: CloseReason;
  /** The value that the source threw, if the reason is `error`. */
  readonly error?: unknown;
}
