// Options of `ThumpServer.subscribe`.

/** Start position and end of a subscription. */
export interface SubscribeOptions {
  /**
   * Cursor: messages after it come first, then new ones. Takes precedence over `last`.
   * @default none
   * @example "k3f9zq-17"
   */
  after?: string | undefined;
  /**
   * The number of newest stored messages that come first. 0: only new messages.
   * @default 0
   * @example 20
   */
  last?: number | undefined;
  /**
   * Whether the start position, and the position in a quiet room, are yielded as items of the type "position".
   * @default false
   * @example true
   */
  positions?: boolean | undefined;
  /**
   * Ends the subscription when it is aborted.
   * @default none
   * @example request.signal
   */
  signal?: AbortSignal | undefined;
}
