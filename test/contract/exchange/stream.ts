// An event stream or NDJSON whose blocks are written down as a scenario awaits them.
import type { HttpExchange, Sent } from "./http.ts";
import { indent, type Recorder } from "./recorder.ts";

export class RecordedStream {
  #read = 0;

  /** @param end of a block: an empty line in event streams, a line break in NDJSON */
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

  /** Awaits and writes this many blocks. */
  async next(count = 1): Promise<void> {
    for (let i = 0; i < count; i++) {
      await this.recorder.wait(this.reply.until(() => this.#blocks.length > this.#read + 1));
      this.recorder.note(`${this.name} ←\n${indent(this.#blocks[this.#read++] as string)}`);
    }
  }

  /** Awaits a block that passes a test, of all that there are. Writes none. */
  async find(test: (block: string) => boolean): Promise<string> {
    const found = () => this.#blocks.slice(0, -1).find((block) => block !== "" && test(block));
    await this.recorder.wait(this.reply.until(() => found() !== undefined));
    return found() as string;
  }

  /** Awaits the end and writes what came before it. */
  async ended(): Promise<void> {
    await this.recorder.wait(this.reply.ended);
    await this.next(this.#blocks.length - 1 - this.#read);
    this.recorder.note(`${this.name}: ended`);
  }

  /** Closes it and writes what was not awaited: nothing, unless the scenario is wrong. */
  async close(): Promise<void> {
    await this.next(this.#blocks.length - 1 - this.#read);
    this.reply.close();
    await this.reply.ended;
  }

  get #blocks(): string[] {
    return this.reply.text.split(this.end);
  }
}
