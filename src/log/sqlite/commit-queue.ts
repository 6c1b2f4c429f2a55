// Publications that wait for the next transaction, in order of arrival. Pure.
import type { PendingPublication } from "./pending-publication.ts";

/**
 * The maximum number and approximate maximum size of publications per transaction. Excess publications wait for the
 * next transaction.
 */
const MAX_BATCH_COUNT = 1024;
const MAX_BATCH_BYTES = 8 << 20;
/** The maximum size of the queue, in bytes. A fuller queue means that the disk cannot keep up with the publishers. */
const MAX_QUEUED_BYTES = 64 << 20;

export class CommitQueue {
  #entries: PendingPublication[] = [];
  #bytes = 0;

  get isEmpty(): boolean {
    return this.#entries.length === 0;
  }

  get isFull(): boolean {
    return this.#bytes > MAX_QUEUED_BYTES;
  }

  add(entry: PendingPublication): void {
    this.#entries.push(entry);
    this.#bytes += entry.size;
  }

  /** Removes and returns the publications of the next transaction. */
  take(): PendingPublication[] {
    let bytes = 0;
    let count = 0;
    for (const { size } of this.#entries) {
      if (count >= MAX_BATCH_COUNT || bytes > MAX_BATCH_BYTES) break;
      count++;
      bytes += size;
    }
    this.#bytes -= bytes;
    return this.#entries.splice(0, count);
  }

  takeAll(): PendingPublication[] {
    this.#bytes = 0;
    return this.#entries.splice(0);
  }
}
