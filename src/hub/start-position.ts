// Where a session begins in a room, and how much is stored after that: found by position, so that nothing is copied.
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

/** The longest that the look-up before a replay waits for the rate of `reads`, in ms. */
const MAX_DELAY_MS = 30_000;

/** Where a client asks to start in a room. `after` takes precedence over `last`; with neither it starts now. */
export interface StartRequest {
  readonly after?: Cursor | undefined;
  /** The number of newest publications. */
  readonly last?: number | undefined;
  /** The oldest publication time that the client may see, in ms since 1970, whatever the cursor. */
  readonly notBefore?: number;
}

/** What the lookup of a start position needs of the host. */
export interface StartHost {
  readonly log: Pick<Log, "history">;
  readonly histories: Pick<HistoryCache, "read" | "newest">;
  /** The seq up to which all live sessions have received everything. */
  readonly position: number;
  isForeignCursor(cursor: Cursor): boolean;
}

export interface StartPosition {
  /** Everything stored after this seq follows. */
  position: number;
  /** The number of publications that are about to follow. */
  replay: number;
  /** The newest of them. */
  newest?: Publication | undefined;
  /** The newest `last` were asked for, and some of them are gone. */
  short?: boolean;
}

/**
 * The beginning of a membership that is not in its room yet. From a log that is elsewhere the publications have to be
 * read to be counted; they are not held for the session.
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
    // It is charged again when it is sent: it is read again for that.
    session.charge(slice.publications.reduce((sum, { size }) => sum + size + PUBLICATION_OVERHEAD_BYTES, 0));
    const short = isCutShort(slice, last);
    return { ...inSlice(sliceNotBefore(slice, after && start.notBefore), membership), short };
  };
  const debt = session.charge(0);
  const slice = debt > 0 ? Bun.sleep(Math.min(debt, MAX_DELAY_MS)).then(read) : read();
  return slice instanceof Promise ? slice.then(fromSlice) : fromSlice(slice);
}

/** A tail that has everything after a position; or, without one, everything that is stored. */
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

/** Under `lag: "latest"`: how many publications after a position are the newest of their event. */
function countNewest(history: RoomHistory, { room, session }: Membership, position: number): number {
  const { newest } = room;
  let at = history.indexAfter(position);
  // Kept by the room even where its rule keeps no history.
  if (!history.at(at)) return newest && newest.seq > position && newest.except !== session.id ? 1 : 0;
  let count = 0;
  for (let next = history.at(at); next; next = history.at(++at))
    if (next.except !== session.id && history.isNewestFor(next, session.id)) count++;
  return count;
}

function inSlice(slice: Slice, { room, session }: Membership): StartPosition {
  const { publications } =
    room.rule.lag === "latest" ? newestPerEvent(slice, slice.from, room.newest, session.id) : slice;
  return { position: slice.from, replay: publications.length, newest: slice.publications.at(-1) };
}
