// Backpressure limits: bound the buffer of each socket so that Bun never drops a message. Pure.

const KIB = 1024;
/**
 * For each socket, Bun can hold up to 32 published messages, each smaller than 16 KiB, that `getBufferedAmount()` does
 * not count yet.
 */
const UNCOUNTED_BYTES = 32 * 16 * KIB;

/**
 * Returns the maximum number of bytes that a message can occupy in a socket's buffer. Includes the frame header (RFC
 * 6455 §5.2) and the overhead of incompressible data (RFC 1951 §3.2.4: five bytes per stored block).
 * @param bytes the size of the message
 */
export function wireBytes(bytes: number): number {
  return bytes + (bytes >>> 10) + 16;
}

/** Limits for one socket's buffer, in bytes. */
export interface SocketLimits {
  /** A socket that buffers more than this amount is detached from the live fan-out. */
  readonly highWatermark: number;
  /** The maximum number of bytes published between two sweeps of the sockets' buffers. */
  readonly budget: number;
  /** Bun's `backpressureLimit`. Bun silently drops any message that would exceed this limit. */
  readonly limit: number;
}

/**
 * Computes the limits. A socket's buffer grows by at most `budget` from one sweep to the next. If
 * `highWatermark + budget + UNCOUNTED_BYTES <= limit`, no socket can reach the limit, and Bun never drops a message.
 * @param message the maximum size of a publication's data, in bytes
 */
export function socketLimitsFor(message: number): SocketLimits {
  const highWatermark = 256 * KIB;
  // JSON encodes a control character as six bytes. 4 KiB is enough for the names and the envelope.
  const largest = wireBytes(message * 6 + 4 * KIB);
  const budget = Math.max(1280 * KIB, largest);
  return { highWatermark, budget, limit: highWatermark + budget + UNCOUNTED_BYTES };
}

/** Bun's `server.publish`. Returns the number of bytes sent, or -1 or 0 if a socket is backed up. */
export type PublishToTopic = (topic: string, wire: string | Uint8Array, compress: boolean) => number;

/** Counts the bytes published to sockets, and sweeps before a socket could exceed its limit. */
export class FlowBudget {
  #spent = 0;

  /** @param sweep checks every live socket and detaches those above `highWatermark` */
  constructor(
    readonly socketLimits: SocketLimits,
    readonly sweep: () => void,
  ) {}

  /** Call this before sending a message of `bytes` bytes to live sockets. */
  reserve(bytes: number): void {
    const size = wireBytes(bytes);
    if (this.#spent + size > this.socketLimits.budget) this.#sweep();
    this.#spent += size;
  }

  /** Call this when Bun reports that a socket is backed up. Triggers an early sweep, but not on every call. */
  backedUp(): void {
    if (this.#spent > this.socketLimits.highWatermark / 4) this.#sweep();
  }

  #sweep(): void {
    this.#spent = 0;
    this.sweep();
  }
}
