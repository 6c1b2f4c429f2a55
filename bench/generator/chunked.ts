// Takes the chunks of an HTTP/1.1 body apart (RFC 9112, 7.1).
import type { Reader } from "./reader.ts";

const NEWLINE = 10;
const RETURN = 13;

function hexDigit(byte: number): number {
  if (byte >= 48 && byte <= 57) return byte - 48;
  const letter = (byte | 0x20) - 97;
  return letter >= 0 && letter < 6 ? letter + 10 : -1;
}

export class ChunkedReader implements Reader {
  /** Bytes of the chunk that are still to come. */
  #left = 0;
  #size = 0;
  #digits = 0;
  #extension = false;
  /** Behind a chunk's bytes comes a line end. */
  #lineEnd = false;

  constructor(readonly body: Reader) {}

  get clean(): boolean {
    return this.#left === 0 && this.#digits === 0 && !this.#lineEnd && this.body.clean;
  }

  read(bytes: Buffer, from: number, to: number): void {
    let at = from;
    while (at < to) {
      if (this.#left > 0) {
        const end = Math.min(to, at + this.#left);
        this.body.read(bytes, at, end);
        this.#left -= end - at;
        this.#lineEnd = this.#left === 0;
        at = end;
      } else this.#between(bytes[at++]!);
    }
  }

  /** One byte between two chunks: the line end of the last, or the size of the next. */
  #between(byte: number): void {
    if (byte === NEWLINE) {
      this.#left = this.#digits > 0 ? this.#size : 0;
      this.#size = 0;
      this.#digits = 0;
      this.#extension = false;
      this.#lineEnd = false;
      return;
    }
    const digit = this.#extension ? -1 : hexDigit(byte);
    if (digit < 0) {
      this.#extension = byte !== RETURN;
      return;
    }
    this.#size = this.#size * 16 + digit;
    this.#digits++;
  }
}
