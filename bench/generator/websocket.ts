// Reads a server's WebSocket frames and writes a client's, without an object per frame.
import { readSeq } from "./message.ts";
import { Carry, type Reader, type ReaderContext } from "./reader.ts";

const TEXT = 0x81;
const BINARY = 0x82;
const PING = 0x89;
const PONG = 0x8a;
const CLOSE = 0x88;
const MASKED = 0x80;

/** The size of the frame at `at`, or more than is there when its header is not complete. */
function frameSize(bytes: Uint8Array, at: number, available: number): number {
  if (available < 2) return 2;
  const short = bytes[at + 1]! & 0x7f;
  if (short < 126) return 2 + short;
  if (short === 126) return available < 4 ? 4 : 4 + ((bytes[at + 2]! << 8) | bytes[at + 3]!);
  if (available < 10) return 10;
  let length = 0;
  for (let index = 6; index < 10; index++) length = length * 256 + bytes[at + index]!;
  return 10 + length;
}

function headerSize(bytes: Uint8Array, at: number): number {
  const short = bytes[at + 1]! & 0x7f;
  return short < 126 ? 2 : short === 126 ? 4 : 10;
}

export class WebSocketReader implements Reader {
  last = -1;
  readonly #context: ReaderContext;
  readonly #carry = new Carry();

  constructor(context: ReaderContext) {
    this.#context = context;
  }

  read(bytes: Uint8Array, from: number, to: number): void {
    const { tally, size } = this.#context;
    let at = this.#carry.length > 0 ? this.#resume(bytes, from, to) : from;
    while (at < to) {
      const frame = frameSize(bytes, at, to - at);
      if (frame > to - at) {
        this.#carry.append(bytes, at, to);
        return;
      }
      if (bytes[at] === TEXT && frame === size + 2) {
        const seq = readSeq(bytes, at + 2, size, size);
        if (seq < 0) tally.faults.foreign++;
        else this.last = tally.arrived(seq, this.last);
      } else this.#frame(bytes, at, frame);
      at += frame;
    }
  }

  /** Completes the frame that the last read began. Returns where the next one starts. */
  #resume(bytes: Uint8Array, from: number, to: number): number {
    const carry = this.#carry;
    let at = from;
    for (;;) {
      const frame = frameSize(carry.bytes, 0, carry.length);
      if (frame <= carry.length) {
        this.#frame(carry.bytes, 0, frame);
        carry.length = 0;
        return at;
      }
      const take = Math.min(frame - carry.length, to - at);
      if (take === 0) return at;
      carry.append(bytes, at, at + take);
      at += take;
    }
  }

  #frame(bytes: Uint8Array, at: number, frame: number): void {
    const { tally, size } = this.#context;
    const header = headerSize(bytes, at);
    const kind = bytes[at];
    if (kind === TEXT || kind === BINARY) {
      const seq = readSeq(bytes, at + header, frame - header, size);
      if (seq < 0) tally.faults.foreign++;
      else this.last = tally.arrived(seq, this.last);
    } else if (kind === PING) {
      this.#context.reply(clientFrame(PONG, bytes.slice(at + header, at + frame)));
    } else if (kind !== PONG && kind !== CLOSE) tally.faults.foreign++;
  }
}

function clientFrame(kind: number, payload: Uint8Array): Uint8Array {
  const frame = new Uint8Array(6 + payload.length);
  frame[0] = kind;
  frame[1] = MASKED | payload.length;
  frame.set(payload, 6);
  return frame;
}

/** The size of the header that `writeHeader` writes. */
export function clientHeaderSize(length: number): number {
  return length < 126 ? 6 : length < 65_536 ? 8 : 14;
}

/** Writes the header of a client's text frame, with a mask of zeros. */
export function writeHeader(into: Uint8Array, at: number, length: number): void {
  const view = new DataView(into.buffer, into.byteOffset + at);
  view.setUint8(0, TEXT);
  if (length < 126) view.setUint8(1, MASKED | length);
  else if (length < 65_536) {
    view.setUint8(1, MASKED | 126);
    view.setUint16(2, length);
  } else {
    view.setUint8(1, MASKED | 127);
    view.setBigUint64(2, BigInt(length));
  }
}
