// A publication, and the draft that becomes a publication when the log assigns its position.
import type { Data } from "./data.ts";

/** A publication before the log has assigned its position. */
export interface Draft {
  room: string;
  /** The event name; "message" if the publisher set none. */
  event: string;
  data: Data;
  /** The publishing user, if known. */
  from?: string | undefined;
  /** Idempotency key: a repeated key returns the position of the first publication, and delivers nothing. */
  key?: string | undefined;
  /** The scope of the key, if it is not the user in `from`. */
  scope?: string | undefined;
  /** The id of a session that must not receive it: the publisher, unless it requested an echo. */
  except?: string | undefined;
}

/** A published message. Immutable, except for the cached encoding. */
export interface Publication extends Draft {
  /** The number in the log: increases across all rooms. */
  readonly seq: number;
  /** The seq of the previous publication in the same room; 0 if there is none. */
  readonly prev: number;
  /** Time of the append, in ms since 1970. */
  readonly time: number;
  /** Size of the data, in bytes. */
  readonly size: number;
  /** JSON envelope, built on demand and cached with the publication (G6). */
  envelope?: string;
}

/**
 * Consecutive publications of one room: everything in (`from`, `upTo`]. If `from` is greater than the requested
 * position, the publications between them are lost.
 */
export interface Slice {
  from: number;
  upTo: number;
  publications: Publication[];
  /** For reads of the newest publications: the slice has every stored publication, and older ones were removed. */
  truncated?: boolean;
}
