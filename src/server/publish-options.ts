// Options for publications made by code in the server process.

/** Optional fields of a publication made by code in the server process. */
export interface PublishOptions {
  /**
   * Event name, which subscribers receive with the data. 1 to 255 bytes; names that begin with `thump:` are reserved.
   * @default "message"
   * @example "created"
   */
  event?: string;
  /**
   * Idempotency key of 1 to 255 bytes. A second publication to the room with the same key and data is not stored; its
   * promise resolves with the cursor of the first publication. The server remembers keys for 10 minutes.
   * @default undefined: no deduplication
   * @example "order-4711"
   */
  key?: string;
  /**
   * User name of the publisher. Subscribers receive it as `from`.
   * @default undefined: `from` is absent
   * @example "u7"
   */
  from?: string;
}
