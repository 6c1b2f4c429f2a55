// PublishOrder: keeps a session's ordered publications in order. If one fails temporarily, later ones wait until it is
// retried.
import { ThumpError } from "../../protocol/codes.ts";

/** Pure: the caller passes the time in ms, from a monotonic clock. */
export class PublishOrder {
  /** The idempotency key of the publication that must be retried first. */
  #first: string | undefined;
  #retryAt = 0;

  /** Time that a publication must wait for an earlier one, in ms; undefined if it may be published now. */
  waitFor(key: string, now: number): number | undefined {
    if (this.#first === undefined || this.#first === key) return undefined;
    return Math.max(1, Math.ceil(this.#retryAt - now));
  }

  /**
   * Records a temporary error, which the client may retry after `retry` ms. Errors of later publications are ignored.
   */
  rejected(key: string, retry: number, now: number): void {
    if (this.#first !== undefined && this.#first !== key) return;
    this.#first = key;
    this.#retryAt = now + retry;
  }

  /** Records that a publication was stored, or rejected permanently. Later publications no longer wait for it. */
  settled(key: string): void {
    if (this.#first === key) this.#first = undefined;
  }
}

/**
 * Rejects a publication that must wait. The client has done nothing wrong: it may not have received the earlier error
 * yet.
 */
export class OutOfOrderError extends ThumpError {
  constructor(retry: number) {
    const message = `An earlier ordered publication of this session failed. Retry that one first, in ${retry} ms.`;
    super("rate", message, undefined, retry);
  }
}
