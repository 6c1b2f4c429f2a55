// Work on a request that may take long: done in slices, one per event-loop tick for all requests together.
import { Ticks } from "../log/ticks.ts";
import { ThumpError } from "../protocol/codes.ts";

/** How long one slice takes, in ms. */
const SLICE_MS = 2;
/** In bytes. */
const SMALL = 16 * 1024;
const ticks = new Ticks();

export class LongWork {
  #end: number;

  /**
   * @param size of a request's body: the work on a small one begins at once
   * @param isGone whether the client has left
   */
  constructor(
    size: number,
    readonly isGone: () => boolean,
  ) {
    this.#end = size > SMALL ? 0 : performance.now() + SLICE_MS;
  }

  /** Whether `pause` comes first: the time of this slice is over, or none has begun. */
  get isDue(): boolean {
    return performance.now() >= this.#end;
  }

  /** Resolves with the next slice. @throws ThumpError when the client has left: nothing more is to be done for it */
  async pause(): Promise<void> {
    await ticks.next();
    if (this.isGone()) throw new ThumpError("malformed", "The client left before the answer.");
    this.#end = performance.now() + SLICE_MS;
  }
}
