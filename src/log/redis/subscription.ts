// A room that is followed here: how far its publications have come, and who waits for that.
import type { Publication } from "../../protocol/publication.ts";

export class Subscription {
  /** The seq of the newest that was given, or that it began after. */
  last = 0;
  started = false;
  /** What came before it was known where it begins. */
  early: Publication[] = [];
  readonly starting = Promise.withResolvers<void>();
  #acks: { seq: number; resolve: () => void }[] = [];

  constructor(
    readonly name: string,
    readonly onPublication: (publication: Publication) => void,
    readonly onStart: (after: number) => void,
  ) {}

  /** Whoever gets an ack has had the publication, if it is in the room. */
  acknowledge(seq: number, resolve: () => void): void {
    if (this.started && seq <= this.last) resolve();
    else this.#acks.push({ seq, resolve });
  }

  /** Everything up to `last` was given. */
  given(): void {
    while (this.#acks[0] && this.#acks[0].seq <= this.last) this.#acks.shift()?.resolve();
  }

  /** What was acknowledged will not be given by this connection: it is kept all the same. */
  release(): void {
    for (const { resolve } of this.#acks.splice(0)) resolve();
  }
}
