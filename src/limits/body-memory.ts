// Body memory: limits the total memory of partially received request bodies. Above the limit, the oldest body is
// aborted.
import { ThumpError } from "../protocol/codes.ts";

/** Retry delay that the client receives when its body is aborted. */
const RETRY_MS = 1000;

/** A body that is being received. */
export interface OpenBody {
  /** Bytes received so far. */
  bytes: number;
  readonly abort: (error: ThumpError) => void;
}

export class BodyMemory {
  /** Total number of bytes received for all open bodies. */
  bytes = 0;
  /** Number of aborted bodies. */
  aborted = 0;
  /** Oldest first. */
  readonly #open = new Set<OpenBody>();

  /** @param max in bytes; a reload may replace it */
  constructor(public max: number = Number.POSITIVE_INFINITY) {}

  /** Registers a body. The caller must call `close` when the body ends. @param abort called if the body is aborted */
  open(abort: (error: ThumpError) => void): OpenBody {
    const body: OpenBody = { bytes: 0, abort };
    this.#open.add(body);
    return body;
  }

  /**
   * Aborts the oldest bodies until the remaining ones fit within the limit. Normal bodies arrive quickly, so this
   * mainly affects slow senders.
   */
  #abortOldest(): void {
    for (const body of this.#open) {
      if (this.bytes <= this.max) return;
      this.aborted++;
      this.close(body);
      const why = `Request bodies exceed the server's memory limit, and this body is the oldest. Try again in ${RETRY_MS} ms.`;
      body.abort(new ThumpError("busy", why, undefined, RETRY_MS));
    }
  }

  /** Removes a body that has been fully received or aborted. */
  close(body: OpenBody): void {
    if (this.#open.delete(body)) this.bytes -= body.bytes;
  }

  /** Adds received bytes to a body's total. Bytes of an aborted body do not count. */
  take(body: OpenBody, bytes: number): void {
    if (!this.#open.has(body)) return;
    body.bytes += bytes;
    this.bytes += bytes;
    this.#abortOldest();
  }
}
