// A subscriber that reconnects with its cursor during a test, and records everything that it receives.
import { createParser } from "eventsource-parser";

export interface Received {
  n: number;
  seq: number;
}

export class ResumingListener {
  readonly received = new Map<string, Received[]>();
  gaps = 0;
  /** Number of messages whose seq is not greater than the previous one. */
  disorder = 0;
  #cursor: string | undefined;
  #abort: AbortController | undefined;

  /** @param cursor the start position; undefined to start now */
  constructor(
    readonly rooms: readonly string[],
    cursor?: string,
  ) {
    this.#cursor = cursor;
    for (const room of rooms) this.received.set(room, []);
  }

  /** The newest seq received, in any room. */
  get seq(): number {
    return Number(this.#cursor?.split("-")[1] ?? 0);
  }

  /** Resolves when connected. Records messages until the connection breaks. */
  async connect(url: string): Promise<void> {
    const query = this.rooms.map((room) => `room=${encodeURIComponent(room)}`).join("&");
    const headers: Record<string, string> = { accept: "text/event-stream" };
    if (this.#cursor !== undefined) headers["last-event-id"] = this.#cursor;
    this.#abort = new AbortController();
    const response = await fetch(`${url}/events?${query}`, { headers, signal: this.#abort.signal });
    const read = this.#read(response);
    if (this.#cursor === undefined) await Promise.race([read, this.#placed.promise]);
  }

  leave(): void {
    this.#abort?.abort();
  }

  readonly #placed = Promise.withResolvers<void>();

  async #read(response: Response): Promise<void> {
    const parser = createParser({
      onEvent: ({ event, data, id }) => this.#onEvent(event, data, id),
    });
    const decoder = new TextDecoder();
    let head = "";
    try {
      for await (const chunk of response.body ?? []) {
        const text = decoder.decode(chunk, { stream: true });
        if (this.#cursor === undefined) {
          // A block with an id but no data is not an event: it contains the start position.
          head += text;
          this.#cursor = /^id: (.+)\n\n/m.exec(head)?.[1];
          if (this.#cursor !== undefined) this.#placed.resolve();
        }
        parser.feed(text);
      }
    } catch {
      // The connection broke, but the messages received so far are recorded.
    }
  }

  #onEvent(event: string | undefined, data: string, id: string | undefined): void {
    if (event === "thump:gap") this.gaps++;
    else {
      const { room, data: all, at } = JSON.parse(data) as { room: string; data: { n: number }; at: string };
      const seq = Number(at.split("-")[1]);
      if (seq <= this.seq) this.disorder++;
      this.received.get(room)?.push({ n: all.n, seq });
    }
    if (id !== undefined) this.#cursor = id;
  }
}
