// Accepts publications: decides whether to deliver immediately or after the commit, and detects repeated idempotency
// keys.
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

/** The number of rooms to check for eviction per append, while too many rooms are in memory. */
const ROOMS_PER_APPEND = 8;

export type PublicationListener = (publication: Publication) => void;

export class Appender implements CommitEvents {
  readonly keys = new IdempotencyKeys();
  readonly subscribers = new Map<string, PublicationListener>();
  /** Pending publications by idempotency key. */
  readonly #pending = new Map<string, PendingPublication>();
  /** The number of pending publications per room that have not been delivered yet. */
  readonly #waiting = new Map<string, number>();

  /** @param onFault called with a fault, and again without an error when the fault has been resolved */
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
      if (this.#mayNumber(room)) return this.memoryLog.append(draft);
      return groupCommit.fault
        ? Promise.reject(groupCommit.fault)
        : this.#enqueue(draft, undefined, undefined);
    }
    const key = draft.key === undefined ? undefined : scopedKey(draft, draft.key);
    const repeated = key === undefined ? undefined : this.#repeated(draft, key);
    if (repeated) return repeated;
    if (groupCommit.fault) return Promise.reject(groupCommit.fault);
    const stored = this.rooms.findOrCreate(room);
    if (retention.deliver === "at-once" && this.#mayNumber(room))
      return this.#deliverAtOnce(draft, key, stored);
    return this.#enqueue(draft, key, stored);
  }

  /**
   * Returns true if a publication may be numbered now. If other publications in the room are waiting, a new publication
   * must wait too, because a room's publications keep their order even across rule changes.
   */
  #mayNumber(room: string): boolean {
    return this.commits().numbers.mayNumber() && !this.#waiting.has(room);
  }

  onStored(entry: PendingPublication, publication: Publication): void {
    const { key, draft, room } = entry;
    if (key !== undefined) {
      const { seq, prev, time } = publication;
      this.keys.set(key, { seq, prev, time, hash: entry.hash });
      this.#pending.delete(key);
    }
    if (entry.delivered) return;
    this.#decrementWaiting(draft.room);
    this.#trim(room as StoredRoom, publication.time);
    this.#deliver(publication);
    this.evict();
  }

  numberInMemory({ draft, key }: PendingPublication): Publication {
    this.#decrementWaiting(draft.room);
    if (key !== undefined) this.#pending.delete(key);
    return this.memoryLog.append(draft);
  }

  onDropped({ key, draft }: PendingPublication): void {
    if (key !== undefined) this.#pending.delete(key);
    this.#decrementWaiting(draft.room);
  }

  onRoomGone(room: StoredRoom): void {
    this.rooms.onDropped(room);
  }

  fault(what: string | undefined): void {
    if (what === undefined) this.onFault("publications are stored again");
    else this.onFault("publications cannot be stored", new Error(what));
  }

  /** Evicts rooms while too many rooms are in memory. Each call checks more rooms than an append can add. */
  evict(most = ROOMS_PER_APPEND): void {
    this.rooms.evict((room) => this.isBusy(room), most);
  }

  /** Returns true if the room has a subscriber, pending publications, or rows in the running transaction. */
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

  /** Here a publication with `deliver: "at-once"` is numbered and delivered before it is stored. */
  #deliverAtOnce(draft: Draft, key: string | undefined, room: StoredRoom): Promise<Publication> {
    const entry = this.#createEntry(draft, key, room);
    const publication = entry.number(this.sequence.last + 1, room.last);
    entry.delivered = true;
    room.unstored++;
    if (key !== undefined) this.#pending.set(key, entry);
    const stored = this.commits().add(entry);
    this.sequence.last = publication.seq;
    room.push(publication);
    this.#trim(room, publication.time);
    this.#deliver(publication);
    return stored;
  }

  /** Queues a publication. It is numbered when its transaction is built. */
  #enqueue(draft: Draft, key: string | undefined, room: StoredRoom | undefined): Promise<Publication> {
    const entry = this.#createEntry(draft, key, room);
    if (key !== undefined) this.#pending.set(key, entry);
    this.#waiting.set(draft.room, (this.#waiting.get(draft.room) ?? 0) + 1);
    return this.commits().add(entry);
  }

  #createEntry(draft: Draft, key: string | undefined, room: StoredRoom | undefined): PendingPublication {
    const hash = key === undefined ? undefined : hashDraft(draft);
    return new PendingPublication(draft, sizeOfData(draft.data), now(), key, room, hash);
  }

  #decrementWaiting(room: string): void {
    const count = (this.#waiting.get(room) ?? 0) - 1;
    if (count > 0) this.#waiting.set(room, count);
    else this.#waiting.delete(room);
  }

  #trim(room: StoredRoom, at: number): void {
    try {
      room.trim(at);
    } catch (error) {
      // The oldest publications cannot be read. The room then stores more than its limits allow, but new publications
      // are stored as usual.
      this.onFault("a room cannot be trimmed", error);
    }
  }

  #deliver(publication: Publication): void {
    try {
      this.subscribers.get(publication.room)?.(publication);
    } catch (error) {
      // The other publications of the transaction have been stored too and must still be delivered.
      this.onFault("a publication could not be delivered", error);
    }
  }
}

/** Returns the error for appends after the log has been closed. */
export function closedError(): ThumpError {
  return new ThumpError("unavailable", "The server has stopped.");
}
