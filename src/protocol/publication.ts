// Publications, and drafts: a draft becomes a publication when the log assigns its position.
import type { Data } from "./data.ts";

/** A publication before the log has assigned its position. */
export interface Draft {
  room: string;
  /** The event name; "message" if the publisher set none. */
  event: string;
  data: Data;
  /** The publishing user, if known. */
  from?: string | undefined;
  /** The idempotency key. A repeated key returns the position of the first publication and delivers nothing. */
  key?: string | undefined;
  /** The scope of the key, if it differs from the user in `from`. */
  scope?: string | undefined;
  /**
   * The id of a session that must not receive the publication: the publisher's session, unless it requested an echo.
   */
  except?: string | undefined;
}

/** A published message. Immutable, except for the cached encoding. */
export interface Publication extends Draft {
  /** The publication's number in the log. Increases across all rooms. */
  readonly seq: number;
  /** The seq of the previous publication in the same room; 0 if there is none. */
  readonly prev: number;
  /** When the publication was appended, in ms since 1970. */
  readonly time: number;
  /** The size of the data, in bytes. */
  readonly size: number;
  /** The JSON envelope, built on demand and cached in the publication (G6). */
  envelope?: string;
}

/**
 * Consecutive publications in one room: everything in (`from`, `upTo`]. If `from` is greater than the requested
 * position, the publications between the two are lost.
 */
export interface Slice {
  from: number;
  upTo: number;
  publications: Publication[];
  /**
   * Only for reads of the newest publications: set if the slice contains every stored publication and older
   * publications have been removed.
   */
  truncated?: boolean;
}
