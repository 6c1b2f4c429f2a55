// PendingChunk: collects text and bytes until the client reads, and joins them.

const encoder = new TextEncoder();
const LINE_FEED = 10;

export class PendingChunk {
  #parts: Uint8Array[] = [];
  #texts: string[] = [];
  /** Number of bytes. Text counts by its UTF-16 units, which is less for text outside of ASCII. */
  size = 0;
  /** Whether the last bytes end an event. A comment within an event would become part of it. */
  endsEvent = true;

  /** Adds complete events. */
  addText(text: string): void {
    if (text === "") return;
    this.#texts.push(text);
    this.size += text.length;
    this.endsEvent = true;
  }

  /** Adds parts of an event stream. */
  addBytes(bytes: Uint8Array): void {
    if (bytes.length === 0) return;
    this.#joinTexts();
    this.#parts.push(bytes);
    this.size += bytes.length;
    this.endsEvent = bytes.at(-1) === LINE_FEED && bytes.at(-2) === LINE_FEED;
  }

  /** Removes and returns everything. */
  take(): Uint8Array {
    this.#joinTexts();
    const parts = this.#parts;
    this.clear();
    return parts.length === 1 ? (parts[0] as Uint8Array) : Buffer.concat(parts);
  }

  clear(): void {
    this.#parts = [];
    this.#texts = [];
    this.size = 0;
  }

  #joinTexts(): void {
    if (this.#texts.length === 0) return;
    this.#parts.push(encoder.encode(this.#texts.length === 1 ? this.#texts[0] : this.#texts.join("")));
    this.#texts = [];
  }
}
