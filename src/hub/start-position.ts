// Start positions: finds where a session starts in a room, and how many stored publications follow.
import { now } from "../log/clock.ts";
import type { Log } from "../log/log.ts";
import type { Cursor } from "../protocol/cursor.ts";
import type { Publication, Slice } from "../protocol/publication.ts";
import { PUBLICATION_OVERHEAD_BYTES, type RoomHistory } from "../rooms/room-history.ts";
import type { BoundedReads } from "./bounded-reads.ts";
import type { HistoryCache } from "./history-cache.ts";
import { newestPerEvent } from "./newest-per-event.ts";
import type { Membership } from "./session.ts";
import { isCutShort, sliceNotBefore } from "./not-before.ts";

/** The maximum time that a lookup waits for the client's `reads` rate limit. */
const MAX_DELAY_MS = 30_000;

/**
 * The start that a client requests in a room. `after` takes precedence over `last`. With neither, the session starts at
 * the current position.
 */
export interface StartRequest {
  readonly after?: Cursor | undefined;
  /** The number of newest publications to receive. */
  readonly last?: number | undefined;
  /** The client may not see publications older than this time, in ms since 1970, even if the cursor is older. */
  readonly notBefore?: number;
}

/** The part of the hub that the lookup uses. */
export interface StartHost {
  readonly log: Pick<Log, "history">;
  readonly histories: Pick<HistoryCache, "read" | "newest">;
  /** The seq up to which all live sessions have received everything. */
  readonly position: number;
  isForeignCursor(cursor: Cursor): boolean;
}

export interface StartPosition {
  /** The session receives everything stored after this seq. */
  position: number;
  /** The number of stored publications that will be sent. */
  replay: number;
  /** The newest of these publications. */
  newest?: Publication | undefined;
  /** Whether some of the requested `last` publications are gone. */
  short?: boolean;
}

/**
 * Finds the start position of a membership. Publications that are not in memory are read from the log, counted and
 * discarded.
 * @throws ThumpError `unavailable`
 */
export function startPositionOf(
  host: StartHost,
  reads: BoundedReads,
  membership: Membership,
  start: StartRequest,
): StartPosition | Promise<StartPosition> {
  const { name } = membership.room;
  const { after, last } = start;
  if (!after && !last) return { position: host.position, replay: 0 };
  const from = !after || host.isForeignCursor(after) ? 0 : after.seq;
  const history = historyFor(host, membership, after ? from : undefined);
  if (history && after) return inHistory(history, membership, from, start.notBefore);
  if (history && last) {
    const short = history.isShortOf(last);
    return { ...inHistory(history, membership, history.beforeNewest(last), undefined), short };
  }
  const { session } = membership;
  const read = () =>
    reads.run(() =>
      after
        ? host.histories.read(name, from, Number.MAX_SAFE_INTEGER)
        : host.histories.newest(name, last ?? 0),
    );
  const fromSlice = (slice: Slice) => {
    // The replay is charged again when it is sent, because sending requires a second read.
    session.charge(slice.publications.reduce((sum, { size }) => sum + size + PUBLICATION_OVERHEAD_BYTES, 0));
    const short = isCutShort(slice, last);
    return { ...inSlice(sliceNotBefore(slice, after && start.notBefore), membership), short };
  };
  const debt = session.charge(0);
  const slice = debt > 0 ? Bun.sleep(Math.min(debt, MAX_DELAY_MS)).then(read) : read();
  return slice instanceof Promise ? slice.then(fromSlice) : fromSlice(slice);
}

/**
 * Returns a history that contains everything after a position, or everything still stored. Returns undefined if the log
 * must be read.
 */
function historyFor(
  host: StartHost,
  { room }: Membership,
  after: number | undefined,
): RoomHistory | undefined {
  const at = now();
  room.history.trim(at);
  return after !== undefined && after >= room.history.floor
    ? room.history
    : host.log.history?.(room.name, at);
}

function inHistory(
  history: RoomHistory,
  membership: Membership,
  after: number,
  notBefore: number | undefined,
): StartPosition {
  const from = Math.max(after, history.floor);
  const position = notBefore === undefined ? from : history.beforeTime(from, notBefore);
  const replay = history.countAfter(position);
  const newest = replay > 0 ? history.newestPublication : undefined;
  if (membership.room.rule.lag !== "latest") return { position, replay, newest };
  return { position, replay: countNewest(history, membership, position), newest };
}

/** With `lag: "latest"`: counts the publications after a position that are the newest of their event. */
function countNewest(history: RoomHistory, { room, session }: Membership, position: number): number {
  const { newest } = room;
  let index = history.indexAfter(position);
  // The room keeps its newest publication even if its rule stores no history.
  if (!history.at(index)) return newest && newest.seq > position && newest.except !== session.id ? 1 : 0;
  let count = 0;
  for (let next = history.at(index); next; next = history.at(++index))
    if (next.except !== session.id && history.isNewestFor(next, session.id)) count++;
  return count;
}

function inSlice(slice: Slice, { room, session }: Membership): StartPosition {
  const { publications } =
    room.rule.lag === "latest" ? newestPerEvent(slice, slice.from, room.newest, session.id) : slice;
  return { position: slice.from, replay: publications.length, newest: slice.publications.at(-1) };
}
