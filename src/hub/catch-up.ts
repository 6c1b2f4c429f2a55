// Catch-up: sends a session the publications that it missed in its rooms, in seq order and in pieces. Then moves the
// session back to the live fan-out. Stores positions, not publications.
import { ThumpError } from "../protocol/codes.ts";
import { formatCursor } from "../protocol/cursor.ts";
import type { Publication } from "../protocol/publication.ts";
import { PUBLICATION_OVERHEAD_BYTES } from "../rooms/room-history.ts";
import type { Log } from "../log/log.ts";
import { Backlog, type BacklogHost } from "./backlog.ts";
import type { FanOut } from "./fan-out.ts";
import { governor } from "../scheduling/governor.ts";
import { advance, beginMerge, endMerge, isCaughtUp, type Merge, positionOf } from "./merge.ts";
import type { Membership, Session } from "./session.ts";
import type { Stats } from "./stats.ts";

/** The part of the hub that catch-up uses. */
export interface CatchUpHost extends BacklogHost {
  readonly log: Pick<Log, "epoch" | "history">;
  readonly sessions: ReadonlyMap<string, Session>;
  /** The seq up to which all live sessions have received everything. */
  readonly position: number;
  readonly fanOut: Pick<FanOut, "resumeLive">;
  readonly stats: Pick<Stats, "skipped" | "gaps">;
  /** Ends a session because of a server error. */
  fail(session: Session, error: unknown): void;
}

export interface CatchUpLimits {
  /** The approximate size of a piece, in bytes. */
  pieceBytes: number;
  /** The maximum number of steps per piece. Each publication examined is one step. */
  pieceSteps: number;
}

/** The cost of reading a slice from a file, expressed as a number of in-memory steps. */
const STEPS_PER_READ = 64;
/** A paused replay checks its rate again at least this often, because the rate may have changed. */
const MAX_PAUSE_MS = 5000;

/** The content of one piece. */
interface CatchUpPiece {
  readonly publications: Publication[];
  /** The size of the replayed publications in the piece, in bytes. */
  replayed: number;
  /** The seq up to which the first head's publications are gone; 0 if none are gone. */
  gone: number;
  /** Whether the first head is waiting for the log. */
  reading: boolean;
}

export class CatchUp {
  readonly limits: CatchUpLimits = { pieceBytes: 64 * 1024, pieceSteps: 1024 };
  readonly governor = governor;
  readonly backlog: Backlog;
  /** The numbers of steps and heap comparisons since the server started. */
  readonly work = { steps: 0, comparisons: 0 };

  constructor(readonly host: CatchUpHost) {
    this.backlog = new Backlog(
      host,
      ({ session }) => this.resume(session),
      (membership, error) => this.#readFailed(membership, error),
    );
  }

  /** Adds a membership that needs the publications after its position. */
  add(membership: Membership): void {
    const { session } = membership;
    endMerge(session);
    (session.catchingUp ??= new Set()).add(membership);
  }

  /** Removes a membership that has left its room. */
  remove(membership: Membership): void {
    const { session } = membership;
    if (!session.catchingUp?.delete(membership)) return;
    this.backlog.drop(membership);
    endMerge(session);
  }

  /** Stops the catch-up of a session that has ended. */
  stop(session: Session): void {
    clearTimeout(session.paceTimer);
    session.paceTimer = undefined;
  }

  /** Drops publications that have been read for a membership but not yet sent. */
  dropFetched(membership: Membership): void {
    this.backlog.drop(membership);
  }

  /** Ends all merges, because histories may have been replaced. The next merges start from the positions reached. */
  restart(): void {
    for (const session of this.host.sessions.values()) endMerge(session);
  }

  /**
   * Continues a session's catch-up: sends a piece now if the governor has time left in this tick, and the rest in later
   * ticks.
   */
  resume(session: Session): void {
    if (!canSend(session)) return;
    // A session that has caught up becomes live immediately, because later publications may not be stored anywhere.
    if (!session.merge && this.#attachIfCaughtUp(session)) return;
    this.governor.run((session.catchUpWork ??= { piece: () => this.#piece(session) }));
  }

  /**
   * Sends the next piece. Returns true if more can be sent now. Otherwise `resume` is called after a drain, a read or a
   * timer.
   */
  #piece(session: Session): boolean {
    const { catchingUp } = session;
    if (!catchingUp || !canSend(session)) return false;
    this.backlog.refresh();
    const merge = (session.merge ??= this.#begin(catchingUp));
    // First wait until earlier replays fit within the client's `reads` rate limit.
    if (merge.replays && !merge.begun && this.#pace(session, 0)) return false;
    merge.begun = true;
    const piece = this.#gather(session, merge);
    const { publications, replayed, gone, reading } = piece;
    const { first } = merge.heads;
    const hasCapacity = publications.length === 0 || session.send(publications);
    if (replayed > 0) this.#pace(session, replayed);
    if (first && gone > 0) this.#noticeGap(session, first, gone);
    // Sending may have ended the session, or detached it from more rooms.
    if (session.ended) return false;
    if (session.merge !== merge) return canSend(session);
    if (first) {
      if (gone > 0) advance(merge, gone + 1);
      return !reading && hasCapacity && canSend(session);
    }
    endMerge(session);
    if (!hasCapacity || !canSend(session)) return false;
    return !this.#attachIfCaughtUp(session);
  }

  /**
   * Moves a session back to the live fan-out if it has caught up. The check and the move happen in one tick, so no
   * publication can arrive between them.
   */
  #attachIfCaughtUp(session: Session): boolean {
    for (const membership of session.catchingUp ?? []) if (!isCaughtUp(membership)) return false;
    this.host.fanOut.resumeLive(session);
    return true;
  }

  #begin(catchingUp: ReadonlySet<Membership>): Merge<Membership> {
    const merge = beginMerge(catchingUp, this.host.position);
    this.backlog.prefetch(catchingUp, merge.horizon);
    return merge;
  }

  #gather(session: Session, merge: Merge<Membership>): CatchUpPiece {
    const { heads } = merge;
    const { pieceBytes, pieceSteps } = this.limits;
    const piece: CatchUpPiece = { publications: [], replayed: 0, gone: 0, reading: false };
    const { comparisons } = heads;
    let bytes = 0;
    let steps = 0;
    for (let { first } = heads; first && steps < pieceSteps && bytes < pieceBytes; first = heads.first) {
      const { slices } = this.backlog;
      const found = first.next > merge.horizon ? "later" : this.backlog.next(first, merge.horizon);
      steps += 1 + (this.backlog.slices - slices) * STEPS_PER_READ;
      if (typeof found === "object") {
        // `first.next` was only a lower bound. A different room's publication may come first.
        if (found.seq > first.next) {
          advance(merge, found.seq);
          continue;
        }
        if (this.#isFor(session, first, found)) {
          const size = found.size + PUBLICATION_OVERHEAD_BYTES;
          bytes += size;
          if (found.seq <= (first.replayTo ?? 0)) piece.replayed += size;
          piece.publications.push(found);
        }
        merge.upTo = found.seq;
        advance(merge, this.backlog.following(first, found));
      } else if (found === "later" || found === "nothing") {
        if (found === "nothing") first.position = Math.max(first.position, this.backlog.reached);
        heads.removeFirst();
      } else if (found === "unreachable") {
        // Later publications from other rooms must wait until this room's next publication is known.
        merge.horizon = Math.min(merge.horizon, this.backlog.reached);
      } else {
        if (found === "reading") piece.reading = true;
        else piece.gone = found;
        break;
      }
    }
    this.work.steps += steps;
    this.work.comparisons += heads.comparisons - comparisons;
    return piece;
  }

  #isFor(session: Session, membership: Membership, publication: Publication): boolean {
    if (membership.room.rule.lag === "latest" && this.backlog.isSuperseded(membership, publication)) {
      this.host.stats.skipped++;
      return false;
    }
    return publication.except !== session.id;
  }

  #noticeGap(session: Session, membership: Membership, upTo: number): void {
    const { epoch } = this.host.log;
    const after = formatCursor(epoch, positionOf(membership));
    this.host.stats.gaps++;
    membership.position = upTo;
    session.gap({ room: membership.room.name, after, at: formatCursor(epoch, upTo) });
  }

  /** Charges replayed bytes to the client's `reads` rate limit. Returns true if the replay must wait. */
  #pace(session: Session, bytes: number): boolean {
    const wait = session.charge(bytes);
    if (wait <= 0 || session.ended) return false;
    session.paceTimer = setTimeout(
      () => {
        session.paceTimer = undefined;
        if (!this.#pace(session, 0)) this.resume(session);
      },
      Math.min(wait, MAX_PAUSE_MS),
    );
    session.paceTimer.unref();
    return true;
  }

  /** Handles a failed read. If the error is temporary, retries the read later. The session keeps its position. */
  #readFailed(membership: Membership, error: unknown): void {
    const { session } = membership;
    const retry = error instanceof ThumpError && error.code === "unavailable" ? error.retry : undefined;
    if (retry === undefined) return this.host.fail(session, error);
    const retryRead = () => {
      membership.fetching = false;
      this.resume(session);
    };
    setTimeout(retryRead, retry).unref();
  }
}

function canSend(session: Session): boolean {
  return !session.ended && session.catchingUp !== undefined && !session.paceTimer && !session.backedUp();
}
