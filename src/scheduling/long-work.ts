// Work on a request that may take long: done in slices, one per event-loop tick for all requests together.
import { ThumpError } from "../protocol/codes.ts";
import { governor } from "./governor.ts";

/** How long the work on a small body may take before its first pause, in ms. */
const FIRST_SLICE_MS = 0.5;
/** In bytes. */
const SMALL_BODY_BYTES = 16 * 1024;

export class LongWork {
  #end: number;

  /**
   * @param size of a request's body, in bytes: the work on a small one begins at once
   * @param isGone whether the client has left
   */
  constructor(
    size: number,
    readonly isGone: () => boolean,
  ) {
    this.#end = size > SMALL_BODY_BYTES ? 0 : performance.now() + FIRST_SLICE_MS;
  }

  /** Whether `pause` comes first: the time of this slice is over, or none has begun. */
  get isDue(): boolean {
    return performance.now() >= this.#end;
  }

  /** Resolves with the next slice. @throws ThumpError when the client has left: nothing more is to be done for it */
  async pause(): Promise<void> {
    const ms = await governor.next();
    if (this.isGone()) throw new ThumpError("malformed", "The client left before the answer.");
    this.#end = performance.now() + ms;
  }
}
