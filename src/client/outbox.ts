// Outbox: an ordered queue of publications, within limits. Each publication has an idempotency key, so a retry never
// stores it twice. Pure.
import { ThumpError } from "./client-errors.ts";

export interface OutboxEntry {
  /** True while a reply is pending. */
  sent?: boolean;
  /** Room, event, data and key as a JSON object. */
  readonly body: string;
  /** Size of `body` in UTF-8 bytes. */
  readonly bytes: number;
  readonly resolve: (at: string) => void;
  readonly reject: (error: ThumpError) => void;
}

/** Limits on queued publications. */
export interface OutboxLimits {
  /** Maximum number of queued publications. Default: 10,000. */
  count?: number;
  /** Maximum size of queued publications in bytes. Default: 4 MiB. */
  bytes?: number;
}

export class Outbox {
  /** In order of publication. */
  readonly #entries: OutboxEntry[] = [];
  #bytes = 0;
  readonly #limits: Required<OutboxLimits>;

  constructor({ count = 10_000, bytes = 4 << 20 }: OutboxLimits = {}) {
    this.#limits = { count, bytes };
  }

  /** Appends an entry. @throws ThumpError `queue-full` */
  add(entry: OutboxEntry): void {
    const { count, bytes } = this.#limits;
    const { length } = this.#entries;
    if (length >= count || this.#bytes + entry.bytes > bytes)
      throw new ThumpError("queue-full", `The queue is full: ${count} publications, ${bytes} bytes.`);
    this.#bytes += entry.bytes;
    this.#entries.push(entry);
  }

  /** Returns the next entry to send, and marks it sent, if it is among the first `window` entries. */
  next(window: number): OutboxEntry | undefined {
    const entry = this.#entries.slice(0, window).find(({ sent }) => !sent);
    if (entry) entry.sent = true;
    return entry;
  }

  /** Removes an entry, and resolves it with its cursor or rejects it with an error. */
  settle(entry: OutboxEntry, result: string | ThumpError): void {
    // The entry is near the start, because replies arrive almost in order.
    this.#entries.splice(this.#entries.indexOf(entry), 1);
    this.#bytes -= entry.bytes;
    if (typeof result === "string") entry.resolve(result);
    else entry.reject(result);
  }

  /** Marks entries as unsent, so that they are sent again in order. Their replies may have been lost. */
  rewind(entries: readonly OutboxEntry[] = this.#entries): void {
    for (const entry of entries) entry.sent = false;
  }

  /** Rejects all entries. */
  clear(error: ThumpError): void {
    for (const entry of this.#entries.splice(0)) entry.reject(error);
  }
}

const encoder = new TextEncoder();

/** Length of a text in UTF-8 bytes. */
export function byteLength(text: string): number {
  return encoder.encode(text).length;
}
