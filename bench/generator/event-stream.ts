// Reads an event stream (WHATWG HTML, section 9.2.6): lines, then events with data.
import { Carry } from "./carry.ts";
import type { Listener, Reader } from "./reader.ts";

const NEWLINE = 10;
const RETURN = 13;
const SPACE = 32;
const COLON = 58;
const DATA = [100, 97, 116, 97] as const;

function isData(bytes: Uint8Array, at: number): boolean {
  for (let index = 0; index < 4; index++) if (bytes[at + index] !== DATA[index]) return false;
  return bytes[at + 4] === COLON;
}

export class EventStreamReader implements Reader {
  readonly #carry = new Carry();
  /** The current event's data: a range of one line, or a copy if the data has several lines or arrived in parts. */
  #data: Buffer | undefined;
  #from = 0;
  #to = 0;

  /** @param size message size in bytes, so that the reader need not search for the end of each data line */
  constructor(
    readonly listener: Listener,
    readonly size: number,
  ) {}

  get clean(): boolean {
    return this.#carry.length === 0 && this.#data === undefined;
  }

  read(bytes: Buffer, from: number, to: number): void {
    let at = from;
    if (this.#carry.length > 0) {
      const end = bytes.indexOf(NEWLINE, at);
      if (end < 0 || end >= to) {
        this.#carry.append(bytes, at, to);
        return;
      }
      this.#carry.append(bytes, at, end);
      const line = Buffer.from(this.#carry.bytes.subarray(0, this.#carry.length));
      this.#carry.length = 0;
      this.#line(line, 0, line.length);
      at = end + 1;
    }
    const { size } = this;
    while (at < to) {
      let end = at + 6 + size;
      if (end >= to || bytes[end] !== NEWLINE || !isData(bytes, at)) {
        end = at;
        while (end < to && bytes[end] !== NEWLINE) end++;
        if (end === to) {
          this.#carry.append(bytes, at, to);
          break;
        }
      }
      this.#line(bytes, at, end);
      at = end + 1;
    }
    // The next read overwrites the buffer.
    if (this.#data === bytes) this.#copyData();
  }

  #line(bytes: Buffer, from: number, lineEnd: number): void {
    const end = lineEnd > from && bytes[lineEnd - 1] === RETURN ? lineEnd - 1 : lineEnd;
    if (end === from) {
      const data = this.#data;
      this.#data = undefined;
      if (data) this.listener.payload(data, this.#from, this.#to);
    } else if (end - from >= 5 && isData(bytes, from)) {
      const at = bytes[from + 5] === SPACE ? from + 6 : from + 5;
      if (this.#data) this.#appendLine(bytes, at, end);
      else [this.#data, this.#from, this.#to] = [bytes, at, end];
    }
  }

  #copyData(): void {
    this.#data = Buffer.from(this.#data!.subarray(this.#from, this.#to));
    [this.#from, this.#to] = [0, this.#data.length];
  }

  #appendLine(bytes: Buffer, from: number, to: number): void {
    const parts = [this.#data!.subarray(this.#from, this.#to), Buffer.from("\n"), bytes.subarray(from, to)];
    this.#data = Buffer.concat(parts);
    [this.#from, this.#to] = [0, this.#data.length];
  }
}
