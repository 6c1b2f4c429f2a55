// Reads a server's event stream: HTTP chunks, then lines, then events that carry data.
import { readSeq } from "./message.ts";
import { Carry, type Reader, type ReaderContext } from "./reader.ts";

const NEWLINE = 10;
const RETURN = 13;
const SPACE = 32;
const COLON = 58;
const DATA = [100, 97, 116, 97] as const;
const NO_DATA = -2;
const FOREIGN = -1;

function isData(bytes: Uint8Array, at: number): boolean {
  for (let index = 0; index < 4; index++) if (bytes[at + index] !== DATA[index]) return false;
  return bytes[at + 4] === COLON;
}

function hexDigit(byte: number): number {
  if (byte >= 48 && byte <= 57) return byte - 48;
  const letter = (byte | 0x20) - 97;
  return letter >= 0 && letter < 6 ? letter + 10 : -1;
}

export class EventStreamReader implements Reader {
  last = -1;
  readonly #context: ReaderContext;
  readonly #chunked: boolean;
  readonly #carry = new Carry();
  /** Bytes of the HTTP chunk that are still to come. */
  #left = 0;
  #size = 0;
  #digits = 0;
  #extension = false;
  /** The message of the event being read. */
  #pending = NO_DATA;

  constructor(context: ReaderContext, chunked: boolean) {
    this.#context = context;
    this.#chunked = chunked;
  }

  read(bytes: Uint8Array, from: number, to: number): void {
    if (!this.#chunked) {
      this.#lines(bytes, from, to);
      return;
    }
    let at = from;
    while (at < to) {
      if (this.#left > 0) {
        const end = Math.min(to, at + this.#left);
        this.#lines(bytes, at, end);
        this.#left -= end - at;
        at = end;
      } else this.#chunkSize(bytes[at++]!);
    }
  }

  /** One byte between two chunks: the line end of the last, or the size of the next. */
  #chunkSize(byte: number): void {
    if (byte === NEWLINE) {
      this.#left = this.#digits > 0 ? this.#size : 0;
      this.#size = 0;
      this.#digits = 0;
      this.#extension = false;
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

  #lines(bytes: Uint8Array, from: number, to: number): void {
    let at = from;
    if (this.#carry.length > 0) {
      const end = bytes.indexOf(NEWLINE, at);
      if (end < 0 || end >= to) {
        this.#carry.append(bytes, at, to);
        return;
      }
      this.#carry.append(bytes, at, end);
      this.#line(this.#carry.bytes, 0, this.#carry.length);
      this.#carry.length = 0;
      at = end + 1;
    }
    const { size } = this.#context;
    while (at < to) {
      // A line of our data has a known length, so its end need not be searched.
      let end = at + 6 + size;
      if (end >= to || bytes[end] !== NEWLINE || !isData(bytes, at)) {
        end = at;
        while (end < to && bytes[end] !== NEWLINE) end++;
        if (end === to) {
          this.#carry.append(bytes, at, to);
          return;
        }
      }
      this.#line(bytes, at, end);
      at = end + 1;
    }
  }

  #line(bytes: Uint8Array, from: number, lineEnd: number): void {
    const end = lineEnd > from && bytes[lineEnd - 1] === RETURN ? lineEnd - 1 : lineEnd;
    if (end === from) {
      this.#event();
    } else if (end - from >= 5 && isData(bytes, from)) {
      const at = bytes[from + 5] === SPACE ? from + 6 : from + 5;
      const seq = readSeq(bytes, at, end - at, this.#context.size);
      // A second line of data makes the event something else than one of our messages.
      this.#pending = this.#pending === NO_DATA ? seq : FOREIGN;
    }
  }

  #event(): void {
    if (this.#pending === NO_DATA) return;
    const { tally } = this.#context;
    if (this.#pending === FOREIGN) tally.faults.foreign++;
    else this.last = tally.arrived(this.#pending, this.last);
    this.#pending = NO_DATA;
  }
}
