// What goes to the file in one transaction. Plain data: it crosses to the worker that writes.
import type { Data } from "../../protocol/data.ts";

/** How data is kept: its kind by number, and its text or bytes. */
export const DATA_KINDS: readonly Data["kind"][] = ["json", "text", "binary"];

/** A publication as a row. */
export type PublicationRow = [
  room: number,
  seq: number,
  prev: number,
  time: number,
  event: string,
  sender: string | null,
  kind: number,
  data: string | Uint8Array,
  size: number,
];

/** What is known of a room: everything after `floor` is kept. */
export interface RoomRow {
  id: number;
  name: string;
  last: number;
  floor: number;
  count: number;
  bytes: number;
  /** When the oldest that is kept was published, in ms since 1970. */
  oldest: number;
  /** When something of it will be too old, in ms since 1970. */
  expires: number;
}

/** A room whose row has changed; of its publications `gone` more lie at its floor or below it. */
export interface RoomChange extends RoomRow {
  gone: number;
}

/** `key` is the key, a line break and the hash of what was published; without a hash in files of older versions. */
export type KeyRow = [seq: number, key: string, prev: number, time: number];

/** Numbers and names that hold for the whole log. */
export interface FileMeta {
  epoch: string;
  /** No seq from here on was ever used. */
  reserved: number;
  /** The newest seq of any room of which nothing is known any more. */
  forgotten: number;
  /** Which rules keep their rooms here: other rules may have kept some of them elsewhere. */
  kinds: string;
}

export interface WriteBatch {
  publications: PublicationRow[];
  rooms: RoomChange[];
  keys: KeyRow[];
  /** Keys up to this seq are too old, or too many. */
  keysUpTo: number;
  /** Ids of rooms of which nothing needs to be known. They are not used again. */
  drops: number[];
  meta: Partial<FileMeta>;
}

/** How a batch went. With an error, nothing of it is kept. */
export interface WriteOutcome {
  /** How long the transaction took, in ms. */
  took: number;
  /** Publications that were deleted since the last answer, because they are no longer to be kept. */
  trimmed: number;
  error?: WriteFault;
  /** All of it is kept, but there is no room for more. */
  ailing?: WriteFault;
}

/** What SQLite or the system said. */
export interface WriteFault {
  code: string;
  message: string;
}
