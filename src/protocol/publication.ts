// A publication, and the draft it is before the log has given it a position.
import type { Data } from "./data.ts";

/** What somebody wants to publish. */
export interface Draft {
  room: string;
  /** The event's name; "message" when the publisher named none. */
  event: string;
  data: Data;
  /** The user who publishes, when known. */
  from?: string | undefined;
  /** Idempotency key: a repeated one gets the first publication's position and is not delivered again. */
  key?: string | undefined;
  /** Who may use the key again, where that is not the user in `from`. */
  scope?: string | undefined;
  /** The id of a session that must not receive it: its publisher, unless it asked for an echo. */
  except?: string | undefined;
}

/** One published message. Immutable but for the kept encodings. */
export interface Publication extends Draft {
  /** Its number in the log: increases across all rooms. */
  readonly seq: number;
  /** The seq of the one before it in the same room; 0 when none. */
  readonly prev: number;
  /** When it was appended, in ms since 1970. */
  readonly time: number;
  /** The bytes of its data. */
  readonly size: number;
  /** Its JSON envelope, made when first needed and kept as long as the publication is (G6). */
  envelope?: string;
}

/**
 * A run of one room's publications. It holds everything in (`from`, `upTo`];
 * when `from` is greater than the position that was asked for, what lies between is gone.
 */
export interface Slice {
  from: number;
  upTo: number;
  publications: Publication[];
  /** Of the newest: all that is stored is here, and older ones of the room are gone. */
  truncated?: boolean;
}
