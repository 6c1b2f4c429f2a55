// Publications that Redis has not answered yet, or that are waiting to be sent to Redis.
import { type ThumpError, unavailable } from "../../protocol/codes.ts";
import type { Draft, Publication } from "../../protocol/publication.ts";

/** A pending publication. */
export interface PendingAppend {
  readonly draft: Draft;
  readonly size: number;
  /** The position in the order of arrival. */
  readonly order: number;
  /** When the publication times out (`performance.now()`). */
  readonly deadline: number;
  resolve(publication: Publication): void;
  reject(error: Error): void;
}

/** The maximum number and total size of pending publications. */
const MAX_APPENDS = 10_000;
const MAX_APPEND_BYTES = 32 << 20;
const EXPIRY_INTERVAL_MS = 250;

export class PendingAppends {
  readonly #all = new Set<PendingAppend>();
  #waiting: PendingAppend[] = [];
  #bytes = 0;
  #count = 0;
  readonly #timer: Timer;

  /** @param patience the timeout for a publication, in ms */
  constructor(readonly patience: number) {
    this.#timer = setInterval(() => this.#expire(), EXPIRY_INTERVAL_MS);
    this.#timer.unref();
  }

  /**
   * Adds a publication. The caller must send it immediately or call `wait`.
   * @throws ThumpError `unavailable` if too many publications are pending
   */
  add(draft: Draft, size: number): { append: PendingAppend; done: Promise<Publication> } {
    if (this.#all.size >= MAX_APPENDS || this.#bytes + size > MAX_APPEND_BYTES)
      throw unavailable("Redis cannot keep up. Retry in a moment.");
    const { promise, resolve, reject } = Promise.withResolvers<Publication>();
    const deadline = performance.now() + this.patience;
    const settle =
      <T>(settled: (value: T) => void) =>
      (value: T) => {
        if (!this.#all.delete(append)) return;
        this.#bytes -= size;
        settled(value);
      };
    const append: PendingAppend = {
      draft,
      size,
      order: this.#count++,
      deadline,
      resolve: settle(resolve),
      reject: settle(reject),
    };
    this.#all.add(append);
    this.#bytes += size;
    return { append, done: promise };
  }

  /** Queues a publication until `takeWaiting` is called. */
  wait(append: PendingAppend): void {
    this.#waiting.push(append);
  }

  /** Removes and returns the waiting publications, oldest first. */
  takeWaiting(): PendingAppend[] {
    const waiting = this.#waiting.filter((append) => this.#all.has(append));
    this.#waiting = [];
    return waiting.sort((a, b) => a.order - b.order);
  }

  /** Rejects all pending publications. */
  close(): void {
    clearInterval(this.#timer);
    for (const append of this.#all) append.reject(unavailable("The server is shutting down."));
  }

  #expire(): void {
    const now = performance.now();
    const waiting = new Set(this.#waiting);
    for (const append of this.#all) {
      // Publications are ordered by age, oldest first.
      if (append.deadline > now) break;
      append.reject(waiting.has(append) ? unavailable("Redis is unavailable.") : unanswered());
    }
    if (waiting.size > 0) this.#waiting = this.#waiting.filter((append) => this.#all.has(append));
  }
}

/** Returns the error for a publication that was sent but not answered. */
export function unanswered(): ThumpError {
  return unavailable(
    "Redis did not answer, so the publication may or may not be stored. Retry with an idempotency key to be safe.",
  );
}
