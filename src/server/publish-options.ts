// The options of publications made by code in the server process.

/** Optional fields of a publication made by code in the server process. */
export interface PublishOptions {
  /**
   * Event name, which subscribers can filter by. 1 to 255 bytes; names that begin with `thump:` are reserved.
   * @default "message"
   * @example "created"
   */
  event?: string;
  /**
   * Idempotency key. A second publication to the room with the same key is not stored: its promise resolves with the
   * cursor of the first.
   * @default undefined: no deduplication
   * @example "order-4711"
   */
  key?: string;
  /**
   * User on whose behalf the publication is made. Subscribers receive it as `from`.
   * @default undefined: `from` is absent
   * @example "u7"
   */
  from?: string;
}
