// The way in: whether a publication is delivered at once or when it is kept, and which idempotency keys are known.
import { now } from "../clock.ts";
import { ThumpError } from "../../protocol/codes.ts";
import { sizeOfData } from "../../protocol/data.ts";
import type { Draft, Publication } from "../../protocol/publication.ts";
import { type Retention, isKept } from "../../rooms/rule.ts";
import { hashDraft, isRepeat, keyReused, IdempotencyKeys, scopedKey } from "../idempotency-keys.ts";
import type { MemoryLog } from "../memory-log.ts";
import type { Sequence } from "../sequence.ts";
import type { CommitEvents, GroupCommit } from "./group-commit.ts";
import { PendingPublication } from "./pending-publication.ts";
import type { StoredRoom } from "./stored-room.ts";
import type { StoredRooms } from "./stored-rooms.ts";

/** Rooms that are looked at, each time that one is used, when there are too many in memory. */
const ROOMS_PER_APPEND = 8;

export type PublicationListener = (publication: Publication) => void;

export class Appender implements CommitEvents {
  readonly keys = new IdempotencyKeys();
  readonly subscribers = new Map<string, PublicationListener>();
  /** Keys whose publications are on their way. */
  readonly #pending = new Map<string, PendingPublication>();
  /** How many publications of a room are on their way and were given to nobody yet. */
  readonly #waiting = new Map<string, number>();

  /** @param onFault told of what goes wrong, and without an error when it is over */
  constructor(
    readonly commits: () => GroupCommit,
    readonly rooms: StoredRooms,
    readonly memoryLog: MemoryLog,
    readonly sequence: Sequence,
    readonly onFault: (what: string, error?: unknown) => void,
  ) {}

  append(draft: Draft, retention: Retention): Publication | Promise<Publication> {
    const { room } = draft;
    const groupCommit = this.commits();
    if (!isKept(retention)) {
      if (this.#mayNow(room)) return this.memoryLog.append(draft);
      return groupCommit.fault ? Promise.reject(groupCommit.fault) : this.#later(draft, undefined, undefined);
    }
    const key = draft.key === undefined ? undefined : scopedKey(draft, draft.key);
    const repeated = key === undefined ? undefined : this.#repeated(draft, key);
    if (repeated) return repeated;
    if (groupCommit.fault) return Promise.reject(groupCommit.fault);
    const stored = this.rooms.make(room);
    if (retention.deliver === "at-once" && this.#mayNow(room)) return this.#atOnce(draft, key, stored);
    return this.#later(draft, key, stored);
  }

  /** What waits goes first: a room has one order, whatever its rule was a moment ago. */
  #mayNow(room: string): boolean {
    return this.commits().mayNumber() && !this.#waiting.has(room);
  }

  onStored(entry: PendingPublication, publication: Publication): void {
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
    this.evict();
  }

  numberInMemory({ draft, key }: PendingPublication): Publication {
    this.#arrived(draft.room);
    if (key !== undefined) this.#pending.delete(key);
    return this.memoryLog.append(draft);
  }

  onDropped({ key, draft }: PendingPublication): void {
    if (key !== undefined) this.#pending.delete(key);
    this.#arrived(draft.room);
  }

  onRoomGone(room: StoredRoom): void {
    this.rooms.left(room);
  }

  fault(what: string | undefined): void {
    if (what === undefined) this.onFault("publications are kept again");
    else this.onFault("nothing can be kept", new Error(what));
  }

  /** Rooms in memory give way where there are too many: more of them at a time than come. */
  evict(most = ROOMS_PER_APPEND): void {
    this.rooms.evict((room) => this.isBusy(room), most);
  }

  /** Somebody is in it, or something of it is on its way to the file. */
  isBusy(room: StoredRoom): boolean {
    return this.subscribers.has(room.name) || this.#waiting.has(room.name) || this.commits().isWriting(room);
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
    if (first instanceof PendingPublication) {
      const { fault } = this.commits();
      return fault ? Promise.reject(fault) : first.wait().then(same);
    }
    return same(first);
  }

  /** Here a publication gets its number before it is kept. */
  #atOnce(draft: Draft, key: string | undefined, room: StoredRoom): Promise<Publication> {
    const entry = this.#entry(draft, key, room);
    const publication = entry.number(this.sequence.last + 1, room.last);
    entry.delivered = true;
    room.unstored++;
    if (key !== undefined) this.#pending.set(key, entry);
    const kept = this.commits().add(entry);
    this.sequence.last = publication.seq;
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

  #entry(draft: Draft, key: string | undefined, room: StoredRoom | undefined): PendingPublication {
    const hash = key === undefined ? undefined : hashDraft(draft);
    return new PendingPublication(draft, sizeOfData(draft.data), now(), key, room, hash);
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
      this.subscribers.get(publication.room)?.(publication);
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
