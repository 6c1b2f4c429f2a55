// The backlog: finds the next publication for each membership that is catching up, in memory or in the log.
import { now } from "../log/clock.ts";
import type { Log } from "../log/log.ts";
import type { Publication, Slice } from "../protocol/publication.ts";
import { PUBLICATION_OVERHEAD_BYTES, type RoomHistory } from "../rooms/room-history.ts";
import { BoundedReads } from "./bounded-reads.ts";
import type { HistoryCache } from "./history-cache.ts";
import { newestPerEvent } from "./newest-per-event.ts";
import type { Membership } from "./session.ts";
import type { Stats } from "./stats.ts";

/** The part of the hub that the backlog uses. */
export interface BacklogHost {
  readonly log: Pick<Log, "history">;
  readonly histories: Pick<HistoryCache, "read">;
  readonly stats: Pick<Stats, "skipped">;
}

export interface BacklogLimits {
  /** The maximum total size of slices that have been read from the log but not yet sent, in bytes. */
  heldBytes: number;
  /** The maximum number of publications per read. A session in many rooms reads fewer publications per room. */
  readCount: number;
}

/** The number of publications that a session reads ahead, across all of its rooms. */
const READ_AHEAD_COUNT = 32_768;
const MIN_READ_COUNT = 16;

/**
 * The result of a search for a membership's next publication:
 * - a publication
 * - a number: the membership's publications up to this seq are gone
 * - `"nothing"`: there is no publication up to the horizon
 * - `"unreachable"`: there is no publication up to `Backlog.reached`, and it is not known yet whether there are later
 * ones
 * - `"reading"`: the log is being read, and `onRead` will be called
 */
export type NextPublication = Publication | number | "nothing" | "unreachable" | "reading";

export class Backlog {
  readonly limits: BacklogLimits = { heldBytes: 16 << 20, readCount: 256 };
  readonly reads = new BoundedReads(32);
  /** Set when `next` returns "nothing" or "unreachable": there is no further publication up to this seq. */
  reached = 0;
  /** The total size of slices that have been read but not yet sent, in bytes. */
  heldBytes = 0;
  /** The number of slices that the log returned synchronously. */
  slices = 0;
  /** The size of each membership's slice in bytes, oldest slice first. */
  readonly #held = new Map<Membership, number>();
  #now = 0;

  /**
   * @param onRead called when a membership's read has finished
   * @param onReadFailed called when a membership's read has failed
   */
  constructor(
    readonly host: BacklogHost,
    readonly onRead: (membership: Membership) => void,
    readonly onReadFailed: (membership: Membership, error: unknown) => void,
  ) {}

  /** Updates the time used to check which publications have expired. Call this once per piece, before `next`. */
  refresh(): void {
    this.#now = now();
  }

  /**
   * Finds a membership's first publication whose seq is at least `membership.next`.
   * @param horizon the last seq to consider
   */
  next(membership: Membership, horizon: number): NextPublication {
    const after = membership.next - 1;
    // Here a resume reads the missed messages: from memory if possible, otherwise from the log.
    const history = this.#historyAfter(membership, after);
    if (!history) return this.#read(membership, after, horizon);
    const { room } = membership;
    const latest = room.rule.lag === "latest";
    // With `lag: "latest"`, skipped publications do not count as a gap.
    if (history.floor > after && !latest) return history.floor;
    const index = history.indexFrom(membership.next, membership.nextIndex ?? 0);
    membership.nextIndex = index;
    const found = history.at(index);
    if (found && found.time > this.#now - history.retention.age) return found;
    if (found) {
      history.trim(this.#now);
      // If trimming removed the publication, search again.
      return history.floor > after ? this.next(membership, horizon) : found;
    }
    const { newest } = room;
    // The room keeps its newest publication even if its rule stores no history.
    if (latest && newest && newest.seq > after) return newest;
    // The log's history ends with the room's newest publication. The room's own history may start at a later seq. All
    // seqs in between belong to other rooms.
    this.reached = Math.max(history.last, Math.min(room.history.last, horizon));
    return "nothing";
  }

  /** Returns a lower bound for the seq of the publication that follows the one from `next`. */
  following(membership: Membership, { seq }: Publication): number {
    const { nextHistory, nextIndex = 0 } = membership;
    const following = nextHistory?.at(nextIndex + 1);
    if (!following || following.seq <= seq) return seq + 1;
    membership.nextIndex = nextIndex + 1;
    return following.seq;
  }

  /** With `lag: "latest"`: returns true if a later publication of the same event supersedes this one. */
  isSuperseded({ room, session, nextHistory, fetched }: Membership, publication: Publication): boolean {
    // A slice from the log already contains only the newest publication of each event.
    if (fetched || publication === room.newest) return false;
    return nextHistory !== undefined && !nextHistory.isNewestFor(publication, session.id);
  }

  /**
   * Starts reads for memberships that are about to be merged and whose publications are not in memory. A remote log
   * answers all of these reads in one round trip. A log that answers synchronously is not read ahead.
   */
  prefetch(memberships: Iterable<Membership>, horizon: number): void {
    for (const membership of memberships) {
      if (membership.next === 0 || this.#historyAfter(membership, membership.position)) continue;
      if (this.#read(membership, membership.position, horizon) !== "reading") return;
    }
  }

  /** Drops the slice that was read for a membership. */
  drop(membership: Membership): void {
    membership.fetched = undefined;
    this.heldBytes -= this.#held.get(membership) ?? 0;
    this.#held.delete(membership);
  }

  /**
   * Returns the history to search. Reuses the previous history as long as it reaches back far enough, so that
   * `nextIndex` stays valid.
   */
  #historyAfter(membership: Membership, after: number): RoomHistory | undefined {
    const { nextHistory } = membership;
    if (nextHistory && nextHistory.floor <= after) return nextHistory;
    const history = this.#history(membership, after);
    membership.nextHistory = history;
    if (history && membership.fetched) this.drop(membership);
    return history;
  }

  /**
   * Returns a history that contains everything after a position, or everything still stored. Returns undefined if the
   * log must be read.
   */
  #history({ room }: Membership, after: number): RoomHistory | undefined {
    room.history.trim(this.#now);
    return after >= room.history.floor ? room.history : this.host.log.history?.(room.name, this.#now);
  }

  #read(membership: Membership, after: number, horizon: number): NextPublication {
    const { fetched } = membership;
    if (fetched && fetched.upTo > after) {
      if (fetched.from > after) return fetched.from;
      const found = firstAfter(fetched, after);
      if (found) return found;
      this.reached = fetched.upTo;
      if (fetched.upTo >= horizon) return "nothing";
    }
    if (membership.fetching) return "reading";
    const from = fetched && fetched.from <= after ? Math.max(after, fetched.upTo) : after;
    const read = this.reads.run(() => this.#slice(membership, after, from));
    if (!(read instanceof Promise)) {
      this.slices++;
      return this.#fromSlice(membership, read, after, horizon);
    }
    this.#await(membership, read, after);
    return "reading";
  }

  /** Processes a slice that the log returned synchronously. */
  #fromSlice(membership: Membership, slice: Slice, after: number, horizon: number): NextPublication {
    this.#hold(membership, slice);
    if (slice.from > after) return slice.from;
    const found = firstAfter(slice, after);
    if (found) return found;
    this.reached = slice.upTo;
    return slice.upTo >= horizon ? "nothing" : "unreachable";
  }

  /** @param from there is no publication between `after` and this seq */
  #slice(membership: Membership, after: number, from: number): Slice | Promise<Slice> {
    const { room, session } = membership;
    const latest = room.rule.lag === "latest";
    const share = Math.max(MIN_READ_COUNT, Math.floor(READ_AHEAD_COUNT / (session.catchingUp?.size ?? 1)));
    const limit = latest ? Number.MAX_SAFE_INTEGER : Math.min(this.limits.readCount, share);
    const read = this.host.histories.read(room.name, from, limit);
    const prepare = (slice: Slice): Slice => {
      if (!latest) return slice.from > from ? slice : { ...slice, from: after };
      const newest = newestPerEvent(slice, after, room.newest, session.id);
      this.host.stats.skipped += Math.max(0, slice.publications.length - newest.publications.length);
      return newest;
    };
    return read instanceof Promise ? read.then(prepare) : prepare(read);
  }

  #await(membership: Membership, read: Promise<Slice>, after: number): void {
    membership.fetching = true;
    read.then(
      (slice) => {
        membership.fetching = false;
        if (!membership.session.catchingUp?.has(membership)) return;
        // By now, the room's history may contain the slice.
        if (!this.#history(membership, after)) this.#hold(membership, slice);
        this.onRead(membership);
      },
      (error: unknown) => this.onReadFailed(membership, error),
    );
  }

  /** Holds a slice until it is sent. Drops the oldest slices if the total exceeds `limits.heldBytes`. */
  #hold(membership: Membership, slice: Slice): void {
    this.drop(membership);
    const bytes = slice.publications.reduce(
      (sum, { size }) => sum + size + PUBLICATION_OVERHEAD_BYTES,
      PUBLICATION_OVERHEAD_BYTES,
    );
    membership.fetched = slice;
    this.#held.set(membership, bytes);
    this.heldBytes += bytes;
    for (const oldest of this.#held.keys()) {
      if (this.heldBytes <= this.limits.heldBytes || oldest === membership) return;
      this.drop(oldest);
    }
  }
}

/** Finds the first publication after a seq in a slice, by binary search. */
function firstAfter({ publications }: Slice, seq: number): Publication | undefined {
  let low = 0;
  let high = publications.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((publications[middle] as Publication).seq <= seq) low = middle + 1;
    else high = middle;
  }
  return publications[low];
}
