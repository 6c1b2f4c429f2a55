// A publication that is waiting to be stored, and the callers that await the result.
import type { Draft, Publication } from "../../protocol/publication.ts";
import type { StoredRoom } from "./stored-room.ts";

interface Waiter {
  resolve: (publication: Publication) => void;
  reject: (error: Error) => void;
}

export class PendingPublication {
  /** Set when the publication has been numbered. */
  publication: Publication | undefined;
  /** Whether the subscriber has received the publication. */
  delivered = false;
  #waiters: Waiter[] = [];

  /**
   * @param room undefined if the room is not stored in the file. In that case, the publication only waits for its turn
   * @param size the size of the data, in bytes
   * @param time ms since 1970
   * @param hash the hash of the publication, if it has an idempotency key
   */
  constructor(
    readonly draft: Draft,
    readonly size: number,
    readonly time: number,
    readonly key: string | undefined,
    readonly room: StoredRoom | undefined,
    readonly hash?: string | undefined,
  ) {}

  number(seq: number, prev: number): Publication {
    const { draft, size, time } = this;
    return (this.publication ??= { ...draft, seq, prev, time, size });
  }

  /** Resolves with the publication once it has been stored. */
  wait(): Promise<Publication> {
    return new Promise((resolve, reject) => this.#waiters.push({ resolve, reject }));
  }

  stored(publication: Publication): void {
    for (const { resolve } of this.#waiters.splice(0)) resolve(publication);
  }

  failed(error: Error): void {
    for (const { reject } of this.#waiters.splice(0)) reject(error);
  }
}
