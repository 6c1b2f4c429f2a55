// `thump publish`: publishes a text, a file, or the lines of standard input to a room.
import { randomUUID } from "node:crypto";
import { readFile } from "node:fs/promises";
import { HttpApi } from "../http-api.ts";
import { type ConnectionFlags, readCredential } from "../connection-flags.ts";
import { CommandError, EXIT, messageOf } from "../exit-codes.ts";
import { printableText, jsonLine, lineOf } from "../../protocol/printable.ts";
import { Output, printError } from "../terminal.ts";
import { type PublishItem, type ItemOptions, bytesItem, lineItem, textItem } from "./item.ts";
import { lines } from "./lines.ts";
import { Progress } from "./progress.ts";
import { Queue } from "./queue.ts";
import { BatchSender } from "./batch-sender.ts";

export interface PublishFlags extends ConnectionFlags {
  event?: string;
  key?: string;
  file?: string;
  text?: true;
  /** Maximum number of publications per request. */
  batch: number;
  keepGoing?: true;
  /** Maximum server outage in ms. */
  retry: number;
}

/** Number of batches to read ahead while another batch is being sent. */
const READ_AHEAD_BATCHES = 2;

/** Publishes, and prints the last cursor. @throws CommandError */
export async function runPublish(room: string, text: string | undefined, flags: PublishFlags): Promise<void> {
  const { event, file, key = randomUUID() } = flags;
  if (text !== undefined && file !== undefined)
    throw new CommandError("Use a text or --file, not both.", EXIT.usage);
  const as = flags.json ? "json" : flags.text ? "text" : "either";
  const options: ItemOptions = { room, as, ...(event === undefined ? {} : { event }) };
  const progress = new Progress();
  const sender = new BatchSender(new HttpApi(flags.url, await readCredential(flags, process.env)), {
    maxOutageMs: flags.retry,
    onWait: (ms, error) => progress.wait(ms, error),
  });
  const job = new PublishJob(sender, progress, flags);
  if (text !== undefined) await job.run(only(textItem(text, key, "The text", options)));
  else if (file !== undefined) await job.run(only(await fileItem(file, key, options)));
  else await job.run(lineItems(key, options, flags));
  await job.print();
}

async function* only(item: PublishItem): AsyncGenerator<PublishItem> {
  yield item;
}

/** Creates an item from a whole file, or from all of standard input. */
async function fileItem(file: string, key: string, options: ItemOptions): Promise<PublishItem> {
  const bytes = await (file === "-" ? Bun.stdin.bytes() : readFile(file)).catch((error: unknown) => {
    throw new CommandError(`--file: ${messageOf(error)}`, EXIT.usage);
  });
  return bytesItem(bytes, key, file === "-" ? "Standard input" : file, options);
}

async function* lineItems(
  key: string,
  options: ItemOptions,
  { keepGoing }: PublishFlags,
): AsyncGenerator<PublishItem> {
  if (process.stdin.isTTY) printError("each line is published; press Ctrl-D to end");
  let number = 0;
  for await (const line of lines(Bun.stdin.stream())) {
    number++;
    // A blank line is not JSON: NDJSON streams use blank lines as keep-alives.
    if (options.as === "json" && line.every(isSpace)) continue;
    try {
      yield lineItem(line, `${key}:${number}`, `Line ${number}`, options);
    } catch (error) {
      if (!keepGoing) throw error;
      process.exitCode = EXIT.failure;
      printError(messageOf(error));
    }
  }
}

/** Whether a byte is JSON white space (RFC 8259 §2) that can occur in a line. */
function isSpace(byte: number): boolean {
  return byte === 0x20 || byte === 0x09 || byte === 0x0d;
}

/** Reads and sends concurrently. The queue between reader and sender bounds memory use. */
class PublishJob {
  #published = 0;
  #at: string | undefined;
  readonly #queue: Queue<PublishItem>;

  constructor(
    readonly sender: BatchSender,
    readonly progress: Progress,
    readonly flags: PublishFlags,
  ) {
    this.#queue = new Queue(flags.batch * READ_AHEAD_BATCHES);
  }

  async run(items: AsyncGenerator<PublishItem>): Promise<void> {
    const interrupt = () => this.#interrupt();
    process.on("SIGINT", interrupt);
    void this.#read(items);
    try {
      for (let batch; (batch = await this.#queue.take(this.flags.batch)).length > 0;) await this.#send(batch);
    } catch (error) {
      throw this.#withProgress(error);
    } finally {
      this.progress.end();
      process.off("SIGINT", interrupt);
    }
  }

  print(): Promise<void> {
    const output = new Output();
    if (this.flags.json) output.write(jsonLine({ at: this.#at, published: this.#published }));
    else if (this.#at !== undefined) output.write(lineOf(printableText(this.#at)));
    return output.drained();
  }

  async #read(items: AsyncGenerator<PublishItem>): Promise<void> {
    try {
      for await (const item of items) if (!(await this.#queue.push(item))) return;
      this.#queue.end();
    } catch (error) {
      this.#queue.end(error);
    }
  }

  /** Sends a batch. With `--keep-going`, continues after an item that fails. */
  async #send(batch: PublishItem[]): Promise<void> {
    let rest = batch;
    while (rest.length > 0) {
      const { stored, at, failed } = await this.sender.send(rest);
      this.#published += stored;
      this.#at = at ?? this.#at;
      this.progress.show(this.#published, this.#at);
      if (!failed) return;
      const { item, error } = failed;
      const failure = new CommandError(`${item.source}: ${error.message}`, error.exitCode);
      if (!this.flags.keepGoing) throw failure;
      process.exitCode = EXIT.failure;
      this.progress.note(failure.message);
      rest = rest.slice(stored + 1);
    }
  }

  /** Stops reading, and sends the lines already read if the server accepts them at once. */
  #interrupt(): void {
    if (process.exitCode === EXIT.interrupted) process.exit();
    process.exitCode = EXIT.interrupted;
    this.#queue.end();
    this.sender.stop();
  }

  /** Adds the number of published messages to an error. */
  #withProgress(error: unknown): unknown {
    if (!(error instanceof CommandError) || this.#published === 0) return error;
    const done = `${this.#published} published before, the last at ${this.#at}`;
    return new CommandError(`${error.message} (${done})`, error.exitCode);
  }
}
