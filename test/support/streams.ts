// Reads an event stream or NDJSON over fetch: the events, the raw lines, and the end of the stream.
import { createParser, type EventSourceMessage } from "eventsource-parser";
import { Inbox } from "./clients.ts";
import { cleanup } from "./cleanup.ts";

export class OpenStream {
  readonly events = new Inbox<EventSourceMessage>();
  readonly lines = new Inbox<string>();
  /** Resolves when the server or `abort` has ended the stream. */
  readonly ended: Promise<void>;
  readonly #abort: AbortController;

  constructor(
    readonly response: Response,
    abort: AbortController,
  ) {
    this.#abort = abort;
    this.ended = this.#read().catch(() => {
      // The test or the server aborted the stream. Earlier events have been collected.
    });
  }

  /** The received text. */
  get text(): string {
    return this.lines.all.join("\n");
  }

  /** The lines that contain JSON objects, parsed. */
  get objects(): Record<string, unknown>[] {
    return this.lines.all
      .filter((line) => line.startsWith("{"))
      .map((line) => JSON.parse(line) as Record<string, unknown>);
  }

  /** The events' parsed data. */
  get frames(): Record<string, unknown>[] {
    return this.events.all.map(({ data }) => JSON.parse(data) as Record<string, unknown>);
  }

  abort(): void {
    this.#abort.abort();
  }

  async #read(): Promise<void> {
    const parser = createParser({ onEvent: (event) => this.events.push(event) });
    const decoder = new TextDecoder();
    let rest = "";
    for await (const chunk of this.response.body ?? []) {
      const text = decoder.decode(chunk, { stream: true });
      parser.feed(text);
      const parts = (rest + text).split("\n");
      rest = parts.pop() ?? "";
      for (const part of parts) this.lines.push(part);
    }
  }
}

async function open(url: string, headers: Record<string, string>, body?: string): Promise<OpenStream> {
  const abort = new AbortController();
  const method = body === undefined ? "GET" : "POST";
  const response = await fetch(url, { method, headers, ...(body && { body }), signal: abort.signal });
  cleanup(() => abort.abort());
  return new OpenStream(response, abort);
}

/** Opens an event stream and waits for its first position, so that it receives all later messages. */
export async function openEvents(url: string, headers: Record<string, string> = {}): Promise<OpenStream> {
  const stream = await open(url, { accept: "text/event-stream", ...headers });
  await begun(stream, (lines) => lines.some((line) => line.startsWith("id: ")));
  return stream;
}

/** Opens an NDJSON stream and waits for its first position. */
export async function openNdjson(url: string, headers: Record<string, string> = {}): Promise<OpenStream> {
  const stream = await open(url, { accept: "application/x-ndjson", ...headers });
  await begun(stream, (lines) => lines.some((line) => line.includes('"position"')));
  return stream;
}

/** Opens a multiplexed stream of these rooms. Resolves once every join has been answered. */
export async function openMultiplexed(
  url: string,
  joins: object[],
  headers: Record<string, string> = {},
): Promise<OpenStream> {
  const stream = await open(`${url}/events`, headers, JSON.stringify(joins));
  if (!stream.response.ok) return stream;
  const answers = () => stream.frames.filter(({ type }) => type === "joined" || type === "error").length;
  await begun(stream, () => stream.frames.length > 0 && answers() >= joins.length);
  return stream;
}

/** Waits until the lines pass the test. Fails if the stream ends first. */
async function begun(stream: OpenStream, test: (lines: string[]) => boolean): Promise<void> {
  const ended = stream.ended.then(() => {
    if (!test(stream.lines.all)) throw new Error("the stream ended before it began");
  });
  await Promise.race([stream.lines.until(test), ended]);
}
