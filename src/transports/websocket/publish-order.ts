// Keeps a session's publications in order: while one that was refused for a moment is not repeated, later ones wait for it.
import { ThumpError } from "../../protocol/codes.ts";

/** Pure: the clock is handed in. Times are milliseconds of a clock that never goes back. */
export class PublishOrder {
  /** The idempotency key of the publication that has to be repeated first. */
  #first: string | undefined;
  #retryAt = 0;

  /** How long a publication has to wait for an earlier one, in ms; undefined when it may be tried now. */
  waitFor(key: string, now: number): number | undefined {
    if (this.#first === undefined || this.#first === key) return undefined;
    return Math.max(1, Math.ceil(this.#retryAt - now));
  }

  /** A publication was refused, and may be repeated after `retry` ms. The first one counts: it comes before the others. */
  refused(key: string, retry: number, now: number): void {
    if (this.#first !== undefined && this.#first !== key) return;
    this.#first = key;
    this.#retryAt = now + retry;
  }

  /** A publication was stored, or refused for good: no other has to wait for it. */
  settled(key: string): void {
    if (this.#first === key) this.#first = undefined;
  }
}

/** The refusal of a publication that would overtake another. It was sent before its client could know: no offence. */
export class OutOfOrderError extends ThumpError {
  constructor(retry: number) {
    const message = `An earlier publication of this session was refused: repeat that one first, in ${retry} ms.`;
    super("rate", message, undefined, retry);
  }
}
