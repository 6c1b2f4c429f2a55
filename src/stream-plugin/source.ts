// Sources of a stream, and what each of them is opened as.

/** What the function of a source receives when a client connects. */
export interface SourceContext<Item = unknown> {
  /** The id of the last event that the client has; undefined for a client that is new. */
  readonly lastEventId: string | undefined;
  /** `lastEventId` as a number: 0 for a client that is new, and if the id is no whole number. */
  readonly lastNumber: number;
  /** Is aborted when the stream ends, for whatever reason. Pass it to everything that the source waits for. */
  readonly signal: AbortSignal;
  /** Resolves after a number of milliseconds, and at once if the stream ends. */
  readonly wait: (ms: number) => Promise<void>;
  /**
   * Sends a value as the data of an event, or an event made by `sse()`. Returns a promise while the client is behind:
   * wait for it. A stream whose callback does not wait ends with the reason `slow` at `maxBuffered` bytes.
   */
  readonly send: (item: Item) => void | Promise<void>;
  /** Ends the stream. */
  readonly close: () => void;
}

/** Values of which each becomes an event. Bytes are decoded as UTF-8. */
export type Items<Item> = AsyncIterable<Item> | Iterable<Item> | ReadableStream<Item>;

/** Called once per client: makes the values, from those after `lastEventId`. */
export type SourceFactory<Item> = (
  // Item would be inferred from the context, of which a factory uses other parts.
  // oxlint-disable-next-line typescript/no-explicit-any
  context: SourceContext<any>,
) => Items<Item> | Promise<Items<Item>>;

/**
 * Called once per client: sends values. Its stream ends when it calls `close()`, when its promise settles, or when the
 * client leaves. A returned function is called when the stream has ended.
 */
export type SourceCallback<Item> = (
  context: SourceContext<Item>,
) => void | (() => void) | Promise<void | (() => void)>;

/** A response's body is forwarded as it stands if it is an event stream; otherwise each chunk of text becomes an event. */
export type Source<Item> =
  Items<Item> | Response | Promise<Response | Items<Item>> | SourceFactory<Item> | SourceCallback<Item>;

/** A source that was opened. */
export type Opened =
  /** `raw`: the values are parts of an event stream, and are not to be encoded. */
  | { kind: "items"; iterator: AsyncIterator<unknown> | Iterator<unknown>; raw: boolean }
  /** The source sends by itself, and ends if `ends`. */
  | { kind: "sends"; cleanUp: (() => void) | undefined; ends: boolean }
  | { kind: "empty" };

/** Opens a source for one client. A promise only if the source is one, or returns one. */
export function openSource(source: unknown, context: SourceContext<unknown>): Opened | Promise<Opened> {
  if (typeof source !== "function") return openValue(source, false);
  const returned = (source as (context: SourceContext<unknown>) => unknown)(context);
  return openValue(returned, true);
}

function openValue(value: unknown, returned: boolean): Opened | Promise<Opened> {
  if (value instanceof Promise)
    return value.then((settled: unknown) => {
      const opened = openValue(settled, returned);
      // An async callback has sent everything.
      return !(opened instanceof Promise) && opened.kind === "sends" ? { ...opened, ends: true } : opened;
    });
  if (returned && (value === undefined || value === null))
    return { kind: "sends", cleanUp: undefined, ends: false };
  if (returned && typeof value === "function")
    return { kind: "sends", cleanUp: value as () => void, ends: false };
  if (value === undefined || value === null) return { kind: "empty" };
  if (value instanceof Response) return openResponse(value);
  const iterator = iteratorOf(value);
  if (iterator === undefined)
    throw new TypeError("A stream needs an iterable, a ReadableStream, a Response or a function.");
  return { kind: "items", iterator, raw: false };
}

function openResponse({ body, headers, ok, status }: Response): Opened {
  if (!ok) throw new Error(`The response that was to be streamed has the status ${status}.`);
  if (body === null) return { kind: "empty" };
  const raw = headers.get("content-type")?.startsWith("text/event-stream") ?? false;
  const items = raw ? body : body.pipeThrough(new TextDecoderStream() as never);
  return { kind: "items", iterator: iteratorOf(items) as AsyncIterator<unknown>, raw };
}

function iteratorOf(value: unknown): AsyncIterator<unknown> | Iterator<unknown> | undefined {
  if (value instanceof ReadableStream) return iterateStream(value as ReadableStream<unknown>);
  // Text is one value, not its letters.
  if (typeof value === "string") return [value].values();
  if (typeof value !== "object" || value === null) return undefined;
  const iterable = value as Partial<AsyncIterable<unknown> & Iterable<unknown>>;
  return iterable[Symbol.asyncIterator]?.() ?? iterable[Symbol.iterator]?.();
}

/** Unlike the stream's own iterator, `return()` cancels the stream at once, also while a read waits. */
function iterateStream(stream: ReadableStream<unknown>): AsyncIterator<unknown> {
  const reader = stream.getReader();
  return {
    next: async () => {
      const { done, value } = await reader.read();
      return done ? { done, value: undefined } : { done, value };
    },
    return: async () => {
      await reader.cancel();
      return { done: true, value: undefined };
    },
  };
}

/** The number in an id; 0 if it is none. */
export function wholeNumber(id: string | undefined): number {
  const number = Number(id ?? 0);
  return Number.isSafeInteger(number) && number >= 0 ? number : 0;
}

/** Resolves after a number of milliseconds, and at once when the signal is aborted. */
export function waitFor(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) return resolve();
    const done = () => {
      clearTimeout(timer);
      signal.removeEventListener("abort", done);
      resolve();
    };
    const timer = setTimeout(done, ms);
    signal.addEventListener("abort", done);
  });
}
