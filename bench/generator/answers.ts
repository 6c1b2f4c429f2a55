// Reads the HTTP responses to a connection's publishes, in order.
import { Carry } from "./carry.ts";
import type { Reader } from "./reader.ts";

const HEAD_END = Buffer.from("\r\n\r\n");

export class AnswerReader implements Reader {
  readonly #carry = new Carry();
  /** Remaining bytes of the current body. */
  #remaining = 0;

  /** @param answered receives the status code of each response when its head arrives */
  constructor(readonly answered: (status: number) => void) {}

  get clean(): boolean {
    return this.#carry.length === 0 && this.#remaining === 0;
  }

  read(bytes: Buffer, from: number, to: number): void {
    let [source, at, end] = [bytes, from, to];
    if (this.#carry.length > 0) {
      this.#carry.append(bytes, from, to);
      source = Buffer.from(this.#carry.bytes.subarray(0, this.#carry.length));
      [at, end] = [0, source.length];
      this.#carry.length = 0;
    }
    while (at < end) {
      const skip = Math.min(this.#remaining, end - at);
      this.#remaining -= skip;
      at += skip;
      if (at === end) return;
      const headEnd = source.indexOf(HEAD_END, at);
      if (headEnd < 0 || headEnd + 4 > end) {
        this.#carry.append(source, at, end);
        return;
      }
      this.#head(source.toString("latin1", at, headEnd));
      at = headEnd + 4;
    }
  }

  #head(head: string): void {
    const status = Number(head.slice(9, 12));
    const length = /\r\ncontent-length: *(\d+)/i.exec(head)?.[1];
    if (length === undefined && status !== 204)
      throw new Error(`a response without Content-Length has no known end: ${head.slice(0, 200)}`);
    this.#remaining = Number(length ?? 0);
    this.answered(status);
  }
}
