// Long work for requests, done in slices. All requests share one slice per event-loop tick.
import { ThumpError } from "../protocol/codes.ts";
import { governor } from "./governor.ts";

/** The maximum time that work on a small body may take before its first pause. */
const FIRST_SLICE_MS = 0.5;
/** Bodies up to this size count as small. */
const SMALL_BODY_BYTES = 16 * 1024;

export class LongWork {
  /** When this slice ends (`performance.now()`). */
  #end: number;

  /**
   * @param size the size of the request body, in bytes. Work on a small body starts immediately
   * @param isGone whether the client has disconnected
   */
  constructor(
    size: number,
    readonly isGone: () => boolean,
  ) {
    this.#end = size > SMALL_BODY_BYTES ? 0 : performance.now() + FIRST_SLICE_MS;
  }

  /** Whether the caller must call `pause` before the next step, because the slice has ended or has not started yet. */
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
