// A class with the interface of `@elysiajs/stream`, so that routes written for that package need only a different
// import.
import { reportError } from "./plugin.ts";
import { toReadable } from "./response.ts";
import { EventWriter } from "./sse.ts";
import { StreamBody } from "./stream-body.ts";
import type { StreamEnd } from "./stream-end.ts";

/** The sources of a `Stream`, in addition to a callback. */
export type Streamable = Iterable<unknown> | AsyncIterable<unknown> | ReadableStream | Response | null;

/** Options of a `Stream`. */
export interface StreamClassOptions {
  /** Name of all events. Can be changed later: `stream.event = "tick"`. */
  event?: string | undefined;
  /** Time in ms that clients wait before they reconnect. Sent with every event. Can be changed later. */
  retry?: number | undefined;
  /** Time in ms without events after which a comment is sent. Default: 0 (no comments, as in `@elysiajs/stream`). */
  keepAlive?: number | undefined;
  /** Called once when the stream has ended, for any reason. */
  onClose?: ((end: StreamEnd) => unknown) | undefined;
}

/** Resolves after `ms` milliseconds. */
export const wait = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

const STALL_TIMEOUT_MS = 60_000;
/** Maximum number of bytes buffered for a client if the callback does not wait for `send()`. */
const MAX_BUFFERED_BYTES = 1024 * 1024;
/** Matches text that is already an encoded event: it begins with a field and ends with a blank line. */
const ENCODED_EVENT = /^(?:id|event|data|retry):[^]*\n\n$/;

/**
 * An event stream with the interface of `@elysiajs/stream`. Unlike that package, this class numbers events, splits
 * multi-line text, waits for clients that do not read, and has a close hook.
 * @example new Elysia().get("/", () => new Stream(async (stream) => { stream.send("hello"); stream.close(); }))
 */
export class Stream<Data extends string | number | boolean | object = string | number | boolean | object> {
  /** The byte stream that `value` and `toResponse()` return. */
  readonly stream: ReadableStream<Data>;
  /** See `wait`. */
  readonly wait = wait;
  readonly #body: StreamBody;
  readonly #writer = new EventWriter(0);
  #event: string | undefined;
  #retry: number | undefined;

  /**
   * @param source a callback, which is called immediately, or the values to stream
   * @param options the event name, the retry time and the close hook
   */
  constructor(
    source?: ((stream: Stream<Data>) => unknown) | Streamable | Promise<Streamable>,
    { event, retry, keepAlive, onClose }: StreamClassOptions = {},
  ) {
    this.#event = event || undefined;
    this.#retry = retry || undefined;
    const called = typeof source === "function" || source === undefined;
    const open = called ? () => this.#call(source) : bodyOf(source);
    this.#body = new StreamBody(open, {
      lastEventId: undefined,
      greets: false,
      keepAlive: keepAlive ?? 0,
      stallTimeout: STALL_TIMEOUT_MS,
      maxBuffered: MAX_BUFFERED_BYTES,
      onClose,
      onError: reportError,
      encode: (item) => this.#encode(item),
    });
    this.stream = forElysia(this.#body) as ReadableStream<Data>;
    if (called) this.#body.start();
  }

  /** Time in ms that clients wait before they reconnect. */
  get retry(): number | undefined {
    return this.#retry;
  }
  set retry(retry: number | undefined) {
    this.#retry = retry || undefined;
  }

  /** Name of all later events. */
  get event(): string | undefined {
    return this.#event;
  }
  set event(event: string | undefined) {
    this.#event = event || undefined;
  }

  /** Concatenates two byte arrays. */
  static concatUintArray(a: Uint8Array, b: Uint8Array): Uint8Array {
    return Buffer.concat([a, b]);
  }

  /**
   * Sends data as an event. Bytes, and text that is already an encoded event, are sent unchanged. "" is ignored.
   * Returns a promise while the client is behind. If the callback does not wait for the promise, the stream ends once
   * more than 1 MiB is buffered.
   */
  send(data: string | number | boolean | object | Uint8Array): void | Promise<void> {
    return this.#body.send(data);
  }

  /** Ends the stream. */
  close(): void {
    this.#body.finish("done");
  }

  /** The byte stream, which a route can return. */
  get value(): ReadableStream<Data> {
    return this.stream;
  }

  /** Called by Elysia for a route that returns the `Stream` itself. */
  toResponse(): ReadableStream<Data> {
    return this.stream;
  }

  /**
   * Calls the callback. The stream stays open after the callback returns, until `close()`. A rejected promise ends the
   * stream.
   */
  #call(callback: ((stream: Stream<Data>) => unknown) | undefined): void {
    const returned = callback?.(this);
    if (returned instanceof Promise) returned.catch((error: unknown) => this.#body.finish("error", error));
  }

  #encode(data: unknown): string | Uint8Array {
    if (data === "" || data === undefined) return "";
    const { event, retry } = this;
    if (data instanceof Uint8Array) {
      if (!event && !retry) return data;
      return Buffer.concat([
        Buffer.from(`${event ? `event: ${event}\n` : ""}${retry ? `retry: ${retry}\n` : ""}`),
        data,
      ]);
    }
    if (typeof data === "string" && ENCODED_EVENT.test(data)) return data;
    return this.#writer.write({ sse: true, event, retry, data });
  }
}

/** Replaces a response with its body, which is sent unchanged. Returns any other source as is. */
function bodyOf(source: Streamable | Promise<Streamable>): unknown {
  if (source instanceof Promise) return source.then(bodyOf);
  return source instanceof Response ? source.body : source;
}

/**
 * Converts a body to the form that Elysia accepts from a route. The mark `sse` sets the content type to
 * `text/event-stream`. When the client leaves, Elysia calls `return()`, which ends the body even while a read is
 * pending.
 */
function forElysia(body: StreamBody): ReadableStream<Uint8Array> {
  const iterator = (): AsyncIterator<Uint8Array, undefined> => ({
    next: async () => {
      const value = await body.read();
      return value === undefined ? { done: true, value } : { done: false, value };
    },
    return: () => {
      body.finish("client");
      return Promise.resolve({ done: true, value: undefined });
    },
  });
  return Object.assign(toReadable(body), { sse: true, [Symbol.asyncIterator]: iterator });
}
