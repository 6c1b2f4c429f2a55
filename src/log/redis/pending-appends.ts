// Publications on their way to Redis: those that were sent, and those that wait until they can be.
import { type ThumpError, unavailable } from "../../protocol/codes.ts";
import type { Draft, Publication } from "../../protocol/publication.ts";

/** One publication on its way. */
export interface PendingAppend {
  readonly draft: Draft;
  readonly size: number;
  /** They are sent in the order in which they came. */
  readonly order: number;
  /** When it is given up, by `performance.now()`. */
  readonly deadline: number;
  resolve(publication: Publication): void;
  reject(error: Error): void;
}

/** So many may be on their way, and so many bytes of them. */
const MAX_APPENDS = 10_000;
const MAX_APPEND_BYTES = 32 << 20;
const EXPIRY_INTERVAL_MS = 250;

export class PendingAppends {
  readonly #all = new Set<PendingAppend>();
  #waiting: PendingAppend[] = [];
  #bytes = 0;
  #count = 0;
  readonly #timer: Timer;

  /** @param patience how long one may take, in ms */
  constructor(readonly patience: number) {
    this.#timer = setInterval(() => this.#expire(), EXPIRY_INTERVAL_MS);
    this.#timer.unref();
  }

  /** Takes one in. It waits until `takeWaiting`, unless it is sent at once. @throws ThumpError when there are too many */
  add(draft: Draft, size: number): { append: PendingAppend; done: Promise<Publication> } {
    if (this.#all.size >= MAX_APPENDS || this.#bytes + size > MAX_APPEND_BYTES)
      throw unavailable("Redis is slower than what is published. Try again in a moment.");
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

  /** It goes out later. */
  wait(append: PendingAppend): void {
    this.#waiting.push(append);
  }

  /** Those that wait, oldest first: they wait no longer. */
  takeWaiting(): PendingAppend[] {
    const waiting = this.#waiting.filter((append) => this.#all.has(append));
    this.#waiting = [];
    return waiting.sort((a, b) => a.order - b.order);
  }

  /** Gives up all of them. */
  close(): void {
    clearInterval(this.#timer);
    for (const append of this.#all) append.reject(unavailable("The server is about to stop."));
  }

  #expire(): void {
    const now = performance.now();
    const waiting = new Set(this.#waiting);
    for (const append of this.#all) {
      // Oldest first.
      if (append.deadline > now) break;
      append.reject(waiting.has(append) ? unavailable("Redis cannot be reached just now.") : unanswered());
    }
    if (waiting.size > 0) this.#waiting = this.#waiting.filter((append) => this.#all.has(append));
  }
}

/** Of one that was sent and not answered. */
export function unanswered(): ThumpError {
  return unavailable(
    "Redis did not answer: whether it was published is not known. Repeat it with an idempotency key to be safe.",
  );
}
