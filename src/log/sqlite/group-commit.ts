// Group commit: publications that arrive during a transaction share the next one. Subscribers and publishers are
// notified once a publication has been stored.
import { ThumpError } from "../../protocol/codes.ts";
import type { Publication } from "../../protocol/publication.ts";
import type { Sequence } from "../sequence.ts";
import { buildBatch } from "./build-batch.ts";
import type { WriteBatch, FileMeta, WriteOutcome } from "./batch.ts";
import type { PendingPublication } from "./pending-publication.ts";
import { CommitQueue } from "./commit-queue.ts";
import type { NumberAllocation } from "./number-allocation.ts";
import type { StoredRooms } from "./stored-rooms.ts";
import type { StoredRoom } from "./stored-room.ts";
import { storeError } from "./store-error.ts";

/** The maximum number of trimmed rooms per transaction. */
const MAX_CHANGED_ROOMS = 1000;
/** The delay before a retry, in ms. */
const RETRY_MS = 1000;

/** Writes batches, one at a time. `again` is true if the previous write failed. */
export interface BatchWriter {
  write(batch: WriteBatch, again: boolean): Promise<WriteOutcome>;
}

export interface CommitEvents {
  /** Called when an entry has been stored and must be delivered to the room's subscriber. */
  onStored(entry: PendingPublication, publication: Publication): void;
  /**
   * Called when the next entry belongs to a room that is not stored in the file. Numbers the entry in the in-memory log
   * and returns the publication.
   */
  numberInMemory(entry: PendingPublication): Publication;
  /** Called when the file no longer has a record of a room. */
  onRoomGone(room: StoredRoom): void;
  /** Called with an undelivered entry that will not be stored. */
  onDropped(entry: PendingPublication): void;
  /** Called with the reason when publications cannot be stored, and with undefined when they can be stored again. */
  fault(what: string | undefined): void;
}

export class GroupCommit {
  /** Set while publications cannot be stored. */
  fault: ThumpError | undefined;
  /** Changed values to store with the next batch. */
  readonly meta: Partial<FileMeta> = {};
  /** Rooms to delete with the next batch. */
  readonly drops = new Set<StoredRoom>();
  keysUpTo = 0;
  readonly stats = { commits: 0, failed: 0, publications: 0, trimmed: 0 };
  /** Called after each transaction with its duration, in ms. */
  onCommit: (ms: number) => void = () => {};
  readonly #queue = new CommitQueue();
  /** Publications that were delivered immediately but could not be stored yet. */
  #unstored: PendingPublication[] = [];
  #flushes: PromiseWithResolvers<void>[] = [];
  /** The rooms in the running batch. */
  #writing: ReadonlyMap<number, StoredRoom> | undefined;
  #scheduled = false;

  constructor(
    readonly writer: BatchWriter,
    readonly path: string,
    readonly sequence: Sequence,
    readonly numbers: NumberAllocation,
    readonly rooms: StoredRooms,
    readonly events: CommitEvents,
  ) {}

  /** Returns true if the room has rows in the running batch. */
  isWriting(room: StoredRoom): boolean {
    return this.#writing?.has(room.id) ?? false;
  }

  /**
   * Resolves when the entry is stored.
   * @throws ThumpError `unavailable`, immediately if the queue is full
   */
  add(entry: PendingPublication): Promise<Publication> {
    if (this.#queue.isFull) {
      this.events.onDropped(entry);
      return Promise.reject(
        new ThumpError("unavailable", "The disk cannot keep up. Retry in a moment.", undefined, RETRY_MS),
      );
    }
    this.#queue.add(entry);
    const stored = entry.wait();
    this.#sendSoon();
    return stored;
  }

  /** Stores all changes made so far. Rejects if they cannot be stored. */
  flush(): Promise<void> {
    const flush = Promise.withResolvers<void>();
    this.#flushes.push(flush);
    this.#sendSoon();
    return flush.promise;
  }

  /** Stores changes if there are any, and checks whether a fault has been resolved. */
  flushChanges(): void {
    const { meta, drops, rooms } = this;
    const due = this.#unstored.length + rooms.changed.size + drops.size + Object.keys(meta).length > 0;
    if (due || this.keysUpTo > 0 || this.fault || this.numbers.nextBlock(0) !== undefined) this.#sendSoon();
  }

  /** Stores all remaining changes. The next process continues with the next number. */
  async finish(): Promise<void> {
    while (this.#writing || !this.#queue.isEmpty) await this.flush().catch(() => {});
    if (!this.fault) {
      this.meta.reserved = this.sequence.last + 1;
      await this.flush().catch(() => {});
    }
  }

  /** Starts a transaction at the end of the tick, with everything that has arrived by then. */
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
    const entries = [...this.#unstored.splice(0), ...fresh];
    const flushes = this.#flushes.splice(0);
    const first = this.numbers.nextFirst;
    // `flush` promises that all changes are stored.
    const maxRooms = flushes.length > 0 ? Number.POSITIVE_INFINITY : MAX_CHANGED_ROOMS;
    const changed = [...this.rooms.changed.values().take(maxRooms)];
    const extras = this.#extras(changed, entries, first + entries.length);
    const batch = buildBatch(entries, first, extras);
    for (const room of changed) this.rooms.changed.delete(room);
    this.#writing = new Map(
      [...changed, ...extras.drops, ...entries.flatMap(({ room }) => room ?? [])].map((room) => [
        room.id,
        room,
      ]),
    );
    this.numbers.begin(first);
    void this.writer.write(batch, this.fault !== undefined).then((outcome) => {
      if (outcome.error) this.#onFailed(outcome.error, batch, entries, flushes);
      else this.#onStored(outcome, batch, entries, flushes);
      this.#writing = undefined;
      if (!outcome.error) for (const room of extras.drops) this.events.onRoomGone(room);
      if (!this.#queue.isEmpty || this.#flushes.length > 0) this.#send();
    });
  }

  #extras(changed: Iterable<StoredRoom>, entries: readonly PendingPublication[], next: number) {
    const { meta, keysUpTo } = this;
    // Rooms with pending publications are dropped later.
    const later = new Set(entries.map(({ room }) => (room?.isDropped ? undefined : room)));
    const drops = [...this.drops].filter((room) => !later.has(room));
    for (const room of drops) this.drops.delete(room);
    const reserved = meta.reserved ?? this.numbers.nextBlock(next - this.sequence.last);
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

  #onStored(
    { took, trimmed, ailing }: WriteOutcome,
    batch: WriteBatch,
    entries: PendingPublication[],
    flushes: PromiseWithResolvers<void>[],
  ) {
    this.stats.commits++;
    this.stats.publications += batch.publications.length;
    this.stats.trimmed += trimmed;
    this.onCommit(took);
    if (batch.meta.reserved !== undefined) this.numbers.reserved = batch.meta.reserved;
    for (const { id, gone } of batch.rooms) this.#writing?.get(id)?.onDeleted(gone);
    this.numbers.adjustHeadroom();
    if (this.fault && !ailing) {
      this.fault = undefined;
      this.events.fault(undefined);
    }
    let next = this.numbers.first;
    for (const entry of entries) {
      const { room } = entry;
      if (!entry.delivered && (!room || room.isDropped)) {
        this.sequence.last = next++ - 1;
        this.#numberInMemory(entry);
        continue;
      }
      const publication = entry.publication as Publication;
      if (entry.delivered) (room as StoredRoom).unstored--;
      else {
        next++;
        this.sequence.last = publication.seq;
        room?.push(publication);
      }
      this.events.onStored(entry, publication);
      entry.stored(publication);
    }
    this.numbers.end();
    for (const { resolve } of flushes) resolve();
  }

  #onFailed(
    error: NonNullable<WriteOutcome["error"]>,
    batch: WriteBatch,
    entries: PendingPublication[],
    flushes: PromiseWithResolvers<void>[],
  ): void {
    this.stats.failed++;
    const { what, message } = storeError(error, this.path);
    if (!this.fault) this.events.fault(message);
    this.fault = new ThumpError(
      "unavailable",
      `Publications cannot be stored: ${what}.`,
      undefined,
      RETRY_MS,
    );
    this.numbers.end();
    // Retry everything except entries that have not been delivered.
    const dropped = new Set(batch.drops);
    for (const room of this.#writing?.values() ?? [])
      if (dropped.has(room.id)) this.drops.add(room);
      else if (!room.isDropped) this.rooms.changed.add(room);
    // The next batch reserves numbers again, because the newest number may have increased.
    Object.assign(this.meta, { ...batch.meta, ...this.meta });
    delete this.meta.reserved;
    this.keysUpTo = Math.max(this.keysUpTo, batch.keysUpTo);
    const rest = this.#queue.takeAll();
    for (const entry of [...entries, ...rest]) this.#fail(entry, this.fault);
    for (const { reject } of [...flushes, ...this.#flushes.splice(0)]) reject(this.fault);
  }

  /**
   * Numbers an entry that is stored only in memory. The in-memory log may refuse the entry, for example because its key
   * has been used.
   */
  #numberInMemory(entry: PendingPublication): void {
    try {
      entry.stored(this.events.numberInMemory(entry));
    } catch (error) {
      entry.failed(error as Error);
    }
  }

  #fail(entry: PendingPublication, fault: ThumpError): void {
    if (entry.delivered) this.#unstored.push(entry);
    else if ((!entry.room || entry.room.isDropped) && this.numbers.mayNumber())
      return this.#numberInMemory(entry);
    else this.events.onDropped(entry);
    entry.failed(fault);
  }
}
