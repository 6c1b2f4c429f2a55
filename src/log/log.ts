// The log: orders and stores publications. All implementations pass test/contract/log.ts.
import type { Cursor } from "../protocol/cursor.ts";
import type { Draft, Publication, Slice } from "../protocol/publication.ts";
import type { Peers } from "./peers.ts";
import type { Retention } from "../rooms/rule.ts";
import type { RoomHistory } from "../rooms/room-history.ts";

/** The stored publications of a room. */
export interface RoomUsage {
  count: number;
  /** Total size in bytes, including the overhead of each publication. */
  bytes: number;
  /** Time of the newest publication, in ms since 1970. */
  newest: number | undefined;
}

export interface Log {
  /** The other processes that share the log. Undefined if the log cannot be shared. */
  readonly peers?: Peers;
  /** The name of the current epoch. Changes only when stored messages are lost. Empty until the epoch is known. */
  readonly epoch: string;
  /** The newest seq: every publication up to it has been delivered to the subscriber of its room. */
  readonly last: number;
  /**
   * After a publication to any room, the log remembers the room's position for this time, in ms, regardless of the
   * room's retention. Undefined if the log does not remember positions.
   */
  readonly positionTtlMs?: number;
  /** The reason why the log currently cannot append or read; undefined if it can. */
  readonly fault?: string | undefined;
  /** Called when a remote log has lost its messages. `before` is the last position of the old epoch. */
  onEpochChange?: (before: Cursor) => void;

  /**
   * Assigns `seq` and `prev` to the draft, stores it according to its room's retention, and delivers it to the room's
   * subscriber. Calls are processed in order within a room, and across rooms that use the same storage. A repeated
   * idempotency key returns the position of the first publication and delivers nothing.
   */
  append(draft: Draft): Publication | Promise<Publication>;

  /**
   * Returns up to `limit` publications of a room after a position, oldest first. The result's `from` is greater than
   * `after` if publications between the two are no longer stored, or if that cannot be ruled out.
   */
  read(room: string, after: number, limit: number): Slice | Promise<Slice>;

  /**
   * Returns a room's stored publications if they are all in this process's memory. The caller must read the history in
   * the same tick.
   * @param at the current time; publications that have expired by then are dropped first
   */
  history?(room: string, at: number): RoomHistory | undefined;

  /** Returns a room's newest `count` publications, oldest first. */
  newest(room: string, count: number): Slice | Promise<Slice>;

  /**
   * Subscribes this process to a room. The subscriber then receives the room's publications in order. A room has one
   * subscriber.
   * @param onStart called before the promise resolves, with the seq after which all publications are delivered. Called
   * again if publications may have been missed; the subscriber must then read them
   * @returns undefined if the subscription is active immediately, starting at `last`. Otherwise, a promise. The promise
   * may reject after a timeout, in which case the caller must call `unsubscribe`
   */
  subscribe(
    room: string,
    onPublication: (publication: Publication) => void,
    onStart?: (after: number) => void,
  ): void | Promise<void>;
  unsubscribe(room: string): void;

  /**
   * Waits until this log has reached a cursor that another process issued and that may be ahead of `last`. Resolves
   * when `last` is as recent as possible and `epoch` is known.
   */
  catchUpTo?(cursor: Cursor | undefined): void | Promise<void>;

  /** Replaces the retention of all rooms. Also applies to messages that are already stored. */
  replaceRetention(retentionOf: (room: string) => Retention): void;

  /** Deletes a room's stored messages. */
  forget(room: string): void | Promise<void>;

  /** Returns the names of the rooms that have stored messages. */
  rooms(): Iterable<string> | Promise<Iterable<string>>;

  /** Returns a room's usage if the log can determine it without a search. */
  usageOf?(room: string): RoomUsage | undefined;

  close(): Promise<void>;
}
