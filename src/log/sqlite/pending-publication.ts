// A publication on its way into the file, and those who wait for it.
import type { Draft, Publication } from "../../protocol/publication.ts";
import type { StoredRoom } from "./stored-room.ts";

interface Waiter {
  resolve: (publication: Publication) => void;
  reject: (error: Error) => void;
}

export class PendingPublication {
  /** Once it has its number. */
  publication: Publication | undefined;
  /** Its follower has it already. */
  delivered = false;
  #waiters: Waiter[] = [];

  /**
   * @param room absent where its room keeps nothing in the file: then it waits its turn, and that is all
   * @param size the bytes of its data
   * @param time ms since 1970
   * @param hash of what is published, where there is a key
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

  /** Resolves with its publication once it is kept. */
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
