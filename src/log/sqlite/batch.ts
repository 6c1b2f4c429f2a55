// The content of one transaction, as plain data that can be posted to the writer thread.
import type { Data } from "../../protocol/data.ts";

/** The kinds of data. The file stores a kind as its index in this array. */
export const DATA_KINDS: readonly Data["kind"][] = ["json", "text", "binary"];

/** A publication as a row in the file. */
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

/** A room as a row in the file. All publications after `floor` are stored. */
export interface RoomRow {
  id: number;
  name: string;
  last: number;
  floor: number;
  count: number;
  bytes: number;
  /** When the oldest stored publication was published, in ms since 1970. */
  oldest: number;
  /** When the oldest stored publication expires, in ms since 1970. */
  expires: number;
}

/** A changed room row. `gone` is the number of publications at or below the floor that are still in the file. */
export interface RoomChange extends RoomRow {
  gone: number;
}

/**
 * `key` consists of the idempotency key, a line feed and the publication's hash. Files from older versions have no
 * hash.
 */
export type KeyRow = [seq: number, key: string, prev: number, time: number];

/** Values of the whole log. */
export interface FileMeta {
  epoch: string;
  /** This seq and all greater ones have never been used. */
  reserved: number;
  /** The newest seq of any room that has been dropped completely. */
  forgotten: number;
  /**
   * The patterns whose rooms are stored in the file. If these patterns differ from the current rules, some rooms may
   * have been stored elsewhere.
   */
  kinds: string;
}

export interface WriteBatch {
  publications: PublicationRow[];
  rooms: RoomChange[];
  keys: KeyRow[];
  /** Keys up to this seq have expired or exceed the maximum number. */
  keysUpTo: number;
  /** The ids of dropped rooms. Ids are never reused. */
  drops: number[];
  meta: Partial<FileMeta>;
}

/** The result of a batch. If there is an error, no part of the batch was stored. */
export interface WriteOutcome {
  /** The duration of the transaction, in ms. */
  took: number;
  /** The number of expired publications deleted since the last result. */
  trimmed: number;
  error?: WriteFault;
  /** Set if the batch was stored but there is no space for more data. */
  ailing?: WriteFault;
}

/** An error from SQLite or the operating system. */
export interface WriteFault {
  code: string;
  message: string;
}
