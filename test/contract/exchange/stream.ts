// An event stream or NDJSON response that records each block as the scenario awaits it.
import type { HttpExchange, Sent } from "./http.ts";
import { indent, type Recorder } from "./recorder.ts";

export class RecordedStream {
  #read = 0;

  /** @param end the text that separates blocks: an empty line in event streams, a line break in NDJSON */
  constructor(
    readonly recorder: Recorder,
    readonly name: string,
    readonly reply: HttpExchange,
    readonly end: "\n\n" | "\n",
  ) {}

  static async open(
    recorder: Recorder,
    name: string,
    path: string,
    {
      method = "GET",
      accept = "text/event-stream",
      headers = {},
      ...sent
    }: Sent & { method?: string; accept?: string } = {},
  ): Promise<RecordedStream> {
    const reply = await recorder.open(method, path, { ...sent, headers: { accept, ...headers } });
    return new RecordedStream(recorder, name, reply, accept.includes("ndjson") ? "\n" : "\n\n");
  }

  /** Awaits and records `count` blocks. */
  async next(count = 1): Promise<void> {
    for (let i = 0; i < count; i++) {
      await this.recorder.wait(this.reply.until(() => this.#blocks.length > this.#read + 1));
      this.recorder.note(`${this.name} ←\n${indent(this.#blocks[this.#read++] as string)}`);
    }
  }

  /**
   * Returns the first block that passes a test, from the start of the stream. Waits for it if necessary. Records
   * nothing.
   */
  async find(test: (block: string) => boolean): Promise<string> {
    const found = () => this.#blocks.slice(0, -1).find((block) => block !== "" && test(block));
    await this.recorder.wait(this.reply.until(() => found() !== undefined));
    return found() as string;
  }

  /** Awaits the end and records the remaining blocks. */
  async ended(): Promise<void> {
    await this.recorder.wait(this.reply.ended);
    await this.next(this.#blocks.length - 1 - this.#read);
    this.recorder.note(`${this.name}: ended`);
  }

  /** Closes the stream and records the remaining blocks. In a correct scenario, none remain. */
  async close(): Promise<void> {
    await this.next(this.#blocks.length - 1 - this.#read);
    this.reply.close();
    await this.reply.ended;
  }

  get #blocks(): string[] {
    return this.reply.text.split(this.end);
  }
}
