// Reads the server's WebSocket frames and writes client frames (RFC 6455), without allocating an object per frame.
import { Carry } from "./carry.ts";
import type { Listener, Reader } from "./reader.ts";

const CONTINUATION = 0;
const TEXT = 1;
const BINARY = 2;
const CLOSE = 8;
const PING = 9;
const PONG = 10;
const FINAL = 0x80;
const MASKED = 0x80;

/** Returns the size of the frame at `at`, or a number larger than `available` if the frame's header is incomplete. */
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
  readonly #carry = new Carry();

  constructor(readonly listener: Listener) {}

  get clean(): boolean {
    return this.#carry.length === 0;
  }

  read(bytes: Buffer, from: number, to: number): void {
    let at = this.#carry.length > 0 ? this.#resume(bytes, from, to) : from;
    while (at < to) {
      const frame = frameSize(bytes, at, to - at);
      if (frame > to - at) {
        this.#carry.append(bytes, at, to);
        return;
      }
      this.#frame(bytes, at, frame);
      at += frame;
    }
  }

  /** Completes the frame that the previous read started. Returns the position of the next frame. */
  #resume(bytes: Buffer, from: number, to: number): number {
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

  #frame(bytes: Buffer, at: number, frame: number): void {
    const from = at + headerSize(bytes, at);
    const kind = bytes[at]! & 0x0f;
    if (kind === TEXT || kind === BINARY || kind === CONTINUATION)
      this.listener.payload(bytes, from, at + frame);
    else if (kind === PING) this.listener.reply(clientFrame(PONG, bytes.subarray(from, at + frame)));
    else if (kind !== PONG && kind !== CLOSE) this.listener.foreign();
  }
}

/** The size of the header that `writeHeader` writes. */
export function clientHeaderSize(length: number): number {
  return length < 126 ? 6 : length < 65_536 ? 8 : 14;
}

/** Writes the header of a client frame with a zero mask, which leaves the payload unchanged. Returns its end. */
export function writeHeader(into: Buffer, at: number, length: number, kind: number = TEXT): number {
  into[at] = FINAL | kind;
  if (length < 126) into[at + 1] = MASKED | length;
  else if (length < 65_536) {
    into[at + 1] = MASKED | 126;
    into.writeUInt16BE(length, at + 2);
  } else {
    into[at + 1] = MASKED | 127;
    into.writeBigUInt64BE(BigInt(length), at + 2);
  }
  const end = at + clientHeaderSize(length);
  into.fill(0, end - 4, end);
  return end;
}

function clientFrame(kind: number, payload: Uint8Array): Buffer {
  const frame = Buffer.alloc(clientHeaderSize(payload.length) + payload.length);
  frame.set(payload, writeHeader(frame, 0, payload.length, kind));
  return frame;
}

/** Encodes a complete text or binary frame. */
export function messageFrame(text: string, binary = false): Buffer {
  return clientFrame(binary ? BINARY : TEXT, Buffer.from(text));
}

export const frameKind = (binary: boolean) => (binary ? BINARY : TEXT);
