// The message that is published: JSON of a fixed size with a sequence number at a fixed place.

const HEAD = '{"seq":"';
const MIDDLE = '","pad":"';
const TAIL = '"}';
const DIGITS = 6;
const BRACE_OPEN = 123;
const BRACE_CLOSE = 125;

/** The smallest message there is. */
export const MIN_SIZE = HEAD.length + DIGITS + MIDDLE.length + TAIL.length;

/** Writes message number `seq` at `at`. Digits are the 16 characters from "0" on, so decoding is a mask. */
export class MessageWriter {
  readonly #template: Uint8Array;

  constructor(size: number) {
    if (size < MIN_SIZE) throw new Error(`a message has at least ${MIN_SIZE} bytes`);
    const pad = "x".repeat(size - MIN_SIZE);
    this.#template = Buffer.from(`${HEAD}${"0".repeat(DIGITS)}${MIDDLE}${pad}${TAIL}`);
  }

  write(into: Uint8Array, at: number, seq: number): void {
    into.set(this.#template, at);
    const first = at + HEAD.length;
    for (let digit = 0; digit < DIGITS; digit++)
      into[first + digit] = 48 + ((seq >> (4 * (DIGITS - 1 - digit))) & 15);
  }
}

/** The number of the message at `at`, or -1 if it is none of ours. */
export function readSeq(bytes: Uint8Array, at: number, length: number, size: number): number {
  if (length !== size || bytes[at] !== BRACE_OPEN || bytes[at + size - 1] !== BRACE_CLOSE) return -1;
  return (
    ((bytes[at + 8]! & 15) << 20) |
    ((bytes[at + 9]! & 15) << 16) |
    ((bytes[at + 10]! & 15) << 12) |
    ((bytes[at + 11]! & 15) << 8) |
    ((bytes[at + 12]! & 15) << 4) |
    (bytes[at + 13]! & 15)
  );
}
