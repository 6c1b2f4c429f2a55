// PendingChunk: collects text and bytes until the client reads, then joins them into one chunk.

const encoder = new TextEncoder();
const LINE_FEED = 10;

export class PendingChunk {
  #parts: Uint8Array[] = [];
  #texts: string[] = [];
  /** Approximate number of bytes. Text is counted in UTF-16 units, which undercounts non-ASCII text. */
  size = 0;
  /** True at the end of an event. A comment that is inserted elsewhere would become part of an event. */
  endsEvent = true;

  /** Adds complete events. */
  addText(text: string): void {
    if (text === "") return;
    this.#texts.push(text);
    this.size += text.length;
    this.endsEvent = true;
  }

  /** Adds part of an encoded event stream. */
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
