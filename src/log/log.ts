// The log: orders and stores publications. All implementations pass test/contract/log.ts.
import type { Cursor } from "../protocol/cursor.ts";
import type { Draft, Publication, Slice } from "../protocol/publication.ts";
import type { Peers } from "./peers.ts";
import type { Retention } from "../rooms/rule.ts";
import type { RoomHistory } from "../rooms/room-history.ts";

/** The stored publications of a room. */
export interface RoomUsage {
  count: number;
  /** Size, including the overhead of each publication. */
  bytes: number;
  /** Time of the newest publication, in ms since 1970. */
  newest: number | undefined;
}

export interface Log {
  /** The other processes that share the log, if it can be shared. */
  readonly peers?: Peers;
  /** The name of this epoch. It changes only when stored messages are lost. Empty until it is known. */
  readonly epoch: string;
  /** The newest seq: every publication up to it has been delivered to the subscriber of its room. */
  readonly last: number;
  /**
   * Time for which the log remembers the position of every room that was published to, whatever its retention, in ms.
   * Undefined: the log does not.
   */
  readonly positionTtlMs?: number;
  /** Why the log cannot append or read at the moment; undefined if it can. */
  readonly fault?: string | undefined;
  /** Called when a remote log has lost its messages: `before` is the last position of the old epoch. */
  onEpochChange?: (before: Cursor) => void;

  /**
   * Assigns seq and prev to the draft, stores it according to its room's retention, and delivers it to the room's
   * subscriber. Calls for one room are ordered, and so are calls for all rooms with the same storage. A repeated
   * idempotency key returns the position of the first publication and delivers nothing.
   */
  append(draft: Draft): Publication | Promise<Publication>;

  /**
   * Returns up to `limit` publications of a room after a position, oldest first. `from` of the result is greater than
   * `after` if something between them is no longer stored, or might have been.
   */
  read(room: string, after: number, limit: number): Slice | Promise<Slice>;

  /**
   * Returns the stored publications of a room if they are all in this process's memory. The caller must read them in
   * the same tick.
   * @param at time of the clock of publications; older publications than the retention allows are dropped first
   */
  history?(room: string, at: number): RoomHistory | undefined;

  /** Returns the newest `count` publications of a room, oldest first. */
  newest(room: string, count: number): Slice | Promise<Slice>;

  /**
   * Subscribes this process to a room: it receives the publications in order from now on. A room has one subscriber.
   * @param onStart called, before the promise resolves, with the seq after which all publications are delivered;
   * called again if some may have been missed, which the subscriber must read
   * @returns undefined if the subscription is active at once, from `last` on; otherwise a promise, which rejects
   * after a timeout. The caller must then call `unsubscribe`
   */
  subscribe(
    room: string,
    onPublication: (publication: Publication) => void,
    onStart?: (after: number) => void,
  ): void | Promise<void>;
  unsubscribe(room: string): void;

  /**
   * Waits until this log has reached a cursor from another process, which may be ahead of `last`. Resolves when
   * `last` is as recent as possible and `epoch` is known.
   */
  catchUpTo?(cursor: Cursor | undefined): void | Promise<void>;

  /** Replaces the retention of all rooms, also for messages that are already stored. */
  replaceRetention(retentionOf: (room: string) => Retention): void;

  /** Deletes the stored messages of a room. */
  forget(room: string): void | Promise<void>;

  /** Returns the names of the rooms that have stored messages. */
  rooms(): Iterable<string> | Promise<Iterable<string>>;

  /** Returns the usage of a room if the log knows it without a search. */
  usageOf?(room: string): RoomUsage | undefined;

  close(): Promise<void>;
}
