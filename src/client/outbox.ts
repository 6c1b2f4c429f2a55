// What waits to be published, in order: bounded, and each under a key, so that a retry never doubles it. Pure.
import { ThumpError } from "./errors.ts";

export interface Entry {
  /** Its place in the order of publishing. */
  order?: number;
  /** Room, event, data and key as a JSON object. */
  readonly body: string;
  /** What the body takes in UTF-8. */
  readonly bytes: number;
  readonly resolve: (at: string) => void;
  readonly reject: (error: ThumpError) => void;
}

export interface OutboxBounds {
  /** So many publications may wait (10,000). */
  count?: number;
  /** So many bytes of them (4 MiB). */
  bytes?: number;
}

export class Outbox {
  /** In the order they were published. */
  readonly #waiting: Entry[] = [];
  /** On their way, not answered. */
  readonly #sent = new Set<Entry>();
  #bytes = 0;
  #order = 0;
  readonly #bounds: Required<OutboxBounds>;

  constructor({ count = 10_000, bytes = 4 << 20 }: OutboxBounds = {}) {
    this.#bounds = { count, bytes };
  }

  /** How many are not answered yet. */
  get size(): number {
    return this.#waiting.length + this.#sent.size;
  }

  /** How many are on their way. */
  get sent(): number {
    return this.#sent.size;
  }

  /** Adds one at the end. @throws ThumpError `queue-full` */
  add(entry: Entry): void {
    const { count, bytes } = this.#bounds;
    if (this.size >= count || this.#bytes + entry.bytes > bytes) {
      throw new ThumpError("queue-full", `${this.size} publications wait; ${count}, of ${bytes} bytes, may.`);
    }
    this.#bytes += entry.bytes;
    entry.order = ++this.#order;
    this.#waiting.push(entry);
  }

  /** The next one to send, from now on on its way. */
  next(): Entry | undefined {
    const entry = this.#waiting.shift();
    if (entry) this.#sent.add(entry);
    return entry;
  }

  /** It is answered: kept at a cursor, or refused. The second answer is none. */
  settle(entry: Entry, answer: string | ThumpError): void {
    if (!this.#sent.delete(entry)) return;
    this.#bytes -= entry.bytes;
    if (typeof answer === "string") entry.resolve(answer);
    else entry.reject(answer);
  }

  /** What is on its way may be lost: it is to be sent again, in its place. */
  rewind(entries: Iterable<Entry> = this.#sent): void {
    const again = [...entries].filter((entry) => this.#sent.delete(entry));
    this.#waiting.push(...again);
    this.#waiting.sort((a, b) => (a.order ?? 0) - (b.order ?? 0));
  }

  /** Gives up on all of them. */
  clear(error: ThumpError): void {
    this.rewind();
    this.#bytes = 0;
    for (const entry of this.#waiting.splice(0)) entry.reject(error);
  }
}

const encoder = new TextEncoder();

/** The bytes that a text takes in UTF-8. */
export function byteLength(text: string): number {
  return encoder.encode(text).length;
}
