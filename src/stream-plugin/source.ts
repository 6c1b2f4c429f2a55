// Stream sources: their types, and how they are opened.

/** The argument of a source function. Each client has a separate context. */
export interface SourceContext<Item = unknown> {
  /** The id of the last event that the client received; undefined for a new client. */
  readonly lastEventId: string | undefined;
  /** `lastEventId` as a number; 0 for a new client, or if the id is not a whole number. */
  readonly lastNumber: number;
  /** Aborted when the stream ends, for any reason. Pass it to every operation that the source waits for. */
  readonly signal: AbortSignal;
  /** Resolves after `ms` milliseconds, or as soon as the stream ends. */
  readonly wait: (ms: number) => Promise<void>;
  /**
   * Sends a value as the data of an event, or an event created by `sse()`. While the client is behind, returns a
   * promise: await the promise before sending more. If a callback does not wait, its stream ends with the reason `slow`
   * once more than `maxBuffered` bytes are buffered.
   */
  readonly send: (item: Item) => void | Promise<void>;
  /** Ends the stream. */
  readonly close: () => void;
}

/** A sequence of values, each of which becomes an event. Bytes are decoded as UTF-8. */
export type Items<Item> = AsyncIterable<Item> | Iterable<Item> | ReadableStream<Item>;

/** A function that is called once per client, and returns the values after `lastEventId`. */
export type SourceFactory<Item> = (
  // With `SourceContext<Item>`, TypeScript would infer `unknown` before it examines the returned values.
  // oxlint-disable-next-line typescript/no-explicit-any
  context: SourceContext<any>,
) => Items<Item> | Promise<Items<Item>>;

/**
 * A function that is called once per client, and sends values. The stream ends when the function calls `close()`, when
 * its promise settles, or when the client leaves. If the source function returns a function, that function is called
 * when the stream has ended.
 */
export type SourceCallback<Item> = (
  context: SourceContext<Item>,
) => void | (() => void) | Promise<void | (() => void)>;

/**
 * The source of a stream. A response's body is forwarded unchanged if it is an event stream. Otherwise each chunk of
 * its text becomes an event.
 */
export type Source<Item> =
  Items<Item> | Response | Promise<Response | Items<Item>> | SourceFactory<Item> | SourceCallback<Item>;

/** An opened source. */
export type Opened =
  /** `raw`: the values are parts of an encoded event stream. */
  | { kind: "items"; iterator: AsyncIterator<unknown> | Iterator<unknown>; raw: boolean }
  /** The source calls `send()`. `ends`: the source has already sent everything. */
  | { kind: "sends"; cleanUp: (() => void) | undefined; ends: boolean }
  | { kind: "empty" };

/** Opens a source for one client. Returns a promise only if the source is a promise or returns a promise. */
export function openSource(source: unknown, context: SourceContext<unknown>): Opened | Promise<Opened> {
  if (typeof source !== "function") return openValue(source, false);
  const returned = (source as (context: SourceContext<unknown>) => unknown)(context);
  return openValue(returned, true);
}

function openValue(value: unknown, returned: boolean): Opened | Promise<Opened> {
  if (isThenable(value))
    return Promise.resolve(value).then((settled: unknown) => {
      const opened = openValue(settled, returned);
      // An async callback that has resolved has sent everything.
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

/** True for a thenable. Some thenables, such as query builders, are not promises. */
function isThenable(value: unknown): value is PromiseLike<unknown> {
  return typeof (value as { then?: unknown } | null | undefined)?.then === "function";
}

function iteratorOf(value: unknown): AsyncIterator<unknown> | Iterator<unknown> | undefined {
  if (value instanceof ReadableStream) return iterateStream(value as ReadableStream<unknown>);
  // A string is one value, not a sequence of characters.
  if (typeof value === "string") return [value].values();
  if (typeof value !== "object" || value === null) return undefined;
  const iterable = value as Partial<AsyncIterable<unknown> & Iterable<unknown>>;
  return iterable[Symbol.asyncIterator]?.() ?? iterable[Symbol.iterator]?.();
}

/**
 * Iterates over a web stream. Unlike the stream's own iterator, this iterator's `return()` cancels the stream at once,
 * even during a read.
 */
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

/** Parses an id as a whole number. Returns 0 if the id is not a whole number. */
export function wholeNumber(id: string | undefined): number {
  const number = Number(id ?? 0);
  return Number.isSafeInteger(number) && number >= 0 ? number : 0;
}

/** Resolves after `ms` milliseconds, or as soon as the signal is aborted. */
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

/** Awaits the value of a synchronous iterator's step if the value is a promise. */
export function settled(
  step: IteratorResult<unknown>,
): IteratorResult<unknown> | Promise<IteratorResult<unknown>> {
  const { value } = step;
  return value instanceof Promise ? value.then((known: unknown) => ({ done: false, value: known })) : step;
}
