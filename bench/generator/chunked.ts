// Decodes a chunked HTTP/1.1 body (RFC 9112, section 7.1).
import type { Reader } from "./reader.ts";

const NEWLINE = 10;
const RETURN = 13;

function hexDigit(byte: number): number {
  if (byte >= 48 && byte <= 57) return byte - 48;
  const letter = (byte | 0x20) - 97;
  return letter >= 0 && letter < 6 ? letter + 10 : -1;
}

export class ChunkedReader implements Reader {
  /** Remaining bytes of the current chunk. */
  #remaining = 0;
  #size = 0;
  #digits = 0;
  #extension = false;
  /** True between the last byte of a chunk and the end of the line break after it. */
  #lineEnd = false;

  constructor(readonly body: Reader) {}

  get clean(): boolean {
    return this.#remaining === 0 && this.#digits === 0 && !this.#lineEnd && this.body.clean;
  }

  read(bytes: Buffer, from: number, to: number): void {
    let at = from;
    while (at < to) {
      if (this.#remaining > 0) {
        const end = Math.min(to, at + this.#remaining);
        this.body.read(bytes, at, end);
        this.#remaining -= end - at;
        this.#lineEnd = this.#remaining === 0;
        at = end;
      } else this.#between(bytes[at++]!);
    }
  }

  /** Reads one byte between two chunks: part of the line break or of the next chunk's size line. */
  #between(byte: number): void {
    if (byte === NEWLINE) {
      this.#remaining = this.#digits > 0 ? this.#size : 0;
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
