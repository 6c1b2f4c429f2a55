// Backpressure limits: bound the bytes that a socket buffers, so that Bun never drops a message. Pure.

const KIB = 1024;
/** Bun holds up to 32 published messages of less than 16 KiB per socket that `getBufferedAmount()` does not count yet. */
const UNCOUNTED_BYTES = 32 * 16 * KIB;

/**
 * The most bytes that a message can occupy in a socket's buffer: with its frame (RFC 6455 §5.2), and deflated without
 * becoming smaller (RFC 1951 §3.2.4: five bytes per stored block).
 * @param bytes the size of the message
 */
export function wireBytes(bytes: number): number {
  return bytes + (bytes >>> 10) + 16;
}

/** Limits of one socket's buffer, in bytes. */
export interface SocketLimits {
  /** A socket that buffers more than this is detached from the live fan-out. */
  readonly highWatermark: number;
  /** The most bytes published between two sweeps of the sockets' buffers. */
  readonly budget: number;
  /** Bun's `backpressureLimit`. Bun silently drops a message that would exceed it. */
  readonly limit: number;
}

/**
 * Computes the limits. A socket gains at most `budget` from one sweep to the next, so with
 * `highWatermark + budget + UNCOUNTED_BYTES <= limit` none can reach the limit, and Bun never drops a message.
 * @param message the largest data of a publication, in bytes
 */
export function socketLimitsFor(message: number): SocketLimits {
  const highWatermark = 256 * KIB;
  // JSON encodes a control character as six bytes. 4 KiB cover the names and the envelope.
  const largest = wireBytes(message * 6 + 4 * KIB);
  const budget = Math.max(1280 * KIB, largest);
  return { highWatermark, budget, limit: highWatermark + budget + UNCOUNTED_BYTES };
}

/** Bun's `server.publish`. Returns the bytes sent, -1 or 0 when a socket is backed up. */
export type PublishToTopic = (topic: string, wire: string | Uint8Array, compress: boolean) => number;

/** Counts the bytes published to sockets, and sweeps before a socket could exceed its limit. */
export class FlowBudget {
  #spent = 0;

  /** @param sweep checks every live socket and detaches those above `highWatermark` */
  constructor(
    readonly socketLimits: SocketLimits,
    readonly sweep: () => void,
  ) {}

  /** Call before a message of `bytes` leaves for any live socket. */
  reserve(bytes: number): void {
    const size = wireBytes(bytes);
    if (this.#spent + size > this.socketLimits.budget) this.#sweep();
    this.#spent += size;
  }

  /** Call when Bun reports that a socket is backed up. Sweeps early, but not for every message. */
  backedUp(): void {
    if (this.#spent > this.socketLimits.highWatermark / 4) this.#sweep();
  }

  #sweep(): void {
    this.#spent = 0;
    this.sweep();
  }
}
