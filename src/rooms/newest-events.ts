// An index of each event's newest publication in a room's history. Updated when it is read.
import type { Publication } from "../protocol/publication.ts";

/** The part of a history that the index needs. */
export interface IndexedHistory {
  /** The seq of the newest publication. */
  readonly last: number;
  /** The number of stored publications. */
  readonly count: number;
  /** The index of the first publication after a seq. */
  indexAfter(seq: number): number;
  at(index: number): Publication | undefined;
}

/** An event's newest publication, and the event's newest publication with a different `except`. */
interface Newest {
  seq: number;
  except: string | undefined;
  /** The seq of the newest publication with a different `except`; 0 if there is none. */
  other: number;
}

/**
 * When the index has this many more entries than the history has publications, it drops entries for events that are no
 * longer in the history.
 */
const MAX_STALE_EVENTS = 64;

export class NewestEvents {
  #byEvent = new Map<string, Newest>();
  /** The index covers publications up to this seq. */
  #upTo = 0;

  constructor(readonly history: IndexedHistory) {}

  /** Returns true if no later publication of the same event is meant for this session. */
  has({ event, seq }: Publication, session: string): boolean {
    this.#update();
    const newest = this.#byEvent.get(event);
    if (!newest) return true;
    return seq >= (newest.except === session ? newest.other : newest.seq);
  }

  #update(): void {
    const { history } = this;
    if (this.#upTo >= history.last) return;
    for (let at = history.indexAfter(this.#upTo), next = history.at(at); next; next = history.at(++at))
      this.#add(next);
    this.#upTo = history.last;
    if (this.#byEvent.size <= history.count + MAX_STALE_EVENTS) return;
    this.#byEvent = new Map();
    this.#upTo = 0;
    this.#update();
  }

  #add({ event, seq, except }: Publication): void {
    const before = this.#byEvent.get(event);
    const other = !before ? 0 : before.except === except ? before.other : before.seq;
    this.#byEvent.set(event, { seq, except, other });
  }
}
