// Options of `ThumpServer.subscribe`.

/** Start position and end of a subscription. */
export interface SubscribeOptions {
  /**
   * Cursor to resume from: the messages after it are yielded first, then new messages. Takes precedence over `last`.
   * @default none
   * @example "k3f9zq-17"
   */
  after?: string | undefined;
  /**
   * Number of stored messages to yield first, counted from the newest. With 0, only new messages are yielded.
   * @default 0
   * @example 20
   */
  last?: number | undefined;
  /**
   * Whether to yield items of the type "position": one at the start, and further ones while the room is quiet.
   * @default false
   * @example true
   */
  positions?: boolean | undefined;
  /**
   * Signal that ends the subscription when it is aborted.
   * @default none
   * @example request.signal
   */
  signal?: AbortSignal | undefined;
}
