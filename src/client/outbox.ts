// What waits to be published, in order: bounded, and each under a key, so that a retry never doubles it. Pure.
import { ThumpError } from "./client-errors.ts";

export interface OutboxEntry {
  /** It is on its way. */
  sent?: boolean;
  /** Room, event, data and key as a JSON object. */
  readonly body: string;
  /** What the body takes in UTF-8. */
  readonly bytes: number;
  readonly resolve: (at: string) => void;
  readonly reject: (error: ThumpError) => void;
}

export interface OutboxLimits {
  /** So many publications may wait (10,000). */
  count?: number;
  /** So many bytes of them (4 MiB). */
  bytes?: number;
}

export class Outbox {
  /** In the order they were published. */
  readonly #entries: OutboxEntry[] = [];
  #bytes = 0;
  readonly #bounds: Required<OutboxLimits>;

  constructor({ count = 10_000, bytes = 4 << 20 }: OutboxLimits = {}) {
    this.#bounds = { count, bytes };
  }

  /** Adds one at the end. @throws ThumpError `queue-full` */
  add(entry: OutboxEntry): void {
    const { count, bytes } = this.#bounds;
    const { length } = this.#entries;
    if (length >= count || this.#bytes + entry.bytes > bytes)
      throw new ThumpError("queue-full", `${count} publications, of ${bytes} bytes, may wait.`);
    this.#bytes += entry.bytes;
    this.#entries.push(entry);
  }

  /** The next one to send, from now on on its way, as long as no more than `window` are. */
  next(window: number): OutboxEntry | undefined {
    const entry = this.#entries.slice(0, window).find(({ sent }) => !sent);
    if (entry) entry.sent = true;
    return entry;
  }

  /** It is answered: kept at a cursor, or refused. */
  settle(entry: OutboxEntry, answer: string | ThumpError): void {
    // Among the first, as they are answered in about their order.
    this.#entries.splice(this.#entries.indexOf(entry), 1);
    this.#bytes -= entry.bytes;
    if (typeof answer === "string") entry.resolve(answer);
    else entry.reject(answer);
  }

  /** What is on its way may be lost: it is to be sent again, in its place. */
  rewind(entries: readonly OutboxEntry[] = this.#entries): void {
    for (const entry of entries) entry.sent = false;
  }

  /** Gives up on all of them. */
  clear(error: ThumpError): void {
    for (const entry of this.#entries.splice(0)) entry.reject(error);
  }
}

const encoder = new TextEncoder();

/** The bytes that a text takes in UTF-8. */
export function byteLength(text: string): number {
  return encoder.encode(text).length;
}
