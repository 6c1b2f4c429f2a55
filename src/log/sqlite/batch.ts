// The content of one transaction. Plain data, because it is posted to the writer's thread.
import type { Data } from "../../protocol/data.ts";

/** Kinds of data, by their number in the file. */
export const DATA_KINDS: readonly Data["kind"][] = ["json", "text", "binary"];

/** A publication as a row of the file. */
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

/** A room as a row of the file. Everything after `floor` is stored. */
export interface RoomRow {
  id: number;
  name: string;
  last: number;
  floor: number;
  count: number;
  bytes: number;
  /** Time of the oldest stored publication, in ms since 1970. */
  oldest: number;
  /** Time at which the oldest publication expires, in ms since 1970. */
  expires: number;
}

/** A changed row of a room. `gone` more publications are at or below the floor. */
export interface RoomChange extends RoomRow {
  gone: number;
}

/** `key` is the key, a line feed and the hash of the publication. Files of older versions have no hash. */
export type KeyRow = [seq: number, key: string, prev: number, time: number];

/** Values of the whole log. */
export interface FileMeta {
  epoch: string;
  /** No seq from here on was ever used. */
  reserved: number;
  /** The newest seq of any room that was dropped completely. */
  forgotten: number;
  /** The patterns with rooms in the file. Under other rules, some rooms may have been stored elsewhere. */
  kinds: string;
}

export interface WriteBatch {
  publications: PublicationRow[];
  rooms: RoomChange[];
  keys: KeyRow[];
  /** Keys up to this seq are expired, or exceed the maximum number. */
  keysUpTo: number;
  /** Ids of dropped rooms. They are not used again. */
  drops: number[];
  meta: Partial<FileMeta>;
}

/** The result of a batch. With an error, the batch was not stored, not even in part. */
export interface WriteOutcome {
  /** Duration of the transaction, in ms. */
  took: number;
  /** Number of expired publications that were deleted since the last result. */
  trimmed: number;
  error?: WriteFault;
  /** Set if the batch was stored, but there is no space for more. */
  ailing?: WriteFault;
}

/** An error of SQLite or the system. */
export interface WriteFault {
  code: string;
  message: string;
}
