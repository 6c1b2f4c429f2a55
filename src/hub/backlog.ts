// The backlog of memberships that catch up: finds the next publication of each, in memory or in the log.
import { now } from "../log/clock.ts";
import type { Log } from "../log/log.ts";
import type { Publication, Slice } from "../protocol/publication.ts";
import { PUBLICATION_OVERHEAD_BYTES, type RoomHistory } from "../rooms/room-history.ts";
import { BoundedReads } from "./bounded-reads.ts";
import type { HistoryCache } from "./history-cache.ts";
import { newestPerEvent } from "./newest-per-event.ts";
import type { Membership } from "./session.ts";
import type { Stats } from "./stats.ts";

/** The members of the hub that the backlog uses. */
export interface BacklogHost {
  readonly log: Pick<Log, "history">;
  readonly histories: Pick<HistoryCache, "read">;
  readonly stats: Pick<Stats, "skipped">;
}

export interface BacklogLimits {
  /** The most bytes of slices read from the log and not sent yet, for all sessions together. */
  heldBytes: number;
  /** The most publications per read. A session in many rooms reads fewer of each. */
  readCount: number;
}

/** The number of publications that a session reads ahead, over all of its rooms. */
const READ_AHEAD_COUNT = 32_768;
const MIN_READ_COUNT = 16;

/**
 * The next publication of a membership; or the seq up to which its publications are gone; or "nothing" up to the
 * horizon; or "unreachable": none up to `Backlog.reached`, and what follows is not known yet; or "reading": the log is
 * being read, and `onRead` will be called.
 */
export type NextPublication = Publication | number | "nothing" | "unreachable" | "reading";

export class Backlog {
  readonly limits: BacklogLimits = { heldBytes: 16 << 20, readCount: 256 };
  readonly reads = new BoundedReads(32);
  /** After "nothing" and "unreachable": the seq up to which there is no further publication. */
  reached = 0;
  /** The bytes of slices that were read and not sent yet. */
  heldBytes = 0;
  /** The number of slices that the log returned synchronously. */
  slices = 0;
  /** The bytes of each membership's slice, oldest first. */
  readonly #held = new Map<Membership, number>();
  #now = 0;

  /**
   * @param onRead called when a read for a membership has finished
   * @param onReadFailed called when it has failed
   */
  constructor(
    readonly host: BacklogHost,
    readonly onRead: (membership: Membership) => void,
    readonly onReadFailed: (membership: Membership, error: unknown) => void,
  ) {}

  /** Reads the clock that decides which publications have expired. Call once per piece, before `next`. */
  refresh(): void {
    this.#now = now();
  }

  /** Finds the first publication of a membership whose seq is at least `membership.next`. @param horizon the last seq to consider */
  next(membership: Membership, horizon: number): NextPublication {
    const after = membership.next - 1;
    // Here a resume reads the missed messages: from a history in memory, otherwise from the log.
    const history = this.#historyAfter(membership, after);
    if (!history) return this.#read(membership, after, horizon);
    const { room } = membership;
    const latest = room.rule.lag === "latest";
    // Under `lag: "latest"` skipped publications are not a gap.
    if (history.floor > after && !latest) return history.floor;
    const index = history.indexFrom(membership.next, membership.nextIndex ?? 0);
    membership.nextIndex = index;
    const found = history.at(index);
    if (found && found.time > this.#now - history.retention.age) return found;
    if (found) {
      history.trim(this.#now);
      // The publication may have expired.
      return history.floor > after ? this.next(membership, horizon) : found;
    }
    const { newest } = room;
    // The room keeps its newest publication even if the rule has no history.
    if (latest && newest && newest.seq > after) return newest;
    // The log's history ends with the room's newest publication. The room's own history may start later: all seqs in
    // between belong to other rooms.
    this.reached = Math.max(history.last, Math.min(room.history.last, horizon));
    return "nothing";
  }

  /** A lower bound for the seq of the publication after the one that `next` returned. */
  following(membership: Membership, { seq }: Publication): number {
    const { nextHistory, nextIndex = 0 } = membership;
    const following = nextHistory?.at(nextIndex + 1);
    if (!following || following.seq <= seq) return seq + 1;
    membership.nextIndex = nextIndex + 1;
    return following.seq;
  }

  /** Under `lag: "latest"`: whether a later publication of the same event supersedes the one that `next` returned. */
  isSuperseded({ room, session, nextHistory, fetched }: Membership, publication: Publication): boolean {
    // A slice from the log already holds the newest only.
    if (fetched || publication === room.newest) return false;
    return nextHistory !== undefined && !nextHistory.isNewestFor(publication, session.id);
  }

  /**
   * Starts the reads of memberships that are about to be merged and are not in memory: a remote log answers all of them
   * in one round trip. Does not read ahead from a log that answers synchronously.
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

  /** The history to search. Reuses the last one while it reaches back far enough, which keeps `nextIndex` valid. */
  #historyAfter(membership: Membership, after: number): RoomHistory | undefined {
    const { nextHistory } = membership;
    if (nextHistory && nextHistory.floor <= after) return nextHistory;
    const history = this.#history(membership, after);
    membership.nextHistory = history;
    if (history && membership.fetched) this.drop(membership);
    return history;
  }

  /** A history with everything after a position, or with everything that is stored; undefined if the log must be read. */
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

  /** The result of a read that the log answered synchronously. */
  #fromSlice(membership: Membership, slice: Slice, after: number, horizon: number): NextPublication {
    this.#hold(membership, slice);
    if (slice.from > after) return slice.from;
    const found = firstAfter(slice, after);
    if (found) return found;
    this.reached = slice.upTo;
    return slice.upTo >= horizon ? "nothing" : "unreachable";
  }

  /** @param from no publication lies between `after` and this seq */
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
        // The slice may be in the room's history by now.
        if (!this.#history(membership, after)) this.#hold(membership, slice);
        this.onRead(membership);
      },
      (error: unknown) => this.onReadFailed(membership, error),
    );
  }

  /** Holds a slice until it is sent. Drops the oldest slices beyond `limits.heldBytes`. */
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

/** The first publication of a slice after a seq, by binary search. */
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
