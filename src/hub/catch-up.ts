// Catch-up: sends sessions that are behind what their rooms have had since, in seq order, and puts them back into the
// fan-out. It holds positions and no publications, and works a piece at a time.
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

/** What catch-up needs of the hub. */
export interface CatchUpHost extends BacklogHost {
  readonly log: Pick<Log, "epoch" | "history">;
  readonly sessions: ReadonlyMap<string, Session>;
  /** The seq up to which all live sessions have received everything. */
  readonly position: number;
  readonly fanOut: Pick<FanOut, "resumeLive">;
  readonly stats: Pick<Stats, "skipped" | "gaps">;
  /** Ends a session because of an error of the server. */
  fail(session: Session, error: unknown): void;
}

export interface CatchUpLimits {
  /** A session is sent about this much in one piece, in bytes. */
  pieceBytes: number;
  /** The most publications that are looked at for one piece. */
  pieceSteps: number;
}

/** To read a slice from a file takes as long as to look at so many publications in memory. */
const STEPS_PER_CLOCK_CHECK = 64;
/** After this a paused replay looks again whether it may go on: rates may be others by then. */
const MAX_PAUSE_MS = 5000;

/** What one piece sends. */
interface CatchUpPiece {
  readonly publications: Publication[];
  /** What of it is a replay, in bytes. */
  replayed: number;
  /** Of the first of the heads everything up to this seq is gone; 0 if nothing is. */
  gone: number;
  /** The first of the heads waits for the log. */
  reading: boolean;
}

export class CatchUp {
  readonly limits: CatchUpLimits = { pieceBytes: 64 * 1024, pieceSteps: 1024 };
  readonly governor = governor;
  readonly backlog: Backlog;
  /** Publications that were looked at so far, and comparisons that it took to order them. */
  readonly work = { looks: 0, comparisons: 0 };

  constructor(readonly host: CatchUpHost) {
    this.backlog = new Backlog(
      host,
      ({ session }) => this.resume(session),
      (membership, error) => this.#readFailed(membership, error),
    );
  }

  /** A membership is behind from its position on. */
  add(membership: Membership): void {
    const { session } = membership;
    endMerge(session);
    (session.catchingUp ??= new Set()).add(membership);
  }

  /** A membership has left its room. */
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

  /** Drops publications that were read for a membership and not sent. */
  dropFetched(membership: Membership): void {
    this.backlog.drop(membership);
  }

  /** What is stored of a room may be elsewhere now: all merges start afresh, from where they are. */
  restart(): void {
    for (const session of this.host.sessions.values()) endMerge(session);
  }

  /** A session is behind and can be sent to: a piece now if the tick's share allows it, the others in later ticks. */
  resume(session: Session): void {
    if (!canSend(session)) return;
    // Who has nothing to catch up with is live at once: what is published meanwhile may be stored nowhere.
    if (!session.merge && this.#attachIfCaughtUp(session)) return;
    this.governor.run((session.catchUpWork ??= { piece: () => this.#piece(session) }));
  }

  /** Sends the next piece. True if there is more that can be sent; else a drain, a read or a timer calls `resume`. */
  #piece(session: Session): boolean {
    const { catchingUp } = session;
    if (!catchingUp || !canSend(session)) return false;
    this.backlog.look();
    const merge = (session.merge ??= this.#begin(catchingUp));
    // A debt of before is paid first.
    if (merge.replays && !merge.begun && this.#pace(session, 0)) return false;
    merge.begun = true;
    const gathered = this.#gather(session, merge);
    const { publications, replayed, gone, reading } = gathered;
    const { first } = merge.heads;
    const unread = publications.length === 0 || session.send(publications);
    if (replayed > 0) this.#pace(session, replayed);
    if (first && gone > 0) this.#noticeGap(session, first, gone);
    // Sending may end a session, or set it further back.
    if (session.ended) return false;
    if (session.merge !== merge) return canSend(session);
    if (first) {
      if (gone > 0) advance(merge, gone + 1);
      return !reading && unread && canSend(session);
    }
    endMerge(session);
    if (!unread || !canSend(session)) return false;
    return !this.#attachIfCaughtUp(session);
  }

  /** Level with all rooms, and this tick is not over: nothing can slip between the last piece and the fan-out. */
  #attachIfCaughtUp(session: Session): boolean {
    for (const membership of session.catchingUp ?? []) if (!isCaughtUp(membership)) return false;
    this.host.fanOut.resumeLive(session);
    return true;
  }

  #begin(behind: ReadonlySet<Membership>): Merge<Membership> {
    const merge = beginMerge(behind, this.host.position);
    this.backlog.prefetch(behind, merge.horizon);
    return merge;
  }

  #gather(session: Session, merge: Merge<Membership>): CatchUpPiece {
    const { heads } = merge;
    const { pieceBytes, pieceSteps } = this.limits;
    const gathered: CatchUpPiece = { publications: [], replayed: 0, gone: 0, reading: false };
    const compared = heads.comparisons;
    let bytes = 0;
    let looks = 0;
    for (let { first } = heads; first && looks < pieceSteps && bytes < pieceBytes; first = heads.first) {
      const { slices } = this.backlog;
      const found = first.next > merge.horizon ? "later" : this.backlog.next(first, merge.horizon);
      looks += 1 + (this.backlog.slices - slices) * STEPS_PER_CLOCK_CHECK;
      if (typeof found === "object") {
        // It was only known that nothing comes before this.
        if (found.seq > first.next) {
          advance(merge, found.seq);
          continue;
        }
        if (this.#isFor(session, first, found)) {
          const size = found.size + PUBLICATION_OVERHEAD_BYTES;
          bytes += size;
          if (found.seq <= (first.replayTo ?? 0)) gathered.replayed += size;
          gathered.publications.push(found);
        }
        merge.upTo = found.seq;
        advance(merge, this.backlog.following(first, found));
      } else if (found === "later" || found === "nothing") {
        if (found === "nothing") first.position = Math.max(first.position, this.backlog.reached);
        heads.removeFirst();
      } else if (found === "unreachable") {
        // Nothing that comes after it may be sent before it is known.
        merge.horizon = Math.min(merge.horizon, this.backlog.reached);
      } else {
        if (found === "reading") gathered.reading = true;
        else gathered.gone = found;
        break;
      }
    }
    this.work.looks += looks;
    this.work.comparisons += heads.comparisons - compared;
    return gathered;
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

  /** A replay is never refused for its cost: where that is more than there is, the rest of it waits. True if it does. */
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

  /** The log could not be read. Where that passes, the session waits for it: it has its place and loses nothing. */
  #readFailed(membership: Membership, error: unknown): void {
    const { session } = membership;
    const retry = error instanceof ThumpError && error.code === "unavailable" ? error.retry : undefined;
    if (retry === undefined) return this.host.fail(session, error);
    const again = () => {
      membership.fetching = false;
      this.resume(session);
    };
    setTimeout(again, retry).unref();
  }
}

function canSend(session: Session): boolean {
  return !session.ended && session.catchingUp !== undefined && !session.paceTimer && !session.backedUp();
}
