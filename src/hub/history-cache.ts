// Reads a room's stored publications: from the in-memory history if it reaches back far enough, otherwise from the log.
// Caches slices from a remote log within the memory budget.
import { now } from "../log/clock.ts";
import type { Log } from "../log/log.ts";
import { Sweeper } from "../log/sweeper.ts";
import type { Slice } from "../protocol/publication.ts";
import type { MemoryBudget } from "../rooms/memory-budget.ts";
import { Rounds } from "../scheduling/tick-slice.ts";
import type { Room } from "./room.ts";

/** The pause between two passes that trim expired publications in quiet rooms. */
const TRIM_INTERVAL_MS = 5000;
/** The pause between two slices of a pass. */
const TRIM_PAUSE_MS = 50;
/** The maximum number of rooms to visit per eviction. */
const ROOMS_PER_EVICTION = 2000;

export class HistoryCache {
  readonly #rounds = new Rounds<Room>(() => this.rooms.values());
  readonly #trimming: Sweeper<Room>;

  /**
   * @param rooms the open rooms, by name
   * @param memoryBudget the shared limit for the histories of all open rooms; undefined if the log limits them itself
   */
  constructor(
    readonly rooms: ReadonlyMap<string, Room>,
    readonly log: Pick<Log, "read" | "newest" | "forget">,
    readonly memoryBudget: MemoryBudget | undefined,
  ) {
    // Publications expire in quiet rooms too.
    this.#trimming = new Sweeper(
      () => rooms.values(),
      ({ history }) => history.trim(now()),
      { rest: TRIM_INTERVAL_MS, pause: TRIM_PAUSE_MS },
    );
  }

  /** Reads at most `limit` of a room's publications after a seq. @throws ThumpError `unavailable` */
  read(name: string, after: number, limit: number): Slice | Promise<Slice> {
    const history = this.rooms.get(name)?.history;
    if (history) {
      history.trim(now());
      if (after >= history.floor) return history.read(after, limit);
    }
    return this.#keep(name, this.log.read(name, after, limit));
  }

  /** Reads a room's newest publications from the log. @throws ThumpError `unavailable` */
  newest(name: string, count: number): Slice | Promise<Slice> {
    return this.#keep(name, this.log.newest(name, count));
  }

  /** Drops a room's publications up to a seq after the log has evicted them. */
  release(name: string, upTo: number): void {
    this.rooms.get(name)?.history.releaseUpTo(upTo);
  }

  /** Deletes a room's stored publications. @throws ThumpError `unavailable` */
  forget(name: string): void | Promise<void> {
    this.rooms.get(name)?.forget();
    return this.log.forget(name);
  }

  /**
   * Evicts publications from some rooms while the histories exceed the memory budget. Evicted publications can still be
   * read from the log.
   */
  evict(): void {
    if (this.memoryBudget?.isOver) this.memoryBudget.evict(this.#candidates(), () => {});
  }

  stop(): void {
    this.#trimming.stop();
  }

  /** Adds a slice from a remote log to the room's history, so that later reads find it there. */
  #keep(name: string, slice: Slice | Promise<Slice>): Slice | Promise<Slice> {
    if (slice instanceof Promise)
      void slice.then(
        (read) => this.#extend(name, read),
        // The caller handles the error.
        () => {},
      );
    return slice;
  }

  #extend(name: string, slice: Slice): void {
    const room = this.rooms.get(name);
    if (!room || room.starting) return;
    room.history.extend(slice, now());
    this.evict();
    const newest = slice.publications.at(-1);
    if (!newest || newest.seq <= (room.newest?.seq ?? 0)) return;
    room.newest = newest;
    room.samples?.mark();
  }

  /** Yields rooms with stored publications, starting where the last eviction stopped. */
  *#candidates(): Iterable<Room> {
    for (const room of this.#rounds.next(ROOMS_PER_EVICTION)) if (room.history.count > 0) yield room;
  }
}
