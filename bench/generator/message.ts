// The published message: fixed-size JSON that contains its stream, its sequence number, and its due time.
//
//   {"thump":"~SSSSNNNNNNDDDDDDDDDtext…"}
//
// The stream, sequence number and due time are written as four-bit digits. The digits are the characters "@" to "O", so
// a bit mask decodes them. The text is derived from the stream and the sequence number, so that a receiver can
// check every byte. No character needs escaping in JSON or in a form.

export const HEAD = '{"thump":"';
export const TAIL = '"}';
export const MARK = 126; // "~"
const STREAM_AT = 1;
const SEQ_AT = 5;
const DUE_AT = 11;
const TEXT_AT = 20;
/** Due times are microseconds modulo this value, about 19 hours. */
const DUE_SPAN = 2 ** 36;
const OFFSETS = 1024;
const MAX_TEXT_BYTES = 1 << 20;
const MAX_LOOP_BYTES = 64;

/** Position of the mark in a message. */
export const MARK_AT = HEAD.length;
export const MIN_SIZE = HEAD.length + TEXT_AT + TAIL.length;
export const MAX_STREAMS = 1 << 16;

const text = makeText(OFFSETS + MAX_TEXT_BYTES);

function makeText(length: number): Buffer {
  const letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
  const bytes = Buffer.alloc(length);
  let state = 0x2545f491;
  for (let index = 0; index < length; index++) {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    bytes[index] = letters.charCodeAt((state >>> 8) & 63);
  }
  return bytes;
}

function textOffset(stream: number, seq: number): number {
  return (seq * 31 + stream * 7) & (OFFSETS - 1);
}

/** Number of bytes from the mark to the end of the text. */
export function innerSize(size: number): number {
  return size - HEAD.length - TAIL.length;
}

function writeDigits(into: Uint8Array, at: number, digits: number, value: number): void {
  let rest = value;
  for (let digit = digits - 1; digit >= 0; digit--) {
    into[at + digit] = 64 + (rest & 15);
    rest = rest >>> 4;
  }
}

/** Writes a message from its mark to the end of its text. `due` is in ms on the benchmark's clock. */
export function writeInner(
  into: Buffer,
  mark: number,
  inner: number,
  stream: number,
  seq: number,
  due: number,
): void {
  into[mark] = MARK;
  writeDigits(into, mark + STREAM_AT, 4, stream);
  writeDigits(into, mark + SEQ_AT, 6, seq);
  const micros = Math.round(due * 1000) % DUE_SPAN;
  writeDigits(into, mark + DUE_AT, 5, Math.floor(micros / 65536));
  writeDigits(into, mark + DUE_AT + 5, 4, micros % 65536);
  const offset = textOffset(stream, seq);
  text.copy(into, mark + TEXT_AT, offset, offset + inner - TEXT_AT);
}

function readDigits(bytes: Uint8Array, at: number, digits: number): number {
  let value = 0;
  for (let digit = 0; digit < digits; digit++) value = (value << 4) | (bytes[at + digit]! & 15);
  return value;
}

export const readStream = (bytes: Uint8Array, mark: number) => readDigits(bytes, mark + STREAM_AT, 4);
export const readSeq = (bytes: Uint8Array, mark: number) => readDigits(bytes, mark + SEQ_AT, 6);

/** Returns the due time in microseconds, for `latencyOf`. */
export function readDue(bytes: Uint8Array, mark: number): number {
  return readDigits(bytes, mark + DUE_AT, 5) * 65536 + readDigits(bytes, mark + DUE_AT + 5, 4);
}

/** Returns the milliseconds from a message's due time to `now`. */
export function latencyOf(due: number, now: number): number {
  const micros = (Math.round(now * 1000) % DUE_SPAN) - due;
  // No message arrives hours before it is due, so a large negative difference means that `now` has wrapped around.
  return (micros < -DUE_SPAN / 2 ? micros + DUE_SPAN : micros) / 1000;
}

/** Returns true if the text after `mark` is exactly the expected text of this message. */
export function intact(bytes: Buffer, mark: number, inner: number, stream: number, seq: number): boolean {
  const from = mark + TEXT_AT;
  const length = inner - TEXT_AT;
  const offset = textOffset(stream, seq);
  if (length > MAX_LOOP_BYTES) return bytes.compare(text, offset, offset + length, from, from + length) === 0;
  for (let index = 0; index < length; index++) if (bytes[from + index] !== text[offset + index]) return false;
  return true;
}
