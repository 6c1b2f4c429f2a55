// What turns the bytes of one connection into messages.
import type { Tally } from "./tally.ts";

export interface Reader {
  /** The last message that arrived on this connection, -1 before the first. */
  last: number;
  read(bytes: Uint8Array, from: number, to: number): void;
}

export interface ReaderContext {
  tally: Tally;
  /** Bytes of a message. */
  size: number;
  /** Sends bytes back to the server. */
  reply(bytes: Uint8Array): void;
}

/** The beginning of something whose end has not arrived yet. */
export class Carry {
  bytes = new Uint8Array(0);
  length = 0;

  append(source: Uint8Array, from: number, to: number): void {
    const needed = this.length + to - from;
    if (needed > this.bytes.length) {
      const larger = new Uint8Array(Math.max(128, needed * 2));
      larger.set(this.bytes.subarray(0, this.length));
      this.bytes = larger;
    }
    this.bytes.set(source.subarray(from, to), this.length);
    this.length = needed;
  }
}
