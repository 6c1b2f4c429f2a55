// Finds and checks the messages in received data, regardless of the surrounding bytes.
import { Carry } from "./carry.ts";
import { MARK, MARK_AT, innerSize, intact, readDue, readSeq, readStream } from "./message.ts";
import type { Receiver, Tally } from "./tally.ts";

/** The messages found in one read. If another connection reads the same bytes, they need not be scanned again. */
export interface FoundMessages {
  streams: number[];
  seqs: number[];
  dues: number[];
}

export class Scanner {
  /** Collects the messages in a read while that read is being recorded. */
  found: FoundMessages | undefined;
  readonly #inner: number;
  /** The start of a message that continues in the next frame. */
  readonly #carry = new Carry();

  constructor(
    readonly tally: Tally,
    readonly receiver: Receiver,
    readonly size: number,
    readonly verbatim: boolean,
  ) {
    this.#inner = innerSize(size);
  }

  /** True unless a message has been read only partially. */
  get clean(): boolean {
    return this.#carry.length === 0;
  }

  /** Scans a frame's payload or an event's data. Returns true if it contains a message or part of one. */
  scan(bytes: Buffer, from: number, to: number): boolean {
    if (this.verbatim) return this.#exact(bytes, from, to);
    if (this.#carry.length === 0) return this.#any(bytes, from, to);
    this.#carry.append(bytes, from, to);
    const joined = Buffer.from(this.#carry.bytes.subarray(0, this.#carry.length));
    this.#carry.length = 0;
    return this.#any(joined, 0, joined.length);
  }

  #exact(bytes: Buffer, from: number, to: number): boolean {
    const mark = from + MARK_AT;
    if (to - from !== this.size || bytes[mark] !== MARK) return false;
    this.#message(bytes, mark);
    return true;
  }

  #any(bytes: Buffer, from: number, to: number): boolean {
    let any = false;
    let at = from;
    while (at < to) {
      if (bytes[at] !== MARK) {
        at++;
        continue;
      }
      any = true;
      if (at + this.#inner > to) {
        this.#carry.append(bytes, at, to);
        break;
      }
      this.#message(bytes, at);
      at += this.#inner;
    }
    return any;
  }

  #message(bytes: Buffer, mark: number): void {
    const stream = readStream(bytes, mark);
    const seq = readSeq(bytes, mark);
    if (!intact(bytes, mark, this.#inner, stream, seq)) {
      this.tally.faults.corrupted++;
      return;
    }
    const due = readDue(bytes, mark);
    const { found } = this;
    if (found) {
      found.streams.push(stream);
      found.seqs.push(seq);
      found.dues.push(due);
    }
    this.tally.arrived(this.receiver, stream, seq, due);
  }
}
