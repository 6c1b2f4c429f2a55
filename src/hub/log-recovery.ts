// Rooms of a log that may be elsewhere: where its publications begin, what was missed of them, what was lost.
import type { Log } from "../log/log.ts";
import type { Cursor } from "../protocol/cursor.ts";
import { formatCursor } from "../protocol/cursor.ts";
import type { CatchUp } from "./catch-up.ts";
import type { FanOut } from "./fan-out.ts";
import type { HistoryCache } from "./history-cache.ts";
import { endMerge } from "./merge.ts";
import type { Room } from "./room.ts";
import type { Session } from "./session.ts";
import type { Stats } from "./stats.ts";

/** What log recovery needs of the hub. */
export interface LogRecoveryHost {
  readonly log: Pick<Log, "last">;
  readonly rooms: ReadonlyMap<string, Room>;
  readonly sessions: ReadonlyMap<string, Session>;
  readonly histories: Pick<HistoryCache, "read">;
  readonly fanOut: Pick<FanOut, "pauseLive" | "flushStreams">;
  readonly stats: Pick<Stats, "gaps">;
  /** The seq up to which all live sessions have received everything, and the same as a cursor. */
  readonly position: number;
  readonly at: string;
}

export class LogRecovery {
  constructor(
    readonly host: LogRecoveryHost,
    readonly catchUp: Pick<CatchUp, "resume" | "dropFetched">,
  ) {}

  /**
   * From here on a room's publications are given. Who was live before reads what may have been missed, from where
   * it is: it is told of a gap where that is gone.
   */
  onSubscribed(room: Room, after: number): void {
    const { last } = room.history;
    const live = [...room.members].filter(({ live }) => live);
    for (const { session } of live) this.host.fanOut.pauseLive(session, this.host.position);
    // Those who are behind may have to read what they took for empty.
    for (const { session } of room.members) endMerge(session);
    room.start(after);
    for (const membership of live) membership.position = last;
    for (const { session } of live) this.catchUp.resume(session);
    // Those who sample wait for nothing, but are to see the newest.
    if (last > 0 && [...room.members].some(({ max }) => max !== undefined)) this.#findGap(room, last);
  }

  #findGap(room: Room, after: number): void {
    Promise.try(() => this.host.histories.read(room.name, after, Number.MAX_SAFE_INTEGER)).catch(() => {
      // What comes next is newer.
    });
  }

  /** The log lost what it kept, and began anew: nobody knows what was lost, so everybody is told. */
  onEpochChange(before: Cursor): void {
    const at = this.host.at;
    this.host.fanOut.flushStreams();
    for (const room of this.host.rooms.values()) room.forget(this.host.log.last);
    for (const session of this.host.sessions.values()) {
      endMerge(session);
      for (const membership of session.memberships.values()) {
        const seq = membership.live ? before.seq : membership.position;
        this.catchUp.dropFetched(membership);
        membership.position = this.host.log.last;
        if (membership.room.starting) continue;
        this.host.stats.gaps++;
        session.gap({ room: membership.room.name, after: formatCursor(before.epoch, seq), at });
      }
    }
  }
}
