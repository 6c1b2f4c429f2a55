// The backlog of a membership: what it is to be sent next, from a tail in memory, or from a log that has to be read.
import { now } from "../log/clock.ts";
import type { Log } from "../log/log.ts";
import type { Publication, Slice } from "../protocol/publication.ts";
import { PUBLICATION_OVERHEAD_BYTES, type RoomHistory } from "../rooms/room-history.ts";
import { BoundedReads } from "./bounded-reads.ts";
import type { HistoryCache } from "./history-cache.ts";
import { newestPerEvent } from "./newest-per-event.ts";
import type { Membership } from "./session.ts";
import type { Stats } from "./stats.ts";

/** What the backlog needs of the hub. */
export interface BacklogHost {
  readonly log: Pick<Log, "history">;
  readonly histories: Pick<HistoryCache, "read">;
  readonly stats: Pick<Stats, "skipped">;
}

export interface BacklogLimits {
  /** What slices that were read from the log and not sent yet may take, of all sessions together, in bytes. */
  heldBytes: number;
  /** The most publications that one read asks for. A session in many rooms asks for fewer of each. */
  readCount: number;
}

/** A session reads about this many publications ahead, over all of its rooms. */
const READ_AHEAD_BYTES = 32_768;
const MIN_READ_COUNT = 16;

/**
 * What comes next: a publication; the seq up to which everything after the position is gone; nothing up to the horizon,
 * or nothing yet, in both cases up to `Backlog.reached`; or the answer of a read, which will call `onRead`.
 */
export type NextPublication = Publication | number | "nothing" | "unreachable" | "reading";

export class Backlog {
  readonly limits: BacklogLimits = { heldBytes: 16 << 20, readCount: 256 };
  readonly reads = new BoundedReads(32);
  /** After "nothing" and "unreachable": there is nothing up to here. */
  reached = 0;
  /** What slices take that were read and not sent yet, in bytes. */
  heldBytes = 0;
  /** Slices that a log has answered at once, in the middle of a piece. */
  slices = 0;
  /** By membership, the oldest first: what its slice takes. */
  readonly #held = new Map<Membership, number>();
  #now = 0;

  /**
   * @param onRead what a membership waited for has been read
   * @param onUnread it could not be
   */
  constructor(
    readonly host: BacklogHost,
    readonly onRead: (membership: Membership) => void,
    readonly onUnread: (membership: Membership, error: unknown) => void,
  ) {}

  /** To be called before `next`, once a tick or more often: what is too old now is not sent. */
  look(): void {
    this.#now = now();
  }

  /** What comes next of a membership that is behind: its seq is `next` or later. @param horizon how far it is to look */
  next(membership: Membership, horizon: number): NextPublication {
    const after = membership.next - 1;
    const history = this.#source(membership, after);
    if (!history) return this.#read(membership, after, horizon);
    const { room } = membership;
    const latest = room.rule.lag === "latest";
    // Under `lag: "latest"` what is skipped is not a gap.
    if (history.floor > after && !latest) return history.floor;
    const index = history.indexFrom(membership.next, membership.nextIndex ?? 0);
    membership.nextIndex = index;
    const found = history.at(index);
    if (found && found.time > this.#now - history.retention.age) return found;
    if (found) {
      history.trim(this.#now);
      // It may have been too old.
      return history.floor > after ? this.next(membership, horizon) : found;
    }
    const { newest } = room;
    // Kept by the room even where its rule keeps no history.
    if (latest && newest && newest.seq > after) return newest;
    // The log's own tail ends with the room's newest publication. The room's may begin later: what came in between was
    // published to other rooms.
    this.reached = Math.max(history.last, Math.min(room.history.last, horizon));
    return "nothing";
  }

  /** The smallest seq that what follows a publication that `next` returned can have. */
  following(membership: Membership, { seq }: Publication): number {
    const { nextHistory, nextIndex = 0 } = membership;
    const following = nextHistory?.at(nextIndex + 1);
    if (!following || following.seq <= seq) return seq + 1;
    membership.nextIndex = nextIndex + 1;
    return following.seq;
  }

  /** Under `lag: "latest"`: whether a publication that `next` returned is superseded by a later one of its event. */
  isSuperseded({ room, session, nextHistory, fetched }: Membership, publication: Publication): boolean {
    // What was read from the log was reduced to the newest.
    if (fetched || publication === room.newest) return false;
    return nextHistory !== undefined && !nextHistory.isNewestFor(publication, session.id);
  }

  /**
   * Starts to read what is not in memory, for memberships that are about to be merged: a log elsewhere answers all of them
   * in the time of one. From one that answers at once nothing is read ahead.
   */
  prefetch(memberships: Iterable<Membership>, horizon: number): void {
    for (const membership of memberships) {
      if (membership.next === 0 || this.#source(membership, membership.position)) continue;
      if (this.#read(membership, membership.position, horizon) !== "reading") return;
    }
  }

  /** Forgets what was read for a membership. */
  drop(membership: Membership): void {
    membership.fetched = undefined;
    this.heldBytes -= this.#held.get(membership) ?? 0;
    this.#held.delete(membership);
  }

  /** The same tail as before as long as that reaches back far enough: merges start afresh where another one may hold. */
  #source(membership: Membership, after: number): RoomHistory | undefined {
    const { nextHistory } = membership;
    if (nextHistory && nextHistory.floor <= after) return nextHistory;
    const history = this.#history(membership, after);
    membership.nextHistory = history;
    if (history && membership.fetched) this.drop(membership);
    return history;
  }

  /** A tail that has everything after a position, or is all that is kept. */
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
      return this.#take(membership, read, after, horizon);
    }
    this.#await(membership, read, after);
    return "reading";
  }

  /** What a log answered at once. */
  #take(membership: Membership, slice: Slice, after: number, horizon: number): NextPublication {
    this.#hold(membership, slice);
    if (slice.from > after) return slice.from;
    const found = firstAfter(slice, after);
    if (found) return found;
    this.reached = slice.upTo;
    return slice.upTo >= horizon ? "nothing" : "unreachable";
  }

  /** @param from there is nothing between `after` and this */
  #slice(membership: Membership, after: number, from: number): Slice | Promise<Slice> {
    const { room, session } = membership;
    const latest = room.rule.lag === "latest";
    const share = Math.max(MIN_READ_COUNT, Math.floor(READ_AHEAD_BYTES / (session.catchingUp?.size ?? 1)));
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
        // What was read may be in the room's tail now.
        if (!this.#history(membership, after)) this.#hold(membership, slice);
        this.onRead(membership);
      },
      (error: unknown) => this.onUnread(membership, error),
    );
  }

  /** Keeps a slice until it is sent, or others need the memory. */
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

/** By halving. */
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
