// Group commit: what comes in while a transaction is under way shares the next one. Followers and publishers hear of
// a publication once it is kept.
import { ThumpError } from "../../protocol/codes.ts";
import type { Publication } from "../../protocol/publication.ts";
import type { Sequence } from "../sequence.ts";
import { buildBatch } from "./build-batch.ts";
import type { WriteBatch, FileMeta, WriteOutcome } from "./batch.ts";
import type { PendingPublication } from "./pending-publication.ts";
import { CommitQueue } from "./commit-queue.ts";
import type { StoredRooms } from "./stored-rooms.ts";
import type { StoredRoom } from "./stored-room.ts";
import { storeError } from "./store-error.ts";

/** Numbers are set aside in the file in blocks: after a crash it goes on where no number was ever given out. */
const SEQS_PER_BLOCK = 1 << 22;
const MAX_HEADROOM = 1 << 20;
const MIN_HEADROOM = 16;
/** Rooms of which something was trimmed are written with the others, so many at a time. */
const MAX_CHANGED_ROOMS = 1000;
/** After how long to try again, in ms. */
const RETRY_MS = 1000;

/** Writes batches, one at a time. */
export interface BatchWriter {
  write(batch: WriteBatch, again: boolean): Promise<WriteOutcome>;
}

export interface CommitEvents {
  /** An entry of a stored room is kept: it is its turn to be given to the room's follower. */
  onStored(entry: PendingPublication, publication: Publication): void;
  /** It is the turn of an entry that is not stored. Returns what its own log made of it. */
  numberInMemory(entry: PendingPublication): Publication;
  /** The file knows nothing of a room any more. */
  onRoomGone(room: StoredRoom): void;
  /** An entry will not be kept, and was given to nobody. */
  onDropped(entry: PendingPublication): void;
  /** Nothing can be kept any more, and why; or it can again. */
  fault(what: string | undefined): void;
}

export class GroupCommit {
  /** Why nothing can be kept just now. */
  fault: ThumpError | undefined;
  /** To be kept with the next batch. */
  readonly meta: Partial<FileMeta> = {};
  /** Rooms of which nothing needs to be known. */
  readonly drops = new Set<StoredRoom>();
  keysUpTo = 0;
  readonly stats = { commits: 0, failed: 0, publications: 0, trimmed: 0 };
  /** Told of each transaction how long it took, in ms. */
  onCommit: (ms: number) => void = () => {};
  readonly #queue = new CommitQueue();
  /** Were delivered at once and could not be kept yet. */
  #owed: PendingPublication[] = [];
  #settling: PromiseWithResolvers<void>[] = [];
  /** The rooms of the batch that is under way. */
  #writing: ReadonlyMap<number, StoredRoom> | undefined;
  #scheduled = false;
  /** What is delivered at once has numbers below this: from it on they are those of the batch under way. */
  #ceiling = Number.POSITIVE_INFINITY;
  /** So many numbers are left to what is delivered while a batch is under way. */
  #headroom = 0;
  #wanted = 0;

  /** @param reserved no number from here on was ever used */
  constructor(
    readonly writer: BatchWriter,
    readonly path: string,
    readonly sequence: Sequence,
    readonly rooms: StoredRooms,
    readonly events: CommitEvents,
    public reserved: number,
  ) {}

  /** Whether a publication may have the next number now, and need not wait for those on their way to the file. */
  mayNumber(): boolean {
    this.#wanted++;
    return this.sequence.last + 1 < Math.min(this.#ceiling, this.reserved);
  }

  /** Something of this room is in the batch that is under way. */
  isWriting(room: StoredRoom): boolean {
    return this.#writing?.has(room.id) ?? false;
  }

  /** Resolves when the entry is kept. Rejects at once where it cannot be. */
  add(entry: PendingPublication): Promise<Publication> {
    if (this.#queue.isFull) {
      this.events.onDropped(entry);
      return Promise.reject(
        new ThumpError("unavailable", "The disk cannot keep up. Try again in a moment.", undefined, RETRY_MS),
      );
    }
    this.#queue.add(entry);
    const kept = entry.wait();
    this.#sendSoon();
    return kept;
  }

  /** Keeps what has changed by now. Rejects where it cannot be kept. */
  settle(): Promise<void> {
    const settling = Promise.withResolvers<void>();
    this.#settling.push(settling);
    this.#sendSoon();
    return settling.promise;
  }

  /** Keeps what has changed when there is nothing else to do, and sees whether what was wrong is over. */
  flushChanges(): void {
    const { meta, drops, rooms } = this;
    const due = this.#owed.length + rooms.changed.size + drops.size + Object.keys(meta).length > 0;
    if (due || this.keysUpTo > 0 || this.fault || this.#reserve(0) !== undefined) this.#sendSoon();
  }

  /** Keeps what there is. The next life of the log begins with the number after the last. */
  async finish(): Promise<void> {
    while (this.#writing || !this.#queue.isEmpty) await this.settle().catch(() => {});
    if (!this.fault) {
      this.meta.reserved = this.sequence.last + 1;
      await this.settle().catch(() => {});
    }
  }

  /** At the end of this turn: what else comes in until then goes along. */
  #sendSoon(): void {
    if (this.#scheduled || this.#writing) return;
    this.#scheduled = true;
    setImmediate(() => {
      this.#scheduled = false;
      this.#send();
    });
  }

  #send(): void {
    const fresh = this.#queue.take();
    const entries = [...this.#owed.splice(0), ...fresh];
    const settling = this.#settling.splice(0);
    const first = this.sequence.last + 1 + this.#headroom;
    // Who waits for what has changed waits for all of it.
    const most = settling.length > 0 ? Number.POSITIVE_INFINITY : MAX_CHANGED_ROOMS;
    const changed = [...this.rooms.changed.values().take(most)];
    const extras = this.#extras(changed, entries, first + entries.length);
    const batch = buildBatch(entries, first, extras);
    for (const room of changed) this.rooms.changed.delete(room);
    this.#writing = new Map(
      [...changed, ...extras.drops, ...entries.flatMap(({ room }) => room ?? [])].map((room) => [
        room.id,
        room,
      ]),
    );
    this.#ceiling = first;
    this.#wanted = 0;
    void this.writer.write(batch, this.fault !== undefined).then((outcome) => {
      if (outcome.error) this.#onFailed(outcome.error, batch, entries, settling);
      else this.#onStored(outcome, batch, entries, settling);
      this.#writing = undefined;
      if (!outcome.error) for (const room of extras.drops) this.events.onRoomGone(room);
      if (!this.#queue.isEmpty || this.#settling.length > 0) this.#send();
    });
  }

  #extras(changed: Iterable<StoredRoom>, entries: readonly PendingPublication[], next: number) {
    const { meta, keysUpTo } = this;
    // A room that something more is on its way to goes later.
    const later = new Set(entries.map(({ room }) => (room?.left ? undefined : room)));
    const drops = [...this.drops].filter((room) => !later.has(room));
    for (const room of drops) this.drops.delete(room);
    const reserved = meta.reserved ?? this.#reserve(next - this.sequence.last);
    const extras = {
      changed,
      keysUpTo,
      drops,
      meta: { ...meta, ...(reserved === undefined ? {} : { reserved }) },
    };
    this.keysUpTo = 0;
    for (const name of Object.keys(meta) as (keyof FileMeta)[]) delete meta[name];
    return extras;
  }

  /** Up to where numbers are to be set aside, when so many more are needed; nothing while there are enough. */
  #reserve(more: number): number | undefined {
    const needed = this.sequence.last + more + SEQS_PER_BLOCK / 2;
    return needed > this.reserved ? needed + SEQS_PER_BLOCK / 2 : undefined;
  }

  #onStored(
    { took, trimmed, ailing }: WriteOutcome,
    batch: WriteBatch,
    entries: PendingPublication[],
    settling: PromiseWithResolvers<void>[],
  ) {
    this.stats.commits++;
    this.stats.publications += batch.publications.length;
    this.stats.trimmed += trimmed;
    this.onCommit(took);
    if (batch.meta.reserved !== undefined) this.reserved = batch.meta.reserved;
    for (const { id, gone } of batch.rooms) this.#writing?.get(id)?.settled(gone);
    this.#leaveRoom();
    if (this.fault && !ailing) {
      this.fault = undefined;
      this.events.fault(undefined);
    }
    let turn = this.#ceiling;
    for (const entry of entries) {
      const { room } = entry;
      if (!entry.delivered && (!room || room.left)) {
        this.sequence.last = turn++ - 1;
        this.#take(entry);
        continue;
      }
      const publication = entry.publication as Publication;
      if (entry.delivered) (room as StoredRoom).unstored--;
      else {
        turn++;
        this.sequence.last = publication.seq;
        room?.push(publication);
      }
      this.events.onStored(entry, publication);
      entry.stored(publication);
    }
    this.#ceiling = Number.POSITIVE_INFINITY;
    for (const { resolve } of settling) resolve();
  }

  /**
   * As many numbers as were wanted during this transaction, twice over, are free during the next one; and a few, once
   * any ever were.
   */
  #leaveRoom(): void {
    const least = this.#headroom + this.#wanted > 0 ? MIN_HEADROOM : 0;
    this.#headroom = Math.min(MAX_HEADROOM, Math.max(least, this.#headroom >> 1, this.#wanted * 2));
  }

  #onFailed(
    error: NonNullable<WriteOutcome["error"]>,
    batch: WriteBatch,
    entries: PendingPublication[],
    settling: PromiseWithResolvers<void>[],
  ): void {
    this.stats.failed++;
    const { what, message } = storeError(error, this.path);
    if (!this.fault) this.events.fault(message);
    this.fault = new ThumpError("unavailable", `Nothing can be kept just now: ${what}.`, undefined, RETRY_MS);
    this.#ceiling = Number.POSITIVE_INFINITY;
    // All of it is to be tried again but what was given to nobody.
    const dropped = new Set(batch.drops);
    for (const room of this.#writing?.values() ?? [])
      if (dropped.has(room.id)) this.drops.add(room);
      else if (!room.left) this.rooms.changed.add(room);
    // Numbers are set aside anew: by then others may have been given out.
    Object.assign(this.meta, { ...batch.meta, ...this.meta });
    delete this.meta.reserved;
    this.keysUpTo = Math.max(this.keysUpTo, batch.keysUpTo);
    const rest = this.#queue.takeAll();
    for (const entry of [...entries, ...rest]) this.#giveUp(entry, this.fault);
    for (const { reject } of [...settling, ...this.#settling.splice(0)]) reject(this.fault);
  }

  /** The turn of an entry that is not stored. Its own log may refuse it, as one with a key that was used. */
  #take(entry: PendingPublication): void {
    try {
      entry.stored(this.events.numberInMemory(entry));
    } catch (error) {
      entry.failed(error as Error);
    }
  }

  #giveUp(entry: PendingPublication, fault: ThumpError): void {
    if (entry.delivered) this.#owed.push(entry);
    else if ((!entry.room || entry.room.left) && this.mayNumber()) return this.#take(entry);
    else this.events.onDropped(entry);
    entry.failed(fault);
  }
}
