// The way in: whether a publication is delivered at once or when it is kept, and which idempotency keys are known.
import { now } from "../clock.ts";
import { ThumpError } from "../../protocol/codes.ts";
import { sizeOfData } from "../../protocol/data.ts";
import type { Draft, Publication } from "../../protocol/publication.ts";
import { type Bounds, isKept } from "../../rooms/rule.ts";
import { hashDraft, isRepeat, keyReused, Keys, scopedKey } from "../idempotency-keys.ts";
import type { MemoryLog } from "../memory-log.ts";
import type { Numbers } from "../sequence.ts";
import type { CommitEvents, Commits } from "./group-commit.ts";
import { Entry } from "./pending-publication.ts";
import type { StoredRoom } from "./stored-room.ts";
import type { StoredRooms } from "./stored-rooms.ts";

/** Rooms that are looked at, each time that one is used, when there are too many in memory. */
const ROOMS_PER_USE = 8;

export type Follower = (publication: Publication) => void;

export class Appends implements CommitEvents {
  readonly keys = new Keys();
  readonly followers = new Map<string, Follower>();
  /** Keys whose publications are on their way. */
  readonly #pending = new Map<string, Entry>();
  /** How many publications of a room are on their way and were given to nobody yet. */
  readonly #waiting = new Map<string, number>();

  /** @param onFault told of what goes wrong, and without an error when it is over */
  constructor(
    readonly commits: () => Commits,
    readonly rooms: StoredRooms,
    readonly memory: MemoryLog,
    readonly numbers: Numbers,
    readonly onFault: (what: string, error?: unknown) => void,
  ) {}

  append(draft: Draft, bounds: Bounds): Publication | Promise<Publication> {
    const { room } = draft;
    const commits = this.commits();
    if (!isKept(bounds)) {
      if (this.#mayNow(room)) return this.memory.append(draft);
      return commits.fault ? Promise.reject(commits.fault) : this.#later(draft, undefined, undefined);
    }
    const key = draft.key === undefined ? undefined : scopedKey(draft, draft.key);
    const repeated = key === undefined ? undefined : this.#repeated(draft, key);
    if (repeated) return repeated;
    if (commits.fault) return Promise.reject(commits.fault);
    const stored = this.rooms.make(room);
    if (bounds.deliver === "at-once" && this.#mayNow(room)) return this.#atOnce(draft, key, stored);
    return this.#later(draft, key, stored);
  }

  /** What waits goes first: a room has one order, whatever its rule was a moment ago. */
  #mayNow(room: string): boolean {
    return this.commits().mayNumber() && !this.#waiting.has(room);
  }

  kept(entry: Entry, publication: Publication): void {
    const { key, draft, room } = entry;
    if (key !== undefined) {
      const { seq, prev, time } = publication;
      this.keys.set(key, { seq, prev, time, hash: entry.hash });
      this.#pending.delete(key);
    }
    if (entry.delivered) return;
    this.#arrived(draft.room);
    this.#trim(room as StoredRoom, publication.time);
    this.#give(publication);
    this.relieve();
  }

  turn({ draft, key }: Entry): Publication {
    this.#arrived(draft.room);
    if (key !== undefined) this.#pending.delete(key);
    return this.memory.append(draft);
  }

  dropped({ key, draft }: Entry): void {
    if (key !== undefined) this.#pending.delete(key);
    this.#arrived(draft.room);
  }

  gone(room: StoredRoom): void {
    this.rooms.left(room);
  }

  fault(what: string | undefined): void {
    if (what === undefined) this.onFault("publications are kept again");
    else this.onFault("nothing can be kept", new Error(what));
  }

  /** Rooms in memory give way where there are too many: more of them at a time than come. */
  relieve(most = ROOMS_PER_USE): void {
    this.rooms.relieve((room) => this.isBusy(room), most);
  }

  /** Somebody is in it, or something of it is on its way to the file. */
  isBusy(room: StoredRoom): boolean {
    return this.followers.has(room.name) || this.#waiting.has(room.name) || this.commits().isUnder(room);
  }

  #repeated(draft: Draft, key: string): Publication | Promise<Publication> | undefined {
    const entry = this.#pending.get(key);
    const first = entry ?? this.keys.get(key, now());
    if (!first) return undefined;
    if (!isRepeat(first, hashDraft(draft))) return Promise.reject(keyReused(draft.key));
    const size = sizeOfData(draft.data);
    const same = ({ seq, prev, time }: { seq: number; prev: number; time: number }): Publication => ({
      ...draft,
      seq,
      prev,
      time,
      size,
    });
    if (first instanceof Entry) {
      const { fault } = this.commits();
      return fault ? Promise.reject(fault) : first.wait().then(same);
    }
    return same(first);
  }

  /** Here a publication gets its number before it is kept. */
  #atOnce(draft: Draft, key: string | undefined, room: StoredRoom): Promise<Publication> {
    const entry = this.#entry(draft, key, room);
    const publication = entry.number(this.numbers.last + 1, room.last);
    entry.delivered = true;
    room.unkept++;
    if (key !== undefined) this.#pending.set(key, entry);
    const kept = this.commits().add(entry);
    this.numbers.last = publication.seq;
    room.push(publication);
    this.#trim(room, publication.time);
    this.#give(publication);
    return kept;
  }

  /** It gets its number with the others of its transaction. */
  #later(draft: Draft, key: string | undefined, room: StoredRoom | undefined): Promise<Publication> {
    const entry = this.#entry(draft, key, room);
    if (key !== undefined) this.#pending.set(key, entry);
    this.#waiting.set(draft.room, (this.#waiting.get(draft.room) ?? 0) + 1);
    return this.commits().add(entry);
  }

  #entry(draft: Draft, key: string | undefined, room: StoredRoom | undefined): Entry {
    const hash = key === undefined ? undefined : hashDraft(draft);
    return new Entry(draft, sizeOfData(draft.data), now(), key, room, hash);
  }

  #arrived(room: string): void {
    const count = (this.#waiting.get(room) ?? 0) - 1;
    if (count > 0) this.#waiting.set(room, count);
    else this.#waiting.delete(room);
  }

  #trim(room: StoredRoom, at: number): void {
    try {
      room.trim(at);
    } catch (error) {
      // Its oldest cannot be read. It keeps more than it should, and what comes is kept all the same.
      this.onFault("a room cannot be trimmed", error);
    }
  }

  #give(publication: Publication): void {
    try {
      this.followers.get(publication.room)?.(publication);
    } catch (error) {
      // The others of its transaction are kept too, and wait for their turn.
      this.onFault("a publication could not be delivered", error);
    }
  }
}

/** What is said once nothing can be appended any more. */
export function closedError(): ThumpError {
  return new ThumpError("unavailable", "The server has stopped.");
}
