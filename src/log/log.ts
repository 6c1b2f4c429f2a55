// The log: what orders publications and keeps them. All implementations pass test/contract/log.ts.
import type { Cursor } from "../protocol/cursor.ts";
import type { Draft, Publication, Slice } from "../protocol/publication.ts";
import type { Peers } from "./peers.ts";
import type { Retention } from "../rooms/rule.ts";
import type { RoomHistory } from "../rooms/room-history.ts";

/** What is kept of a room. */
export interface RoomUsage {
  count: number;
  /** With what each publication takes beside its data. */
  bytes: number;
  /** When the newest of it was published, in ms since 1970. */
  newest: number | undefined;
}

export interface Log {
  /** The other processes that share it, where there may be some. */
  readonly peers?: Peers;
  /** The name of this life of the log. It changes only when what was kept is lost; empty until it is known. */
  readonly epoch: string;
  /** The newest seq: every publication up to it has been given to those who follow its room. */
  readonly last: number;
  /** How long something is kept of any room that was published to, whatever its bounds, in ms; absent: nothing is. */
  readonly cachedKeys?: number;
  /** Why not everything can be appended or read just now; absent or undefined while all is well. */
  readonly fault?: string | undefined;
  /** Told, where a log elsewhere lost what it kept while this process ran: what held before, for whoever is live. */
  onEpochChange?: (before: Cursor) => void;

  /**
   * Gives the draft its seq and prev, keeps it as its room's bounds say, and gives it to the room's follower.
   * A room's calls are ordered as they are made; so are those of all rooms that are kept in the same place. A repeated
   * idempotency key returns the first publication's position and reaches no follower.
   */
  append(draft: Draft): Publication | Promise<Publication>;

  /**
   * Up to `limit` publications of a room after a position, oldest first. `from` in the answer is greater
   * than `after` when something between them is no longer kept, or can't be known to be.
   */
  read(room: string, after: number, limit: number): Slice | Promise<Slice>;

  /**
   * All that is kept of a room, where that is in this process's memory: what comes before its floor is gone. It is to be
   * read within the same tick.
   * @param at the time by the clock of publications: what is too old then goes first
   */
  history?(room: string, at: number): RoomHistory | undefined;

  /** The newest `count` publications of a room, oldest first. */
  newest(room: string, count: number): Slice | Promise<Slice>;

  /**
   * This process wants a room's publications, in order, from now on. A room has one follower.
   * @param onStart where it takes a while: told the seq after which all of them are given, before the promise resolves;
   *   and again when some may have been missed: what lies between must be read
   * @returns nothing where it is so at once, from `last` on; else a promise, which rejects when it takes too long:
   *   `unfollow` is then to be called
   */
  subscribe(
    room: string,
    onPublication: (publication: Publication) => void,
    onStart?: (after: number) => void,
  ): void | Promise<void>;
  unsubscribe(room: string): void;

  /**
   * Where there are other processes, one of them may have given a cursor that is ahead of `last`: resolves once
   * `last` has come as far as it can, and `epoch` is known.
   */
  catchUpTo?(cursor: Cursor | undefined): void | Promise<void>;

  /** Other bounds hold from now on, for what is kept already too. */
  replaceRetention(retentionOf: (room: string) => Retention): void;

  /** Forgets what is kept of a room. */
  forget(room: string): void | Promise<void>;

  /** The names of the rooms of which something is kept. */
  rooms(): Iterable<string> | Promise<Iterable<string>>;

  /** What is kept of a room, where this log can tell without looking far. */
  usageOf?(room: string): RoomUsage | undefined;

  close(): Promise<void>;
}
