// Options of `ThumpServer.subscribe`.

/** Where a subscription starts, and when it ends. */
export interface SubscribeOptions {
  /**
   * Cursor: messages after it come first, then new ones. Takes precedence over `last`.
   * @example "k3f9zq-17"
   */
  after?: string | undefined;
  /** The number of newest stored messages that come first. Default 0: only new messages. */
  last?: number | undefined;
  /** Whether cursors of quiet rooms are yielded too, as items of the type "position". Default false. */
  positions?: boolean | undefined;
  /** Ends the subscription when it is aborted. */
  signal?: AbortSignal | undefined;
}
