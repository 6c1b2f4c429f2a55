// Bodies on their way: what of them has come may take so much memory together. When it is more, the slowest gives way.
import { ThumpError } from "../protocol/codes.ts";

/** Who had to give way tries again after so long, in ms. */
const RETRY_MS = 1000;

/** One that is on its way: what has come of it, and whom to tell that it had to give way. */
export interface OpenBody {
  bytes: number;
  readonly abort: (error: ThumpError) => void;
}

export class BodyMemory {
  /** What has come of them, in bytes. */
  bytes = 0;
  /** How many had to give way. */
  aborted = 0;
  /** Those that began first come first. */
  readonly #open = new Set<OpenBody>();

  /** @param max in bytes; it may be replaced while the server runs */
  constructor(public max: number = Number.POSITIVE_INFINITY) {}

  /** A body begins. `close` must be called at its end. @param abort called when it has to give way */
  open(abort: (error: ThumpError) => void): OpenBody {
    const body: OpenBody = { bytes: 0, abort };
    this.#open.add(body);
    return body;
  }

  /** Whoever takes long pays: honest bodies come at once, and find room whoever else holds some. */
  #abortLargest(): void {
    for (const body of this.#open) {
      if (this.bytes <= this.max) return;
      this.aborted++;
      this.close(body);
      const why = `Too much is being sent at the same time, and this body took the longest. Try again in ${RETRY_MS} ms.`;
      body.abort(new ThumpError("busy", why, undefined, RETRY_MS));
    }
  }

  /** It came to its end, or had to give way. */
  close(body: OpenBody): void {
    if (this.#open.delete(body)) this.bytes -= body.bytes;
  }

  /** So much more of one has come. What comes of one that has given way is not kept. */
  take(body: OpenBody, bytes: number): void {
    if (!this.#open.has(body)) return;
    body.bytes += bytes;
    this.bytes += bytes;
    this.#abortLargest();
  }
}
