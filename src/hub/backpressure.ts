// The arithmetic that makes fan-out lossless: how much may gather in one socket, and when to look. Pure.

const KIB = 1024;
/** Bun holds up to 32 published messages of under 16 KiB a socket that `getBufferedAmount()` does not count yet. */
const MIN_BUFFER_BYTES = 32 * 16 * KIB;

/**
 * The most that a message of so many bytes takes in a socket: with its frame (RFC 6455 §5.2), and where it is deflated
 * and does not get smaller (RFC 1951 §3.2.4: five bytes a stored block).
 */
export function wireBytes(bytes: number): number {
  return bytes + (bytes >>> 10) + 16;
}

/** All in bytes. */
export interface SocketLimits {
  /** A socket with more than this waiting is detached from the live fan-out. */
  readonly highWatermark: number;
  /** So much may leave for sockets between two looks at what they have waiting. */
  readonly budget: number;
  /** Bun's `backpressureLimit`: past it a published message is dropped without a word. */
  readonly limit: number;
}

/**
 * The bounds for a largest wire message. Between two looks no socket can gain more than `budget`, so with
 * `highWatermark + budget + HELD <= limit` none can reach the limit: Bun's silent drop cannot happen.
 * @param message the largest data of a publication, in bytes
 */
export function socketLimitsFor(message: number): SocketLimits {
  const highWatermark = 256 * KIB;
  // JSON writes a control character as six bytes; names and the envelope are small beside the rest.
  const largest = wireBytes(message * 6 + 4 * KIB);
  const budget = Math.max(1280 * KIB, largest);
  return { highWatermark, budget, limit: highWatermark + budget + MIN_BUFFER_BYTES };
}

/** Bun's `server.publish`. Returns the bytes sent, -1 or 0 when a socket is backed up. */
export type PublishToTopic = (topic: string, wire: string | Uint8Array, compress: boolean) => number;

/** Counts what leaves for sockets, and calls for a sweep before any could have got too much. */
export class FlowBudget {
  #spent = 0;

  /** @param sweep looks at every live socket and lets go of those above `highWatermark`. */
  constructor(
    readonly socketLimits: SocketLimits,
    readonly sweep: () => void,
  ) {}

  /** To be called before a message of `bytes` leaves for any live socket. */
  reserve(bytes: number): void {
    const most = wireBytes(bytes);
    if (this.#spent + most > this.socketLimits.budget) this.#look();
    this.#spent += most;
  }

  /** Bun reports that some socket is backed up: look soon, but not for every message. */
  backedUp(): void {
    if (this.#spent > this.socketLimits.highWatermark / 4) this.#look();
  }

  #look(): void {
    this.#spent = 0;
    this.sweep();
  }
}
