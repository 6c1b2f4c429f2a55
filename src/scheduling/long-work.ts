// Long work on a request: done in slices, one per event-loop tick for all requests together.
import { ThumpError } from "../protocol/codes.ts";
import { governor } from "./governor.ts";

/** The longest time that the work on a small body may take before its first pause. */
const FIRST_SLICE_MS = 0.5;
/** The largest small body. */
const SMALL_BODY_BYTES = 16 * 1024;

export class LongWork {
  /** When this slice ends, by `performance.now()`. */
  #end: number;

  /**
   * @param size the size of the request's body, in bytes. Work on a small one starts at once
   * @param isGone whether the client has disconnected
   */
  constructor(
    size: number,
    readonly isGone: () => boolean,
  ) {
    this.#end = size > SMALL_BODY_BYTES ? 0 : performance.now() + FIRST_SLICE_MS;
  }

  /** Whether to call `pause` before the next step: the slice has ended, or none has started. */
  get isDue(): boolean {
    return performance.now() >= this.#end;
  }

  /** Resolves at the start of the next slice. @throws ThumpError `malformed` if the client has disconnected */
  async pause(): Promise<void> {
    const ms = await governor.next();
    if (this.isGone()) throw new ThumpError("malformed", "The client disconnected before the response.");
    this.#end = performance.now() + ms;
  }
}
