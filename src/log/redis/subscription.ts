// A subscribed room: the position up to which publications have been delivered, and acknowledgements that are waiting
// for delivery.
import type { Publication } from "../../protocol/publication.ts";

export class Subscription {
  /** The seq of the newest delivered publication, or the position at which the subscription started. */
  last = 0;
  started = false;
  /** Publications that arrived before the start position was known. */
  early: Publication[] = [];
  readonly starting = Promise.withResolvers<void>();
  #acks: { seq: number; resolve: () => void }[] = [];

  constructor(
    readonly name: string,
    readonly onPublication: (publication: Publication) => void,
    readonly onStart: (after: number) => void,
  ) {}

  /** Resolves an acknowledgement once the publication has been delivered to this room. */
  acknowledge(seq: number, resolve: () => void): void {
    if (this.started && seq <= this.last) resolve();
    else this.#acks.push({ seq, resolve });
  }

  /** Resolves the acknowledgements for all delivered publications. */
  onDelivered(): void {
    while (this.#acks[0] && this.#acks[0].seq <= this.last) this.#acks.shift()?.resolve();
  }

  /** Resolves all acknowledgements. The publications are stored, but this connection will not deliver them. */
  release(): void {
    for (const { resolve } of this.#acks.splice(0)) resolve();
  }
}
