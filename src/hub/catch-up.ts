// Catch-up: brings sessions that are behind level with their rooms, a slice a turn, then back into the fan-out.
import { ThumpError } from "../protocol/codes.ts";
import { formatCursor } from "../protocol/cursor.ts";
import type { Publication, Slice } from "../protocol/publication.ts";
import { OVERHEAD } from "../rooms/tail.ts";
import type { Hub } from "./hub.ts";
import type { Membership, Session } from "./session.ts";

/** A session is sent at most about this much in one turn. */
const SLICE_BYTES = 64 * 1024;
const SLICE_COUNT = 256;
/** All sessions together, so that a storm of resumes leaves room for everything else. */
const TURN_BYTES = 4 * 1024 * 1024;

interface Part {
  membership: Membership;
  slice: Slice;
}

export class CatchUp {
  readonly #queue = new Set<Session>();
  #scheduled = false;

  constructor(readonly hub: Hub) {}

  /** A session is behind and can be sent to: sends the first slice now, the others in later turns. */
  resume(session: Session): void {
    if (this.#step(session) !== "again") return;
    this.#queue.add(session);
    this.#schedule();
  }

  #schedule(): void {
    if (this.#scheduled) return;
    this.#scheduled = true;
    setImmediate(() => this.#turn());
  }

  #turn(): void {
    this.#scheduled = false;
    let left = TURN_BYTES;
    for (const session of this.#queue) {
      // To the end of the queue: everybody gets a slice before anybody gets a second one.
      this.#queue.delete(session);
      if (this.#step(session) === "again") this.#queue.add(session);
      left -= SLICE_BYTES;
      if (left <= 0) break;
    }
    if (this.#queue.size > 0) this.#schedule();
  }

  /** "again": there is more to send. "wait": a drain or a read will call again, or it is level. */
  #step(session: Session): "again" | "wait" {
    const { behind } = session;
    if (!behind || session.ended || session.backedUp()) return "wait";
    const parts: Part[] = [];
    let reading = false;
    for (const membership of behind) {
      if (isLevel(membership)) continue;
      const slice = this.#slice(membership);
      if (slice) parts.push({ membership, slice });
      else reading = true;
    }
    if (reading) return "wait";
    if (parts.length > 0) {
      this.#noticeGaps(session, parts);
      // What was sliced is read again from where the notices leave off.
      if (session.backedUp()) return "wait";
      const { publications, upTo } = nextBatch(parts, SLICE_BYTES);
      const unread = session.send(publications.filter((p) => p.except !== session.id));
      for (const { membership } of parts) membership.position = Math.max(membership.position, upTo);
      for (const membership of behind) if (!isLevel(membership)) return unread ? "again" : "wait";
      if (!unread) return "wait";
    }
    // Level with all rooms, and this turn is not over: nothing can slip between the last slice and the fan-out.
    this.hub.fanOut.attach(session);
    return "wait";
  }

  /** What comes next for a membership, or nothing while the log reads. */
  #slice(membership: Membership): Slice | undefined {
    const { fetched, position, room, session } = membership;
    if (fetched) {
      membership.fetched = undefined;
      // Part of it may have been sent: what is left may be read again.
      if (fetched.from >= position) return fetched;
    }
    if (membership.fetching) return undefined;
    const latest = room.rule.lag === "latest";
    const read = this.hub.read(room.name, position, latest ? Number.MAX_SAFE_INTEGER : SLICE_COUNT);
    const prepare = (slice: Slice) => {
      if (!latest) return slice;
      const newest = newestOfEach(slice, position, room.newest, session.id);
      this.hub.stats.skipped += Math.max(0, slice.publications.length - newest.publications.length);
      return newest;
    };
    if (!(read instanceof Promise)) return prepare(read);
    membership.fetching = true;
    read.then(
      (slice) => {
        membership.fetching = false;
        membership.fetched = prepare(slice);
        this.resume(membership.session);
      },
      (error: unknown) => this.#unread(membership, error),
    );
    return undefined;
  }

  /** The log could not be read. Where that passes, the session waits for it: it has its place and loses nothing. */
  #unread(membership: Membership, error: unknown): void {
    const { session } = membership;
    const retry = error instanceof ThumpError && error.code === "unavailable" ? error.retry : undefined;
    if (retry === undefined) return this.hub.fail(session, error);
    const again = () => {
      membership.fetching = false;
      this.resume(session);
    };
    setTimeout(again, retry).unref();
  }

  #noticeGaps(session: Session, parts: Part[]): void {
    const { epoch } = this.hub.log;
    for (const { membership, slice } of parts) {
      if (slice.from <= membership.position) continue;
      const after = formatCursor(epoch, membership.position);
      this.hub.stats.gaps++;
      session.gap({ room: membership.room.name, after, at: formatCursor(epoch, slice.from) });
      membership.position = slice.from;
    }
  }
}

function isLevel({ room, position, fetched }: Membership): boolean {
  return position >= room.tail.last && !fetched;
}

/**
 * The next publications of several rooms in seq order, about `maxBytes` of them. Everything up to `upTo`
 * in all of the rooms is among them or was before. A slice that ends early holds the others back: what
 * comes after its end may have to come before theirs.
 */
export function nextBatch(
  parts: { slice: Slice }[],
  maxBytes: number,
): { publications: Publication[]; upTo: number } {
  const horizon = Math.min(...parts.map(({ slice }) => slice.upTo));
  const merged =
    parts.length === 1
      ? (parts[0]?.slice.publications ?? [])
      : parts
          .flatMap(({ slice }) => slice.publications)
          .filter((p) => p.seq <= horizon)
          .sort((a, b) => a.seq - b.seq);
  let bytes = 0;
  for (let i = 0; i < merged.length; i++) {
    const publication = merged[i] as Publication;
    bytes += publication.size + OVERHEAD;
    if (bytes >= maxBytes && i < merged.length - 1) {
      return { publications: merged.slice(0, i + 1), upTo: publication.seq };
    }
  }
  return { publications: merged, upTo: horizon };
}

/**
 * Under `lag: "latest"`: the newest publication of each event after a position, but for what the session
 * published itself. What is skipped is not a gap.
 */
export function newestOfEach(
  slice: Slice,
  position: number,
  newest: Publication | undefined,
  session: string,
): Slice {
  const byEvent = new Map<string, Publication>();
  const add = (publication: Publication) => {
    if (publication.except === session) return;
    byEvent.delete(publication.event);
    byEvent.set(publication.event, publication);
  };
  slice.publications.forEach(add);
  // Kept by the room even where its rule keeps no history.
  if (newest && newest.seq > position && slice.publications.length === 0) add(newest);
  return { from: position, upTo: slice.upTo, publications: [...byEvent.values()] };
}
