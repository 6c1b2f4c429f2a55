// Log recovery: brings sessions up to date after the log has missed publications in a room or started a new epoch.
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

/** The part of the hub that log recovery uses. */
export interface LogRecoveryHost {
  readonly log: Pick<Log, "last">;
  readonly rooms: ReadonlyMap<string, Room>;
  readonly sessions: ReadonlyMap<string, Session>;
  readonly histories: Pick<HistoryCache, "read">;
  readonly fanOut: Pick<FanOut, "pauseLive" | "flushStreams">;
  readonly stats: Pick<Stats, "gaps">;
  /** The seq up to which all live sessions have received everything, and the same position as a cursor. */
  readonly position: number;
  readonly at: string;
}

export class LogRecovery {
  constructor(
    readonly host: LogRecoveryHost,
    readonly catchUp: Pick<CatchUp, "resume" | "dropFetched">,
  ) {}

  /**
   * Called when the log starts delivering all of a room's publications after a seq. Sessions that were live before may
   * have missed publications. They catch up from their positions, and receive a gap notice if messages are gone.
   */
  onSubscribed(room: Room, after: number): void {
    const { last } = room.history;
    const live = [...room.members].filter(({ live }) => live);
    for (const { session } of live) this.host.fanOut.pauseLive(session, this.host.position);
    // Restart the merges of sessions that are catching up: a range that seemed empty may contain publications.
    for (const { session } of room.members) endMerge(session);
    room.start(after);
    for (const membership of live) membership.position = last;
    for (const { session } of live) this.catchUp.resume(session);
    // Sampled members do not catch up. They receive only the newest publication.
    if (last > 0 && [...room.members].some(({ max }) => max !== undefined)) this.#readNewest(room, last);
  }

  /** Reads the missed publications. `HistoryCache.read` makes the newest one available to the sampler. */
  #readNewest(room: Room, after: number): void {
    Promise.try(() => this.host.histories.read(room.name, after, Number.MAX_SAFE_INTEGER)).catch(() => {
      // Ignored: the next publication will be newer.
    });
  }

  /**
   * Called when the log has lost its messages and started a new epoch. Sends a gap notice to all sessions.
   * @param before the last cursor of the old epoch
   */
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
