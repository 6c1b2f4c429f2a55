// Sources of a stream, and what each of them is opened as.

/** The argument of a function that is a source. Each client has a separate one. */
export interface SourceContext<Item = unknown> {
  /** The id of the last event that the client has; undefined for a new client. */
  readonly lastEventId: string | undefined;
  /** `lastEventId` as a number: 0 for a new client, and if the id is not a whole number. */
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
  // With `SourceContext<Item>`, TypeScript would infer `unknown` before it looks at the returned values.
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
  /** `raw`: the values are parts of an event stream already. */
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
  if (isThenable(value))
    return Promise.resolve(value).then((settled: unknown) => {
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
  if (!ok) throw new Error(`Cannot stream a response with the status ${status}.`);
  if (body === null) return { kind: "empty" };
  const raw = headers.get("content-type")?.startsWith("text/event-stream") ?? false;
  const items = raw ? body : body.pipeThrough(new TextDecoderStream() as never);
  return { kind: "items", iterator: iteratorOf(items) as AsyncIterator<unknown>, raw };
}

/** Query builders, for example, are thenables without being promises. */
function isThenable(value: unknown): value is PromiseLike<unknown> {
  return typeof (value as { then?: unknown } | null | undefined)?.then === "function";
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

/** An id as a whole number; 0 if it is not one. */
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

/** A synchronous iterator may have promises as values. */
export function settled(
  step: IteratorResult<unknown>,
): IteratorResult<unknown> | Promise<IteratorResult<unknown>> {
  const { value } = step;
  return value instanceof Promise ? value.then((known: unknown) => ({ done: false, value: known })) : step;
}
